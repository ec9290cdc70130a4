"""How a target wants to be called is found out on benign inputs."""

import functools
import importlib.util
import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.special

from stabcheck.errors import UsageError
from stabcheck.targets.runner import Inapplicable


def stable(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def row_only(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def with_axis(x, axis=0):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def with_dim(x, *, dim):
    return with_axis(x, dim)


def sum_without_axis(x, axis=-1):
    e = np.exp(x)
    return e / e.sum()


def scalar_sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def losses(x, target):
    return -np.log(stable(x))[np.arange(len(x)), target]


def losses_swapped(target, scores):
    return losses(scores, target)


def losses_named(target, x):
    return losses(x, target)


def one_row_at_most(x):
    if x.ndim == 2 and len(x) > 1:
        raise ValueError("one row")
    return stable(x)


class Softmax:
    def __call__(self, x):
        return stable(x)

    def method(self, x):
        return row_only(x)


# -- batch, rows, elements ---------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["float64", "float32", "bfloat16", "float16"])
def test_batch_target(ready, format):
    """A target that is right on a batch is called on batches, in every format."""
    runner = ready(stable, format=format)
    assert runner.batch
    assert runner.call_form == "stable(x)  on batches (rows, classes)"
    assert runner.notes == ()


def test_row_target_is_called_row_by_row_with_a_note(ready, block, softmax_of):
    """Right only for one row at a time: called so, and the report says it."""
    runner = ready(row_only)
    inputs = block([[0.0, 1.0, 3.0], [5.0, 5.0, -5.0]])
    assert not runner.batch
    assert runner.call_form == "row_only(x)  one row at a time"
    assert runner.notes == ("not right on batches: called one row at a time",)
    np.testing.assert_allclose(runner(inputs).values, softmax_of(inputs["x"]))


def test_rows_can_be_refused(ready):
    """rows=False: the target is called on batches although it is wrong there."""
    assert ready(row_only, rows=False).batch


def test_batches_of_one_row_are_no_batches(ready):
    """A target that raises on two rows together is asked row by row, though each is answered as a batch."""
    runner = ready(one_row_at_most)
    assert runner.call_form == "one_row_at_most(x)  one row at a time"
    assert not runner({"x": np.zeros((3, 2))}).faults


def test_rows_can_be_demanded(ready):
    """rows=True: even a batch target gets one row at a time."""
    assert not ready(stable, rows=True).batch


def test_scalar_function_is_called_number_by_number(ready, block):
    """`if x > 0` and math.exp work on numbers only."""
    runner = ready(scalar_sigmoid, "sigmoid")
    answer = runner(block([[0.0, 2.0], [-2.0, 800.0]]))
    assert runner.call_form == "scalar_sigmoid(x)  one number at a time"
    np.testing.assert_allclose(answer.values, scipy.special.expit([[0.0, 2.0], [-2.0, 800.0]]))


def test_elementwise_blocks_have_any_shape(ready):
    """Elementwise targets get whatever shape the block has, with no axis of classes."""
    runner = ready(scipy.special.expit, "sigmoid")
    for shape in [(5,), (5, 2), (5, 2, 3), (0, 3), (5, 0)]:
        assert runner({"x": np.zeros(shape)}).values.shape == shape


@pytest.mark.parametrize(
    "target",
    [
        with_axis,
        with_dim,
        Softmax(),
        Softmax().method,
        functools.partial(with_axis, axis=-1),
        lambda x: stable(x),
        "scipy.special:softmax",
    ],
    ids=["axis", "dim", "object", "method", "partial", "lambda", "scipy"],
)
def test_callables_of_every_kind(ready, block, softmax_of, target):
    """Methods, partials, lambdas, callable objects, functions with axis or dim."""
    inputs = block([[0.0, 1.0, 3.0], [5.0, 5.0, -5.0]])
    np.testing.assert_allclose(ready(target)(inputs).values, softmax_of(inputs["x"]))


def test_axis_is_shown_in_the_call_form(ready):
    """The report prints what was passed."""
    assert ready(with_axis).call_form == "with_axis(x, axis=-1)  on batches (rows, classes)"
    assert ready(with_dim).call_form == "with_dim(x, dim=-1)  on batches (rows, classes)"


def test_target_with_an_axis_that_is_wrong_on_batches_is_judged_on_batches(ready):
    """Its signature promises batches: it is not excused by calling it row by row."""
    assert ready(sum_without_axis).batch


def test_target_whose_rows_of_a_batch_sum_to_one_is_judged_on_batches(ready):
    """It has thought of batches: a maximum over the wrong axis is not excused by calling it row by row."""

    def maximum_of_the_column(x):
        e = np.exp(x - x.max(axis=0))
        return e / e.sum(axis=-1, keepdims=True)

    assert "batch" == ready(maximum_of_the_column).form.style
    assert "rows" == ready(lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum()).form.style


@pytest.mark.parametrize("axis", [0, 1, -2, 2, -3])
def test_classes_on_another_axis(ready, block, softmax_of, axis):
    """With the option `axis` the classes lie there, and the answer comes back with them last."""
    inputs = block([[0.0, 1.0, 3.0], [5.0, 5.0, -5.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    runner = ready(with_axis, options={"axis": axis})
    assert f"axis={axis}" in runner.call_form
    assert runner.notes == ()
    np.testing.assert_allclose(runner(inputs).values, softmax_of(inputs["x"]))


def test_reducing_op_is_called_once_per_example(ready):
    """A mean over a batch is one call for every example."""
    shapes = []

    def mean_loss(x, target, reduction="sum"):
        shapes.append((x.shape, target.shape, reduction))
        return losses(x, target).mean()

    runner = ready(mean_loss, "mean_loss", options={"reduction": "mean"})
    shapes.clear()
    answer = runner({"x": np.zeros((3, 2, 4)), "target": np.zeros((3, 2), dtype=np.int64)})
    assert runner.call_form == "mean_loss(x, target, reduction='mean')  one example at a time"
    assert shapes == [((2, 4), (2,), "mean")] * 3
    np.testing.assert_allclose(answer.values, np.log(4.0))


# -- order, names, options, kwargs -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "form"),
    [
        (losses, "losses(x, target)"),
        (losses_named, "losses_named(x=x, target=target)"),
        (losses_swapped, "losses_swapped(target, x)"),
    ],
)
def test_order_of_arguments_is_found(ready, target, form):
    """Positionally, else by name, else swapped when that is right."""
    assert ready(target, "cross_entropy").call_form == f"{form}  on batches (rows, classes)"


def test_arguments_give_the_order(ready):
    """`arguments` is the order in which the target takes them, and no other is tried."""
    runner = ready(losses_swapped, "cross_entropy", arguments=("target", "x"))
    assert runner.call_form.startswith("losses_swapped(target, x)")
    assert isinstance(ready(losses, "cross_entropy", arguments=("target", "x")), Inapplicable)


@pytest.mark.parametrize(
    ("arguments", "message"), [(("targt", "x"), "Did you mean 'target'"), (("x",), "exactly once")]
)
def test_wrong_arguments_are_a_usage_error(ready, arguments, message):
    """Names that are not the op's, or not all of them."""
    with pytest.raises(UsageError, match=message):
        ready(losses, "cross_entropy", arguments=arguments)


def test_kwargs_go_to_the_target_alone(ready):
    """kwargs are passed as they are, and win over what we would pass."""

    def scaled(x, temperature, axis=0):
        return with_axis(x / temperature, axis)

    runner = ready(scaled, kwargs={"temperature": 1.0})
    assert runner.call_form == "scaled(x, axis=-1, temperature=1.0)  on batches (rows, classes)"
    assert "axis=1" in ready(scaled, kwargs={"temperature": 1.0, "axis": 1}).call_form


def test_missing_argument_is_a_reason_with_the_way_out(ready):
    """A target with arguments of its own that nobody gave is n/a, and says how to give them."""
    reason = ready(lambda x, temperature: x).reason
    assert "temperature" in reason
    assert "kwargs" in reason


def test_options_are_passed_only_where_the_signature_names_them(ready):
    """An option that the target does not know is ours alone."""
    runner = ready(lambda x, target: losses(x, target).mean(), "mean_loss", options={"reduction": "mean"})
    assert "reduction" not in runner.call_form


def test_signature_that_takes_anything(ready):
    """A wrapper without functools.wraps hides the axis: it gets none and is judged as it answers."""

    def wrapped(*args, **kwargs):
        return with_axis(*args, **{"axis": -1, **kwargs})

    runner = ready(wrapped)
    assert runner.call_form == "wrapped(x)  on batches (rows, classes)"


def test_jitted_axis_may_stay_at_its_default(ready):
    """Where passing the axis raises (a traced argument) and the default is right, the default is used."""

    def traced(x, axis=-1):
        if axis is not traced.__defaults__[0]:
            raise TypeError("axis must be static")
        return with_axis(x, -1)

    traced.__defaults__ = (object(),)
    assert ready(traced).call_form == "traced(x)  on batches (rows, classes)"


def test_what_a_partial_has_fixed_is_not_passed_again(ready):
    """The axis that a partial binds stays."""
    assert "axis=" not in ready(functools.partial(with_axis, axis=1)).call_form


# -- what does not work ------------------------------------------------------------------------------


def test_target_that_raises_on_benign_inputs_is_not_applicable(ready):
    """n/a with exception and message, in one line."""

    def refuses(x):
        raise NotImplementedError("no kernel for\nthis dtype")

    assert ready(refuses) == Inapplicable("NotImplementedError: no kernel for")


def test_format_that_the_library_does_not_know(ready):
    """A linear-algebra routine without float16 is n/a there and judged elsewhere."""

    def through_inverse(x):
        return stable(x) + 0 * np.linalg.inv(np.eye(2, dtype=x.dtype))[0, 1]

    assert "float16" in ready(through_inverse, format="float16").reason
    assert ready(through_inverse, format="float32").batch


def test_target_that_is_wrong_everywhere_is_still_called(ready):
    """Being wrong is for the judge, not for the probe."""
    runner = ready(lambda x: x * 0 + 0.1)
    assert runner.batch
    assert (runner({"x": np.zeros((2, 3))}).values == 0.1).all()


def test_wrong_row_function_is_called_row_by_row(ready):
    """A one-row function with a bug is judged for its bug, not for mixing the rows."""
    assert not ready(lambda x: np.exp(x) / (np.exp(x).sum() + 0.5)).batch


def test_kept_axis_is_forgiven_with_a_note(ready, block):
    """A reduction that keeps its axis answers (B, 1) where (B,) is expected."""
    runner = ready(lambda x: np.log(np.exp(x).sum(axis=-1, keepdims=True)), "logsumexp")
    assert runner.notes == ("an axis of length 1 in its result is dropped",)
    assert runner(block([[0.0, 0.0], [1.0, 1.0]])).values.shape == (2,)


def test_unknown_backend_is_a_usage_error(ready):
    """With the nearest match."""
    with pytest.raises(UsageError, match="Did you mean 'torch'"):
        ready(stable, backend="troch")


# -- layouts -----------------------------------------------------------------------------------------


def test_layouts_that_work_are_listed(ready):
    """All of them for code that does not care."""
    assert ready(stable).layouts == ("C", "F", "strided", "readonly", "broadcast")


def test_layout_that_is_refused_is_left_out(ready):
    """A target that insists on contiguous memory: numbers that repeat, stored once, are not that."""

    def picky(x):
        if not x.flags.c_contiguous:
            raise ValueError("need C order")
        return stable(x)

    assert ready(picky).layouts == ("C", "readonly")


@pytest.mark.parametrize("layout", ["C", "F", "strided", "readonly", "broadcast"])
@pytest.mark.parametrize("target", [stable, row_only])
def test_answers_do_not_depend_on_the_layout_we_build(ready, block, softmax_of, layout, target):
    """Whatever the layout, batch or rows, the target sees the same numbers."""
    inputs = block([[0.0, 1.0, 3.0], [5.0, 5.0, -5.0]])
    np.testing.assert_allclose(ready(target)(inputs, layout=layout).values, softmax_of(inputs["x"]))


def test_numpy_does_not_flush(ready):
    """NumPy keeps subnormal numbers."""
    assert not ready(stable, format="float32").flushes


def test_numbers_by_themselves(ready):
    """An elementwise target that takes blocks gets 0-d arrays too; others do not."""
    shapes = []

    def sigmoid(x):
        shapes.append(x.shape)
        return np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x)))

    runner = ready(sigmoid, op="sigmoid")
    assert "0-d" in runner.layouts
    shapes.clear()
    answer = runner({"x": np.float64([[0, 1, -2]])}, "0-d")
    assert [()] * 3 == shapes
    np.testing.assert_allclose(answer.values[0], [0.5, 0.7310586, 0.11920292], rtol=1e-6)
    assert "0-d" not in ready(lambda x: sigmoid(x[...]) + 0 * x[0], op="sigmoid").layouts
    assert "0-d" not in ready(stable).layouts


@pytest.mark.parametrize(
    ("target", "call"),
    [
        (lambda *, values: stable(values), "(values=x)"),
        (lambda *, values, axis: stable(values), "(values=x, axis=-1)"),
    ],
)
def test_what_must_be_passed_by_name_is(ready, target, call):
    """A keyword-only argument takes the op's argument, whatever it is called; options keep theirs."""
    runner = ready(target)
    assert call in runner.call_form
    assert runner({"x": np.zeros((1, 2))}).values.tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    "target",
    [
        lambda *, b, a: np.logaddexp(a, b + math.log(2)),
        lambda first, *, second: np.logaddexp(first, second + math.log(2)),
        lambda *, first, second: np.logaddexp(first, second + math.log(2)),
    ],
)
def test_keywords_of_two_arguments(ready, target):
    """By the op's own names in whatever order, otherwise in that of the signature."""
    answer = ready(target, op="logaddexp2")({"a": np.array([[0.0, 3.0]]), "b": np.array([[1.0, -1.0]])})
    np.testing.assert_allclose(answer.values, np.log([[1 + 2 * np.e, np.exp(3) + 2 / np.e]]))


IMPORTING = """
import os
import random
import sys
import warnings

import numpy as np

import stabcheck

stabcheck.check(np.tanh, dtypes="float32", max_examples=5)  # rich draws a number when it is imported
np.random.seed(1)
before = dict(os.environ), np.random.get_state()[1].tolist(), random.getstate(), list(warnings.filters)
for target in ({targets}):
    stabcheck.check(target, "softmax", dtypes="float32", max_examples=5, name="target")
after = dict(os.environ), np.random.get_state()[1].tolist(), random.getstate(), list(warnings.filters)
print([a == b for a, b in zip(before, after)], [name for name in ("torch", "jax") if name in sys.modules])
"""


@pytest.mark.parametrize(
    ("targets", "imported"),
    [
        ("lambda x: 3, lambda x: x + None, lambda x: unknown, lambda x, t: x", []),
        ("lambda x: x.exp() / x.exp().sum(-1, keepdim=True),", ["torch", "jax"]),
        ("lambda x: x.reshape(x.size(0), -1),", ["torch", "jax"]),
    ],
    ids=["errors of its own", "methods", "size"],
)
def test_frameworks_are_imported_only_for_who_may_want_their_arrays(targets, imported):
    """Tried on NumPy's arrays a function misses a method of others; and the caller's own environment, random
    states and warning filters are what they were before the import."""
    installed = [name for name in imported if importlib.util.find_spec(name)]
    text = IMPORTING.replace("{targets}", targets)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert f"{[True] * 4} {installed}" == done.stdout.strip()
