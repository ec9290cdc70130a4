import functools
import importlib.util
import math
import os
import sys
import textwrap

import numpy as np
import pytest
import scipy.special

from stabcheck.errors import TargetError
from stabcheck.findings import Where
from stabcheck.targets.find import find, find_all
from stabcheck.targets.naming import op_in_name, short_name, spec_of


def module_level(x):
    return x


class Model:
    def forward_pass(self, x):
        return x * 2

    @staticmethod
    def plain(x):
        return x * 3

    def __call__(self, x):
        return x * 4


class NeedsArguments:
    def __init__(self, size):
        self.size = size

    def run(self, x):
        return x


MODEL = Model()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder that is the working directory; write(name, text) puts a file there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])

    def write(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    return write


def test_what_a_library_made_of_a_function_of_the_file(project):
    """np.vectorize gives its objects NumPy's module: those made here are found, those made elsewhere and
    functions imported from a library are not."""
    project("vectorized_elsewhere.py", "import numpy as np\n@np.vectorize\ndef softplus(x): return x\n")
    project(
        "loss.py",
        """\
        import numpy as np
        from scipy.special import expit as sigmoid, softmax
        from vectorized_elsewhere import softplus
        @np.vectorize
        def log_sigmoid(x): return x
        tanh = np.vectorize(lambda x: x)
        """,
    )
    assert ["loss.py:log_sigmoid", "loss.py:tanh"] == [found.name for found in find_all("loss.py")]


def test_scripted_functions_of_torch(project):
    """torch.jit.script names the object after itself, and holds the function."""
    pytest.importorskip("torch")
    project(
        "scripted.py",
        """\
        import torch
        from torch.nn.functional import silu
        @torch.jit.script
        def softmax(x: torch.Tensor): return torch.softmax(x, -1)
        """,
    )
    assert ["scripted.py:softmax"] == [found.name for found in find_all("scripted.py")]


# -- by name -----------------------------------------------------------------------------------------


def test_library_function_by_import_path():
    """`package.module:function` imports it; the spec is the name itself."""
    found = find("scipy.special:logsumexp")
    assert (scipy.special.logsumexp, "scipy.special:logsumexp", "scipy.special:logsumexp", "logsumexp") == (
        found.function,
        found.name,
        found.spec,
        found.op,
    )


def test_module_in_the_working_directory_is_importable(project):
    """A module beside the working directory is found without being installed."""
    project("losses_here.py", "def softmax(x): return x + 1\n")
    assert find("losses_here:softmax").function(1) == 2


def test_file_and_function(project):
    """`file.py:function` loads the file; name and location are relative to the project."""
    project("deep/my loss.py", "\n\ndef my_softmax(x):\n    return x\n")
    found = find("deep/my loss.py:my_softmax")
    assert found.name == "deep/my loss.py:my_softmax"
    assert found.location == Where("deep/my loss.py", 3, "my_softmax")
    assert found.op == "softmax"


@pytest.mark.skipif(os.name == "nt", reason="colons are not allowed in file names there")
def test_path_with_colons(project):
    """Only the last colon parts the file from the function."""
    project("a:b.py", "def f(x): return x\n")
    assert find("a:b.py:f").name == "a:b.py:f"


def test_file_of_a_package_keeps_its_relative_imports(project):
    """A file inside a package is imported under its dotted name."""
    project("pack_one/__init__.py", "")
    project("pack_one/helper.py", "SHIFT = 5\n")
    project("pack_one/loss.py", "from .helper import SHIFT\ndef f(x): return x + SHIFT\n")
    assert find("pack_one/loss.py:f").function(1) == 6


def test_file_may_import_its_neighbours(project):
    """A script's own folder is importable, as it is when Python runs the script."""
    project("scripts/neighbour_of_loss.py", "SHIFT = 7\n")
    project(
        "scripts/loss.py", "def f(x):\n    import neighbour_of_loss\n    return x + neighbour_of_loss.SHIFT\n"
    )
    assert find("scripts/loss.py:f").function(1) == 8


def test_spec_of_a_file_finds_the_same_function_from_elsewhere(project, monkeypatch):
    """The spec is absolute: a process started in another folder can use it."""
    project("loss.py", "def f(x): return x\n")
    found = find("loss.py:f")
    monkeypatch.chdir("/")
    assert find(found.spec).function is found.function


def test_changed_file_is_loaded_again(project):
    """A file is imported once, but again after it was edited."""
    file = project("edited.py", "def f(x): return 1\n")
    first = find("edited.py:f").function
    assert find("edited.py:f").function is first
    file.write_text("def f(x): return 2\n")
    os.utime(file, ns=(1, 1))
    assert find("edited.py:f").function(0) == 2


def test_method_of_a_class_gets_an_instance(project):
    """`module:Class.method` is called on an instance made without arguments; static methods need none."""
    project(
        "models.py",
        "class M:\n    def run(self, x): return (type(self).__name__, x)\n"
        "    @staticmethod\n    def free(x): return x\n    def __call__(self, x): return -x\n",
    )
    assert find("models.py:M.run").function(1) == ("M", 1)
    assert find("models.py:M.free").function(2) == 2
    assert find("models.py:M").function(3) == -3


def test_attributes_may_be_partials_and_callable_objects(project):
    """Whatever the module holds under that name, if it can be called."""
    project(
        "things.py",
        "import functools\nhalf = functools.partial(pow, 2)\nclass C:\n"
        "    def __call__(self, x): return x\nobj = C()\n",
    )
    assert find("things.py:half").function(3) == 8
    assert find("things.py:obj").function(3) == 3


# -- by object ---------------------------------------------------------------------------------------


def test_function_of_a_module_that_others_can_import():
    """An importable function is named by its import path, which is its spec."""
    found = find(np.exp2)
    assert (found.name, found.spec) == ("numpy:exp2", "numpy:exp2")


def test_ufunc_of_scipy_is_found_again():
    """ufuncs do not know their module; those of SciPy are looked up."""
    assert find(scipy.special.expit).spec == "scipy.special:expit"


def test_function_of_a_module_that_nobody_can_import_is_named_by_its_file(project, monkeypatch):
    """A module that is known in this process only (`__main__`, a test file) is named by its file."""
    file = project("tests/test_mine.py", "def f(x): return x\n")
    spec = importlib.util.spec_from_file_location("known_here_only", file)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "known_here_only", module)
    spec.loader.exec_module(module)
    found = find(module.f)
    assert found.name == "tests/test_mine.py:f"
    assert found.spec == f"{file.resolve()}:f"


@pytest.mark.parametrize(
    ("target", "word"),
    [
        (lambda x: x, "<lambda>"),
        (functools.partial(module_level), "partial(module_level)"),
        (MODEL, "Model"),
        (MODEL.forward_pass, "Model.forward_pass"),
    ],
    ids=["lambda", "partial", "object", "method"],
)
def test_what_cannot_be_imported_has_a_name_but_no_spec(target, word):
    """Lambdas, partials, objects and bound methods are named for the report; no process can import them."""
    found = find(target)
    assert (found.name.rpartition(":")[2], found.spec) == (word, "")


def test_closure_has_no_spec():
    """A function made inside another is named without Python's `<locals>`."""

    def inner(x):
        return x

    found = find(inner)
    assert found.name.endswith(":test_closure_has_no_spec.inner")
    assert found.spec == ""


def test_name_given_wins():
    """`name=` is the name in the report."""
    assert find(module_level, name="ours").name == "ours"
    assert find("math:exp", name="theirs").name == "theirs"


# -- errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        (3, ["3 is no target", "Give a callable"]),
        ("nothing_like_this:f", ["'nothing_like_this:f'", "No module named", "Check the name"]),
        ("math:expp", ["'expp'", "Did you mean 'exp'"]),
        ("math", ["'math' names no function", "package.module:function"]),
        ("file.py", ["'file.py' names no function", "file.py:function"]),
        ("missing/file.py:f", ["no file", "missing/file.py", "Check the path"]),
        ("math:pi", ["math:pi", "a float, not a function"]),
        (":f", ["':f' names no function"]),
    ],
)
def test_wrong_targets_are_named_with_the_next_step(target, parts):
    """The error shows the value, what is wrong with it and what to do."""
    with pytest.raises(TargetError) as caught:
        find(target)
    for part in parts:
        assert part in str(caught.value)


def test_class_that_needs_arguments():
    """A method of a class that cannot be made without arguments says so."""
    with pytest.raises(TargetError, match="needs an instance of NeedsArguments"):
        find(f"{__file__}:NeedsArguments.run")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import not_installed_anywhere\n", "ModuleNotFoundError: No module named 'not_installed_anywhere'"),
        ("def f(:\n", "SyntaxError"),
        ("raise ValueError('at import')\n", "ValueError: at import"),
        ("import sys; sys.exit(3)\n", "SystemExit: 3"),
    ],
)
def test_failing_import_is_one_line_with_its_cause(project, text, cause):
    """Whatever an import does, the error says it in one line; the exception itself is the cause."""
    project("failing.py", text)
    with pytest.raises(TargetError) as caught:
        find("failing.py:f")
    assert cause in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


def test_import_prints_nothing(project, capsys):
    """What a module prints while it is imported does not reach the report."""
    project("noisy.py", "print('hello')\ndef f(x): return x\n")
    find("noisy.py:f")
    assert capsys.readouterr() == ("", "")


# -- whole files -------------------------------------------------------------------------------------


def test_find_all_takes_named_and_marked_functions(project):
    """Functions named after an op or marked, in the order of the file; private and imported ones not."""
    project(
        "many.py",
        """
        import stabcheck
        from functools import partial
        from scipy.special import softmax as softmax_of_scipy

        def stable_softmax(x): return x
        def helper(x): return x
        def _softmax(x): return x
        def test_softmax(): pass
        def softmax_backward(x): return x

        @stabcheck.target(op="logsumexp", options={"axis": 0}, kwargs={"eps": 1e-6}, level="accurate")
        def mine(x, eps): return x

        log_softmax_v2 = partial(stable_softmax)
        """,
    )
    found = find_all("many.py")
    assert [
        ("many.py:stable_softmax", "softmax"),
        ("many.py:mine", "logsumexp"),
        ("many.py:log_softmax_v2", "log_softmax"),
    ] == [(f.name, f.op) for f in found]
    assert ({"axis": 0}, {"eps": 1e-6}, {"level": "accurate"}) == (
        found[1].options,
        found[1].kwargs,
        found[1].settings,
    )


def test_find_all_without_a_target_says_how_to_mark_one(project):
    """A file in which nothing is meant is an error with the way out."""
    project("none.py", "def helper(x): return x\n")
    with pytest.raises(TargetError, match=r"no target in 'none\.py'"):
        find_all("none.py")


@pytest.mark.parametrize(
    ("name", "op"),
    [
        ("softmax", "softmax"),
        ("log_softmax", "log_softmax"),
        ("stable_log_softmax", "log_softmax"),
        ("log_sum_exp_v2", "logsumexp"),
        ("Softmax", "softmax"),
        ("log_expit", "log_sigmoid"),
        ("binary_cross_entropy", "binary_cross_entropy"),
        ("binary_cross_entropy_with_logits", "bce_with_logits"),
        ("softmax_grad", ""),
        ("my_softmaxer", ""),
        ("softmin", ""),
        ("", ""),
    ],
)
def test_op_in_name(name, op):
    """The longest op whose words begin or end the name; its derivatives are other ops."""
    assert op_in_name(name) == op


def test_builtin_function_has_no_location():
    """What is not written in Python has no line to show."""
    assert find(math.exp).location is None


class Nameless:
    @property
    def __name__(self):
        raise ZeroDivisionError

    def __call__(self, x):
        return x


class Unreadable:
    """Whatever is looked up raises, or is not what it should be."""

    def __init__(self, answer):
        vars(self)["answer"] = answer

    def __getattr__(self, name):
        answer = vars(self)["answer"]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def __call__(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("answer", [KeyError("no"), RuntimeError("no"), SystemExit(1), 5, None, lambda: 5])
def test_objects_whose_attributes_cannot_be_read(answer, ready):
    """They are found, named after their class, and called like others."""
    target = Unreadable(answer)
    found = find(target)
    assert "Unreadable" in found.name
    assert ("", "", {}) == (found.op, found.spec, found.settings)
    assert ready(target).batch


def test_an_object_of_a_file_whose_attributes_cannot_be_read(project):
    """Nor do those of its module keep the other targets from being found."""
    project(
        "strange.py",
        """
        class Strange:
            def __getattr__(self, name):
                raise KeyError(name)

            def __call__(self, x):
                return x

        softmax = Strange()

        def sigmoid(x):
            return x

        def __getattr__(name):
            raise RuntimeError(name)
        """,
    )
    assert ["softmax", "sigmoid"] == [found.op for found in find_all("strange.py")]
    with pytest.raises(TargetError, match="tanh"):
        find("strange.py:tanh")


def test_a_name_that_cannot_be_read_is_that_of_the_class():
    """A property of the target's class is the target's code as well."""
    nameless = Nameless()
    assert ("Nameless", "") == (short_name(nameless), spec_of(nameless))
    assert find(nameless).name.endswith("Nameless")
