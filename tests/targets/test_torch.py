"""Targets that work on tensors of PyTorch."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.targets.backends.choose import by_trying, candidates, compiled, make
from stabcheck.targets.naming import location_of
from stabcheck.targets.runner import Inapplicable

torch = pytest.importorskip("torch", reason="tests of the PyTorch backend need torch")

FORMATS = ["float64", "float32", "bfloat16", "float16"]
ROWS = [[0.0, 1.0, 3.0], [5.0, 5.0, -5.0]]


def stable(x):
    e = torch.exp(x - x.max(dim=-1, keepdim=True).values)
    return e / e.sum(dim=-1, keepdim=True)


def through_helper(x):
    return stable(x)


class Module(torch.nn.Module):
    def forward(self, x):
        assert not self.training
        assert not torch.is_grad_enabled()
        return stable(x)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "target",
    [
        "torch.nn.functional:softmax",
        "torch:softmax",
        stable,
        through_helper,
        torch.nn.Softmax(dim=-1),
        Module(),
        lambda x: x.softmax(-1),
    ],
    ids=["functional", "builtin", "function", "helper", "nn.Softmax", "module", "methods"],
)
def test_targets_get_tensors_and_answer_in_the_format(ready, block, softmax_of, target, format):
    """By name, by object, modules: each gets tensors of the cell's format and gives them back."""
    inputs = block(ROWS, format)
    runner = ready(target, format=format)
    answer = runner(inputs)
    u = formats.get(format).u
    assert runner.backend.name == "torch"
    assert answer.faults == ()
    assert answer.wider == ""
    np.testing.assert_allclose(answer.values, softmax_of(inputs["x"].astype(float)), rtol=16 * u)


@pytest.mark.parametrize("format", FORMATS)
def test_tensors_come_and_go_bit_by_bit(format):
    """Loading and reading back keeps every bit pattern, NaN payloads and subnormals included."""
    form = formats.get(format)
    backend = make("torch")
    values = form.from_ordinal(np.array([0, 1, 5, form.max_ordinal, form.max_ordinal + 1, -1, -7]))
    tensor = backend.load(values)
    assert tensor.dtype == getattr(torch, format)
    assert backend.dump(tensor).dtype == form.dtype
    np.testing.assert_array_equal(
        backend.dump(tensor).view(f"i{values.itemsize}"), values.view(f"i{values.itemsize}")
    )
    assert np.shares_memory(backend.dump(tensor), values)


def test_module_gets_its_mode_back(ready, block):
    """Evaluation mode while it is judged, the mode it had afterwards."""
    module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Softmax(dim=-1)).train()
    answer = ready(module, format="float32")(block(ROWS, "float32"))
    assert answer.usable.all()
    np.testing.assert_allclose(answer.values.sum(axis=1), 1.0, rtol=1e-6)
    assert module.training
    assert module[0].training


def test_writing_to_a_tensor_is_seen(ready, block):
    """In-place operations change the tensor, which is our array."""

    def in_place(x):
        result = stable(x)
        x.clamp_(max=2.0)
        return result

    answer = ready(in_place)(block(ROWS))
    assert [("SC404", 0), ("SC404", 1)] == [(f.code, f.row) for f in answer.faults]


def test_random_state_and_default_dtype_are_put_back(ready, block):
    """torch.manual_seed and set_default_dtype inside a target do not reach the outside."""

    def seeding(x):
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float64)
        return stable(x)

    torch.manual_seed(5)
    expected = torch.rand(1).item()
    torch.manual_seed(5)
    ready(seeding)(block(ROWS))
    assert torch.rand(1).item() == expected
    assert torch.get_default_dtype() == torch.float32


def test_cross_entropy_by_name(ready):
    """Labels arrive as int64 tensors; the option reduction is passed because the signature names it."""
    runner = ready("torch.nn.functional:cross_entropy", "mean_loss", "float32", options={"reduction": "mean"})
    answer = runner({"x": np.zeros((2, 3, 4), dtype=np.float32), "target": np.zeros((2, 3), dtype=np.int64)})
    assert runner.call_form == "cross_entropy(x, target, reduction='mean')  one example at a time"
    np.testing.assert_allclose(answer.values, np.log(4.0), rtol=1e-6)


def test_numbers_one_by_one_are_tensors_too(ready, block):
    """A function with `if x > 0` gets 0-d tensors."""

    def scalar(x):
        return 1 / (1 + torch.exp(-x)) if x > 0 else torch.exp(x) / (1 + torch.exp(x))

    runner = ready(scalar, "sigmoid", "bfloat16")
    assert runner.call_form == "scalar(x)  one number at a time"
    assert runner(block([[0.0, 3.0]], "bfloat16")).values[0, 0] == 0.5


def test_wider_and_narrower_results(ready, block):
    """float32 from a bfloat16 cell is wider; bfloat16 from a float32 cell is a fault."""
    wider = ready(lambda x: torch.softmax(x.float(), -1), format="bfloat16")(block(ROWS, "bfloat16"))
    narrower = ready(lambda x: torch.softmax(x.bfloat16(), -1), format="float32")(block(ROWS, "float32"))
    assert (wider.wider, wider.faults) == ("float32", ())
    assert [fault.code for fault in narrower.faults] == ["SC403"]


def test_layouts_of_tensors(ready, block, softmax_of):
    """Strided, Fortran-ordered and broadcast tensors hold the same numbers."""
    runner = ready("torch:softmax")
    inputs = block(ROWS)
    assert runner.layouts == ("C", "F", "strided", "broadcast")
    for layout in runner.layouts:
        np.testing.assert_allclose(runner(inputs, layout=layout).values, softmax_of(inputs["x"]))


def test_numpy_function_in_a_module_with_torch_stays_numpy(ready):
    """That a module imports torch does not make its NumPy functions torch targets."""

    def plain(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    assert ready(plain).backend.name == "numpy"


def test_backend_can_be_named(ready):
    """backend="torch" needs no guessing; backend="numpy" hands over arrays, which this one refuses."""
    assert ready(through_helper, backend="torch").backend.name == "torch"
    assert isinstance(ready(through_helper, backend="numpy"), Inapplicable)


def test_device_is_where_tensors_live(ready, block):
    """On a device tensors are copies; what the target writes there is still seen."""
    seen = []

    def where(x):
        seen.append(x.device.type)
        return stable(x)

    runner = ready(where, device="cpu")
    assert runner(block(ROWS)).usable.all()
    assert set(seen) == {"cpu"}


def test_wrong_device_is_a_reason(ready):
    """A device that is not there makes the cell n/a."""
    assert isinstance(ready(stable, device="cuda:77"), Inapplicable)


def test_torch_is_the_first_guess_for_code_that_uses_it():
    """The function's own code counts before its module."""
    assert [b.name for b in candidates(stable, "auto", None)] == ["torch", "numpy"]
    assert [b.name for b in candidates(through_helper, "auto", None)] == ["numpy", "torch"]


def test_torch_does_not_flush(ready):
    """On a CPU torch keeps subnormal numbers unless told otherwise."""
    assert not ready(stable, format="float32").flushes


def test_flushing_is_recognised(ready):
    """With torch.set_flush_denormal the cell says that subnormals are lost."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush subnormal numbers")
    try:
        runner = ready(stable, format="float32")
    finally:
        torch.set_flush_denormal(False)
    assert runner.flushes


# -- autograd ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("target", "op", "gradient"),
    [
        ("torch.nn.functional:softmax", "softmax", "softmax_vjp"),
        ("torch:logsumexp", "logsumexp", "logsumexp_grad"),
        ("torch:sigmoid", "sigmoid", "sigmoid_grad"),
        (Module(), "softmax", "softmax_vjp"),
    ],
    ids=["softmax", "logsumexp", "sigmoid", "module"],
)
def test_gradients_by_autograd(ready, format, target, op, gradient):
    """Right on benign inputs in one call for a whole batch, with the cotangent where there is one."""
    if isinstance(target, Module):
        target = torch.nn.Softmax(dim=-1)  # Module insists on no gradients
    runner = ready(target, op, format, gradient=gradient)
    assert runner.batch
    assert runner.call_form.startswith("gradient by torch in x of ")


def test_nan_gradient_under_a_fine_value(ready, block):
    """exp overflows in the branch that `where` does not take: the value is fine, its gradient is NaN."""

    def double_where(x):
        return torch.where(x > 0, 1 / (1 + torch.exp(-x)), torch.exp(x) / (1 + torch.exp(x)))

    inputs = block([[200.0, 1.0, -200.0]], "float32")
    value = ready(double_where, "sigmoid", "float32")(inputs)
    gradient = ready(double_where, "sigmoid", "float32", gradient="sigmoid_grad")(inputs)
    assert np.isfinite(value.values).all()
    assert np.isnan(gradient.values).tolist() == [[True, False, True]]


def test_target_without_autograd_is_not_applicable(ready):
    """A NumPy function has no gradient of its own; nor does a tensor that was detached."""

    def plain(x):
        return np.exp(x)

    assert isinstance(ready(plain, gradient="softmax_vjp"), Inapplicable)
    assert "autograd" in ready(lambda x: stable(x).detach(), gradient="softmax_vjp").reason


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch warns about itself
def test_compiled_functions_are_known():
    """torch.compile is asked for patience by name; plain functions and modules are not."""
    assert compiled(torch.compile(stable))
    assert compiled(torch.compile(torch.nn.Softmax(dim=-1)))
    assert not compiled(stable)
    assert not compiled(torch.nn.Softmax(dim=-1))


@pytest.mark.parametrize("device", ["meta", "nonsense"])
def test_a_device_from_which_nothing_comes_back_is_not_applicable(ready, device):
    """It does not exist, or its tensors hold no numbers."""
    runner = ready(stable, device=device)
    assert isinstance(runner, Inapplicable)
    assert runner.reason.startswith(f"no array comes back from device '{device}': ")


def test_tensors_on_a_named_device(ready, block, softmax_of):
    """Copies go there, results come back."""
    inputs = block(ROWS)
    answer = ready(stable, device="cpu")(inputs)
    assert answer.faults == ()
    np.testing.assert_allclose(answer.values, softmax_of(inputs["x"].astype(float)), rtol=1e-6)


def sets_everything(x):
    torch.set_flush_denormal(True)
    torch.autograd.set_detect_anomaly(True)
    torch.set_default_dtype(torch.float16)
    torch.set_num_threads(3)
    return stable(x)


def test_what_a_target_sets_for_the_whole_process_is_put_back(ready, block):
    """Flushing above all, which is the processor's and would reach the oracle."""
    before = torch.get_num_threads(), torch.is_anomaly_enabled(), torch.get_default_dtype()
    assert ready(sets_everything)(block(ROWS)).faults == ()
    assert before == (torch.get_num_threads(), torch.is_anomaly_enabled(), torch.get_default_dtype())
    assert np.float32(1e-40) * np.float32(1) != 0


def test_a_lazily_negated_result_is_read(ready, block, softmax_of):
    """A view with PyTorch's negative bit is an array of numbers like others."""
    inputs = block(ROWS)
    answer = ready(lambda x: torch._neg_view(-stable(x)))(inputs)
    assert answer.faults == ()
    np.testing.assert_allclose(answer.values, softmax_of(inputs["x"].astype(float)), rtol=1e-6)


def in_place(x):
    e = x.clone().exp_()
    x.mul_(1)  # refused where several elements are one number in memory
    return e / e.sum(-1, keepdim=True)


def test_no_broadcast_inputs_for_what_writes_in_place(ready):
    """On benign inputs nothing repeats unless it is made to."""
    assert "broadcast" in ready(stable).layouts
    assert "broadcast" not in ready(in_place).layouts


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


def test_a_function_with_its_own_backward_stands_where_it_was_written():
    """`Doubled.apply` is a method of PyTorch; a report points to this file."""
    where = location_of(Doubled.apply, Path(__file__).parent)
    assert ("test_torch.py", "forward") == (where.file, where.operation)


# -- found by trying -----------------------------------------------------------------------------------


def by_methods(x):
    z = x - x.max(-1, keepdim=True).values
    return z.exp() / z.exp().sum(-1, keepdim=True)


def by_numpy(x):
    return np.tanh(x).softmax(-1)


def test_a_function_that_names_no_library_may_want_any_installed_one(monkeypatch):
    """Whatever this process has loaded so far; one that calls NumPy is tried only with what is loaded."""
    assert "torch" in [backend.name for backend in by_trying(by_methods)]
    monkeypatch.delitem(sys.modules, "torch")
    assert "torch" not in [backend.name for backend in by_trying(by_numpy)]


def test_methods_alone_are_enough_in_a_fresh_process(tmp_path):
    """No framework is loaded when the function raises on NumPy arrays; its value and gradient are judged."""
    source = inspect.getsource(by_methods)
    (tmp_path / "plain.py").write_text(source, encoding="utf-8")
    code = (
        "import sys, stabcheck; assert 'torch' not in sys.modules; "
        "how = dict(dtypes='float32', max_examples=5, max_classes=4, grad=True); "
        "report = stabcheck.check('plain.py:by_methods', 'softmax', **how); "
        "print(*(cell.state for cell in report.cells))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == ["judged", "judged"], done.stderr
