"""Settings: found, read, checked, merged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stabcheck.config import schema
from stabcheck.config.file import load
from stabcheck.config.options import OPTIONS, TARGET_KEYS
from stabcheck.config.resolve import configured_tasks, named_tasks, request
from stabcheck.config.template import TEMPLATE
from stabcheck.engine.request import Request
from stabcheck.errors import UsageError

SHIPPED = Path(__file__).parent.parent / "stabcheck" / "config_schema.json"


def write(folder: Path, text: str, name: str = "stabcheck.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


class TestFinding:
    def test_upward(self, tmp_path: Path) -> None:
        """The nearest file above the working directory is the one."""
        write(tmp_path, "seed = 1")
        inner = tmp_path / "a" / "b"
        inner.mkdir(parents=True)

        assert {"seed": 1} == load(start=inner).values

    def test_shared_file(self, tmp_path: Path) -> None:
        """pyproject.toml counts where it has [tool.stabcheck]."""
        write(tmp_path, "[tool.stabcheck]\nseed = 2", "pyproject.toml")

        assert {"seed": 2} == load(start=tmp_path).values

    def test_shared_file_without_us(self, tmp_path: Path) -> None:
        """A pyproject.toml without our table is passed by, also one that is no TOML."""
        write(tmp_path, "seed = 3")
        inner = tmp_path / "inner"
        inner.mkdir()
        write(inner, "[tool.ruff]\n[[[", "pyproject.toml")

        assert {"seed": 3} == load(start=inner).values

    def test_none(self, tmp_path: Path) -> None:
        """Without a file nothing is set."""
        config = load(start=tmp_path)

        assert (None, {}, ()) == (config.path, config.values, config.targets)

    @pytest.mark.parametrize(
        ("name", "text"),
        [("x.toml", "[tool.stabcheck]\nseed = 4"), ("x.toml", "seed = 4"), ("stabcheck.toml", "seed = 4")],
    )
    def test_named(self, tmp_path: Path, name: str, text: str) -> None:
        """A file given by name may hold the table or be it."""
        assert {"seed": 4} == load(write(tmp_path, text, name)).values

    def test_named_without_table(self, tmp_path: Path) -> None:
        """A pyproject.toml given by name has to have the table."""
        with pytest.raises(UsageError, match=r"no \[tool.stabcheck\] table; `stabcheck init`"):
            load(write(tmp_path, "[project]\nname = 'x'", "pyproject.toml"))

    def test_missing(self, tmp_path: Path) -> None:
        """A file given by name has to exist."""
        with pytest.raises(UsageError, match=r"nothere\.toml' does not exist"):
            load(tmp_path / "nothere.toml")


class TestChecking:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("max-exampels = 3", "unknown key 'max-exampels'. Did you mean 'max-examples'?"),
            ("max_examples = 3", "unknown key 'max_examples'. Did you mean 'max-examples'?"),
            ("max-examples = '3'", "max-examples: '3' is not a whole number, at least 1."),
            ("max-examples = true", "max-examples: True is not a whole number, at least 1."),
            ("max-examples = 0", "max-examples: 0 is not a whole number, at least 1."),
            ("seed = -1", "seed: -1 is not a whole number, at least 0."),
            ("dtype = 16", "dtype: 16 is not a list of names."),
            ("level = 'stabel'", "'stabel' is not one of robust, stable, accurate. Did you mean 'stable'?"),
            ("range = [3, 1]", "range: [3, 1] is not two numbers"),
            ("range = 3", "range: 3 is not two numbers"),
            ("max-time = 0", "max-time: 0 is not a number above 0."),
            ("max-time = inf", "max-time: inf is not a number above 0."),
            ("exit-zero = 1", "exit-zero: 1 is not true or false."),
            ("option = 'a'", "option: 'a' is not NAME=VALUE pairs"),
            ("workers = 'many'", "workers: 'many' is not a whole number, at least 1, or \"auto\"."),
            ("memory-limit = 'much'", "memory-limit: 'much' is not a size in bytes"),
            ("ignore = {SC1 = ''}", "ignore: {'SC1': ''} is not a list of codes"),
            ("target = 'x:y'", "target is not a list of tables; write [[tool.stabcheck.target]]."),
            ("target = ['x:y']", "target 1 is not a table"),
            ("[[target]]\nop = 'softmax'", 'target 1 has no target key: target = "package.module:function"'),
            (
                "[[target]]\ntarget = 'a:b'\ndtypes = []",
                "target 1: unknown key 'dtypes'. Did you mean 'dtype'?",
            ),
            ("[[target]]\ntarget = 'a:b'\nworkers = 3", "target 1: unknown key 'workers'."),
            ("[[target]]\ntarget = 'a:b'\nexpect = 'good'", "expect: 'good' is not one of unstable"),
            ("seed = ", "is not valid TOML"),
        ],
    )
    def test_wrong(self, tmp_path: Path, text: str, message: str) -> None:
        """What is wrong is refused with file, key, value, what is right and the nearest match."""
        path = write(tmp_path, text)

        with pytest.raises(UsageError) as raised:
            load(path)

        assert message in str(raised.value)
        assert path.name in str(raised.value)

    def test_every_kind(self, tmp_path: Path) -> None:
        """Values come back in the form of a request."""
        text = """
            dtype = "float16"
            op = ["softmax", "sigmoid"]
            range = [-30, inf]
            option = {reduction = "mean"}
            memory-limit = "512MiB"
            workers = "auto"
            gate-factor = 2
            rows = false
            ignore = {SC202 = "known"}
            [[target]]
            target = "a:b"
            expect = {float16 = "unstable"}
        """
        config = load(write(tmp_path, text))

        expected = {
            "dtype": ("float16",),
            "op": ("softmax", "sigmoid"),
            "range": (-30.0, float("inf")),
            "option": {"reduction": "mean"},
            "memory-limit": 512 << 20,
            "workers": "auto",
            "gate-factor": 2.0,
            "rows": False,
            "ignore": {"SC202": "known"},
        }
        assert expected == config.values
        assert {"float16": "unstable"} == config.targets[0].expect


class TestText:
    @pytest.mark.parametrize(
        ("name", "text", "value"),
        [
            ("dtype", "float16, float32", ("float16", "float32")),
            ("range", "-30,inf", (-30.0, float("inf"))),
            ("option", "reduction=mean,axis=0", {"reduction": "mean", "axis": "0"}),
            ("memory-limit", "1.5G", 3 << 29),
            ("workers", "3", 3),
            ("grad", "yes", True),
            ("grad", "0", False),
        ],
    )
    def test_parse(self, name: str, text: str, value: Any) -> None:
        """The command line and the environment say the same in text."""
        assert value == OPTIONS[name].parse(text)

    @pytest.mark.parametrize(
        ("name", "text"),
        [("seed", "1.5"), ("range", "1"), ("range", "nan,1"), ("option", "mean"), ("grad", "perhaps")],
    )
    def test_wrong(self, name: str, text: str) -> None:
        """Wrong text is shown."""
        with pytest.raises(UsageError, match=f"'{text}' is not"):
            OPTIONS[name].parse(text)


class TestSchema:
    def test_shipped(self) -> None:
        """The shipped schema is the one that the declaration makes."""
        assert schema.text() == SHIPPED.read_text(encoding="utf-8")

    def test_says_what_we_check(self) -> None:
        """The schema takes what we take and refuses what we refuse."""
        shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
        good = {"dtype": ["float16"], "ignore": {"SC1": "why"}, "target": [{"target": "a:b", "rows": False}]}

        jsonschema.Draft202012Validator.check_schema(shipped)
        jsonschema.validate(good, shipped)
        for bad in ({"seeds": 1}, {"seed": "1"}, {"target": [{"op": "softmax"}]}, {"range": [1]}):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(bad, shipped)

    def test_template(self, tmp_path: Path) -> None:
        """What `stabcheck init` prints is right once its lines are uncommented."""
        body = TEMPLATE.split("\n", 2)[2]
        bare = "\n".join(line.removeprefix("# ") for line in body.splitlines() if "One table" not in line)

        config = load(write(tmp_path, bare))

        assert {"dtype", "level", "max-examples", "seed"} == config.values.keys()
        assert "mypackage.losses:softmax" == config.targets[0].target
        assert load(write(tmp_path, TEMPLATE)).values == {}


class TestRequest:
    def test_defaults_are_shown_as_they_are(self) -> None:
        """The default that the help shows is the one that holds."""
        plain = Request()
        shown = {
            name: option.kind.check(option.default)
            for name, option in OPTIONS.items()
            if option.default is not None
        }

        assert plain.dtypes == shown["dtype"]
        assert str(plain.level) == shown["level"]
        assert plain.effort == shown["max-examples"]
        for name in ("max-classes", "seed", "specials", "gate-factor", "backend", "signals"):
            assert getattr(plain, OPTIONS[name].field) == shown[name]
        assert plain.time_limit == shown["time-limit"]
        assert plain.memory_limit == shown["memory-limit"]

    def test_names_are_those_of_the_request(self) -> None:
        """Every option of a target is a field of the request, but for the op and the plural forms."""
        made = request({"dtype": ("half",), "option": {"a": 1}, "ignore": {"nan": "why"}, "level": "robust"})

        assert ("float16",) == made.dtypes
        assert {"a": 1} == made.options
        assert ("nan",) == made.ignore
        known = {*vars(made), "dtype", "option", "op"}
        assert {o.field for o in OPTIONS.values() if o.per_target} <= known

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"dtype": ("flaot16",)}, "unknown dtype 'flaot16'. Did you mean 'float16'?"),
            ({"select": ("SC9X",)}, "unknown code 'SC9X'."),
            ({"ignore": ("ovreflow",)}, "unknown code 'ovreflow'. Did you mean 'overflow'?"),
        ],
    )
    def test_unknown(self, values: dict[str, Any], message: str) -> None:
        """Names that only the numeric rooms know are checked here."""
        with pytest.raises(UsageError) as raised:
            request(values)

        assert message in str(raised.value)


FUNCTIONS = """
import numpy as np
import stabcheck

def softmax(x):
    e = np.exp(x)
    return e / e.sum()

def unnamed(x):
    return np.exp(x)

@stabcheck.target(op="sigmoid", dtypes=("float16",), max_examples=7)
def logistic(x):
    return 1 / (1 + np.exp(-x))
"""


class TestTasks:
    @pytest.fixture
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        write(tmp_path, FUNCTIONS, "mine.py")
        text = """
            seed = 5
            max-examples = 50
            [[target]]
            target = "mine.py:softmax"
            name = "ours"
            max-examples = 60
            dtype = ["float64"]
            expect = "unstable"
            [[target]]
            target = "mine.py:unnamed"
            op = "sigmoid"
        """
        write(tmp_path, text)
        inner = tmp_path / "inner"
        inner.mkdir()
        monkeypatch.chdir(inner)
        return tmp_path

    def test_precedence(self, project: Path) -> None:
        """What was given wins over the target's table, that over the file, that over defaults."""
        task, _ = configured_tasks({"seed": 9}, load())

        assert ("ours", "softmax") == (task.name, task.op)
        assert (9, 60, 4096) == (task.request.seed, task.request.max_examples, task.request.max_classes)
        assert {"float64": "unstable"} == task.declared

    def test_paths(self, project: Path) -> None:
        """A file in the configuration is relative to it, one on the command line to where we are; both are
        named relative to the project."""
        config = load()
        configured = configured_tasks({}, config)[1]
        (named,) = named_tasks(["../mine.py:unnamed"], {"op": ("sigmoid",)}, config)

        assert "mine.py:unnamed" == configured.name == named.name

    def test_by_name(self, project: Path) -> None:
        """A configured target can be named on the command line and keeps its table."""
        (task,) = named_tasks(["ours"], {}, load())

        assert 60 == task.request.max_examples
        with pytest.raises(UsageError, match=r"unknown target 'our'\. Did you mean 'ours'\?"):
            named_tasks(["our"], {}, load())

    def test_whole_file(self, project: Path) -> None:
        """A file stands for its functions named after an op or marked; marks have settings."""
        softmax, logistic = named_tasks(["../mine.py"], {}, load())

        assert ("softmax", "sigmoid") == (softmax.op, logistic.op)
        assert (50, 7) == (softmax.request.max_examples, logistic.request.max_examples)
        assert ("float16",) == logistic.request.dtypes

    def test_filter(self, project: Path) -> None:
        """--op filters the configured targets; an op that none computes is an error."""
        config = load()

        assert ["sigmoid"] == [task.op for task in configured_tasks({"op": ("sigmoid",)}, config)]
        with pytest.raises(UsageError, match="no configured target computes softplus"):
            configured_tasks({"op": ("softplus",)}, config)

    def test_op_unknown(self, project: Path) -> None:
        """A function whose name does not tell needs an op; the message has the choices."""
        with pytest.raises(UsageError, match=r"which op is mine.py:unnamed to compute\?.*--op OP.*softmax"):
            named_tasks(["../mine.py:unnamed"], {}, load())

    def test_twice(self, project: Path) -> None:
        """What is asked for twice is done once; the same target may have settings for each format; two
        targets that would share a cell are refused."""
        twice = named_tasks(["ours", "ours"], {}, load())
        table = "[[target]]\ntarget = 'mine.py:softmax'\ndtype = ['{}']\n"
        write(project, table.format("float64") + table.format("float16") + "expect = 'unstable'")
        apart = configured_tasks({}, load())
        clash = "[[target]]\ntarget = 'mine.py:{}'\nname = 'x'\nop = 'sigmoid'\n"
        write(project, clash.format("unnamed") + clash.format("softmax"))

        assert ["ours"] == [task.name for task in twice]
        assert [("float64",), ("float16",)] == [task.request.dtypes for task in apart]
        with pytest.raises(UsageError, match=r"two targets would be reported as sigmoid\[x\]"):
            configured_tasks({}, load())


def test_keys_do_not_clash() -> None:
    """A target's own keys are not options."""
    assert not OPTIONS.keys() & TARGET_KEYS.keys()
