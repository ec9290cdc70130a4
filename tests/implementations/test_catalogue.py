"""The catalogue of implementations: what is registered, and what every implementation must do."""

import inspect
from importlib import import_module

import ml_dtypes
import numpy as np
import pytest

from stabcheck import ops
from stabcheck.errors import UsageError
from stabcheck.formats import FORMATS
from stabcheck.implementations import Implementation, all_implementations, implements, of
from stabcheck.oracle.doubles import DoubleContext

CATALOGUE = all_implementations()
ROWS, CLASSES, ELEMENTS = 3, 5, 7

#: Planted defects that are wrong everywhere: the diagonal of a Jacobian taken for the whole.
WRONG = ("diagonal_only",)


def label(entry: Implementation) -> str:
    options = "".join(f"-{name}={value}" for name, value in entry.options.items())
    return f"{entry.op}-{entry.function.__name__}{options}"


def op_of(entry: Implementation):
    """The op as the entry's options make it."""
    op = ops.get(entry.op)
    return op.under(op.parse_options(entry.options))


def benign(op, dtype, seed=0):
    """One easy block of examples: every argument in its domain, nothing near a cliff."""
    rng = np.random.default_rng(seed)
    sizes = {"C": CLASSES, "N": ROWS, "D": 4, "outer": 2, "inner": 3}
    inputs = []
    for argument in op.arguments:
        axes = (ELEMENTS,) if op.kind == "elementwise" else tuple(sizes[axis] for axis in argument.axes)
        shape = (ROWS, *axes)
        if argument.integer:
            inputs.append(rng.integers(0, CLASSES, size=shape))
            continue
        values = rng.normal(size=shape)
        if argument.kind in ("probabilities", "targets"):
            values = np.exp(values) / (1 + np.exp(values))
            if op.kind != "elementwise":
                values = values / values.sum(axis=-1, keepdims=True)
        inputs.append(np.clip(values, -3, 3).astype(dtype))
    return inputs


def called(entry: Implementation, inputs):
    """The result for a block: at once, or example by example where one call is one example."""
    op = ops.get(entry.op)
    named = inspect.signature(entry.function).parameters
    options = {name: value for name, value in op.parse_options(entry.options).items() if name in named}
    if op.kind in ("row", "elementwise"):
        return entry.function(*inputs, **options)
    return np.stack([entry.function(*(values[i] for values in inputs), **options) for i in range(ROWS)])


def textbook(entry: Implementation, inputs):
    """The op's formula in float64."""
    op = op_of(entry)
    block = {
        argument.name: values if argument.integer else values.astype(np.float64)
        for argument, values in zip(op.arguments, inputs, strict=True)
    }
    options = ops.get(entry.op).parse_options(entry.options)
    return op.squeeze(np.asarray(op.evaluate(DoubleContext(), block, options)))


def test_every_op_has_implementations_good_and_bad():
    """Each op has at least one implementation that deserves "accurate" in float64, and a worse one."""
    for name in ops.names():
        grades = {entry.grades["float64"] for entry in of(name)}
        assert "accurate" in grades, name
        assert grades - {"accurate"}, name


def test_every_implementation_has_its_op():
    """No implementation is left without an op, and its options are the op's."""
    for entry in CATALOGUE:
        assert entry.op in ops.names()
        assert ops.get(entry.op).parse_options(entry.options).items() >= entry.options.items()


def test_names_import_the_function():
    """An implementation's name is the import path under which it can be run."""
    for entry in CATALOGUE:
        module, _, attribute = entry.name.partition(":")
        assert getattr(import_module(module), attribute) is entry.function


def test_names_are_unique_per_op_and_options():
    """No two entries of an op claim the same function under the same options."""
    keys = [(entry.op, entry.name, tuple(sorted(entry.options.items()))) for entry in CATALOGUE]
    assert len(set(keys)) == len(keys)


def test_order_is_that_of_the_files():
    """The catalogue lists a family's functions in the order in which its file writes them."""
    names = [entry.function.__name__ for entry in of("softmax")]
    assert names[:3] == ["naive", "shifted", "shifted_float32_sum"]


def test_every_format_has_a_grade_and_a_reason():
    """Grades and reasons cover all formats, and the summary is the formula in one line."""
    for entry in CATALOGUE:
        assert set(entry.grades) == set(entry.reasons) == set(FORMATS)
        assert all(entry.reasons.values())
        assert entry.summary
        assert "\n" not in entry.reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grade": "fine"}, "unknown grade 'fine'"),
        ({"grade": "stable", "float46": "robust"}, "unknown dtype 'float46'. Did you mean 'float64'?"),
        ({"float64": "stable"}, "unknown grade 'None'"),
    ],
)
def test_wrong_declaration_is_refused(arguments, message):
    """A misspelt grade or format, or a format without a grade, is refused where it is written."""
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        implements("softmax", because="a test", **arguments)


def tolerance(entry: Implementation) -> float:
    """What the implementation's own constants (eps, a clip) cost on benign inputs."""
    return 1e-5 if any(word in entry.function.__name__ for word in ("eps", "clipped")) else 0.0


@pytest.mark.parametrize(
    "entry", [entry for entry in CATALOGUE if entry.function.__name__ not in WRONG], ids=label
)
@pytest.mark.parametrize("name", FORMATS)
def test_right_on_benign_inputs(entry, name):
    """Every implementation, good or bad, computes its op where nothing is hard, and keeps the dtype."""
    fmt = FORMATS[name]
    inputs = benign(op_of(entry), fmt.dtype)
    result = called(entry, inputs)
    expected = textbook(entry, inputs)
    assert result.dtype == fmt.dtype
    assert result.shape == expected.shape
    error = np.abs(result.astype(np.float64) - expected) / (1 + np.abs(expected))
    assert error.max() <= max(64 * fmt.u, tolerance(entry))


@pytest.mark.parametrize(
    "entry",
    [entry for entry in CATALOGUE if "axis" in inspect.signature(entry.function).parameters],
    ids=label,
)
def test_any_axis(entry):
    """Along another axis the result is the same as for the moved array along the last."""
    inputs = [np.stack([a, a[::-1]]) for a in benign(op_of(entry), np.float64)]
    last = entry.function(*inputs, axis=-1)
    for axis in (0, 1):
        moved = entry.function(*(np.moveaxis(a, -1, axis) for a in inputs), axis=axis)
        if op_of(entry).output:
            moved = np.moveaxis(moved, axis, -1)
        np.testing.assert_allclose(moved, last, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("entry", CATALOGUE, ids=label)
def test_inputs_are_left_alone(entry):
    """No implementation writes to its inputs; read-only arrays are fine, and two calls agree."""
    inputs = benign(op_of(entry), np.dtype(ml_dtypes.bfloat16))
    for values in inputs:
        values.flags.writeable = False
    first, second = called(entry, inputs), called(entry, inputs)
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize("entry", CATALOGUE, ids=label)
def test_no_state_is_kept(entry):
    """A call in between with other inputs changes nothing, nor does NumPy's global generator move."""
    inputs, others = (benign(op_of(entry), np.float32, seed=seed) for seed in (0, 1))
    state = np.random.get_state()[1].copy()
    first = called(entry, inputs)
    called(entry, others)
    assert first.tobytes() == called(entry, inputs).tobytes()
    assert (state == np.random.get_state()[1]).all()
