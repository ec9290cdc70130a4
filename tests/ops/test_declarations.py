"""What ops declare beside their formulas: options, conventions, what a NaN feeds, condition numbers."""

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.errors import UsageError
from stabcheck.oracle.conditioning import conditioning_gates
from stabcheck.oracle.doubles import DoubleContext
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.truth import Kind

FLOAT64 = formats.get("float64")
NAN, INF = float("nan"), float("inf")


def kinds(name, options=None, **inputs):
    """The kinds of the truth of one example, and the conventions it meets."""
    op = ops.get(name)
    parsed = op.parse_options(options)
    one = {key: np.asarray(value)[None] for key, value in inputs.items()}
    truth = Oracle(op.under(parsed), FLOAT64, parsed).truth(one)
    return truth.kind[0].tolist(), tuple(truth.conventions)


@pytest.mark.parametrize(
    ("name", "option", "value", "message"),
    [
        ("cross_entropy", "reduction", "avg", "mean"),
        ("cross_entropy", "reductoin", "mean", "Did you mean 'reduction'"),
        ("cross_entropy", "ignore_index", "none", "expected int"),
        ("cross_entropy", "target_kind", "one-hot", "onehot"),
        ("softmax_loss", "normalization", "MEAN", "VALID"),
        ("linear_softmax_loss", "reg", "lots", "expected float"),
        ("entropy", "base", "2", "takes no options"),
    ],
)
def test_wrong_option_names_the_right_ones(name, option, value, message):
    """A misspelt option or value is answered by what would have been right."""
    with pytest.raises(UsageError, match=message):
        ops.get(name).parse_options({option: value})


@pytest.mark.parametrize(
    ("options", "targets", "axes", "output"),
    [
        ({}, "index", ("N",), ()),
        ({"reduction": "none"}, "index", (), ()),
        ({"reduction": "none", "target_kind": "soft"}, "targets", ("C",), ()),
        ({"target_kind": "soft", "reduction": "sum"}, "targets", ("N", "C"), ()),
    ],
)
def test_options_decide_what_is_taken_and_returned(options, targets, axes, output):
    """Soft targets are rows of numbers; without a reduction every row is an example of its own."""
    op = ops.get("cross_entropy")
    op = op.under(op.parse_options(options))
    assert op.kind == ("row" if options.get("reduction") == "none" else "reducing")
    assert (op.arguments[1].kind, op.arguments[1].axes, op.output) == (targets, axes, output)


@pytest.mark.parametrize(
    ("options", "targets", "convention"),
    [
        ({"ignore_index": -100}, [-100, -100], "mean over no valid target"),
        ({}, [0, 2], "index out of range"),
        ({}, [0, -1], "index out of range"),
    ],
)
def test_what_is_a_matter_of_taste_is_not_judged(options, targets, convention):
    """A mean over nothing and an index that points nowhere have no agreed answer."""
    got = kinds("cross_entropy", options, logits=[[0.0, 1.0], [1.0, 0.0]], targets=targets)
    assert got == (Kind.CONVENTION, (convention,))


def test_sum_over_nothing_is_zero():
    """Only the mean of no losses is a matter of taste."""
    got = kinds(
        "cross_entropy", {"reduction": "sum", "ignore_index": -100}, logits=[[0.0, 1.0]], targets=[-100]
    )
    assert got == (Kind.NUMBER, ())


def test_rows_without_an_answer_say_nothing_about_others():
    """A row that is all -inf is left out, and no other."""
    logits = [[-INF, -INF], [0.0, 1.0]]
    got = [kinds("cross_entropy", {"reduction": "none"}, logits=row, targets=0) for row in logits]
    assert got == [(Kind.CONVENTION, ("row that is all -inf",)), (Kind.NUMBER, ())]
    assert kinds("cross_entropy", {"ignore_index": -100}, logits=logits, targets=[-100, 0]) == (
        Kind.NUMBER,
        (),
    )


def test_ignored_row_feeds_nothing():
    """A NaN in an ignored row need not reach the loss; in any other it must."""
    logits = [[NAN, 0.0], [0.0, 1.0]]
    assert kinds("cross_entropy", {"ignore_index": -100}, logits=logits, targets=[-100, 0]) == (
        Kind.CONVENTION,
        (),
    )
    assert kinds("cross_entropy", logits=logits, targets=[0, 0]) == (Kind.NAN, ())
    none = [kinds("cross_entropy", {"reduction": "none"}, logits=row, targets=0) for row in logits]
    assert none == [(Kind.NAN, ()), (Kind.NUMBER, ())]


def test_a_row_without_weight_feeds_nothing():
    """Soft targets that are all 0: their loss is 0; smoothing gives every class some weight."""
    for smoothing, expected in ((0.0, Kind.CONVENTION), (0.1, Kind.NAN)):
        options = {"target_kind": "soft", "label_smoothing": smoothing}
        assert kinds("cross_entropy", options, logits=[[NAN, 0.0]], targets=[[0.0, 0.0]])[0] == expected
    assert (
        kinds("cross_entropy", {"target_kind": "soft"}, logits=[[NAN, 0.0]], targets=[[0.0, 1.0]])[0]
        == Kind.NAN
    )


def test_nan_stays_in_its_position():
    """In the layer's gradient a NaN feeds the classes of its own position."""
    bottom = np.array([[[NAN, 0.0], [0.0, 0.0]]])
    got, _ = kinds("softmax_loss_grad", bottom=bottom, label=[[0, 0]])
    assert got == [[[Kind.NAN, Kind.CONVENTION], [Kind.NAN, Kind.CONVENTION]]]


def test_nan_as_a_weight_is_a_matter_of_taste():
    """A mask p > 0 leaves a NaN out, 0 * log(0) = 0 by another way hands it on; beside a weight it counts."""
    taste = (Kind.CONVENTION, ("NaN as a weight",))
    assert kinds("entropy", p=[NAN, 0.5]) == taste
    assert kinds("kl_divergence", p=[NAN, 0.5], q=[0.5, 0.5]) == taste
    assert kinds("kl_divergence", p=[NAN, 0.5], q=[0.5, NAN]) == taste
    assert kinds("kl_divergence", p=[0.5, 0.5], q=[NAN, 0.5]) == (Kind.NAN, ())
    assert kinds("kl_divergence", p=[0.0, 1.0], q=[NAN, 0.5]) == (Kind.CONVENTION, ())


@pytest.mark.parametrize(
    "name", ["softmax", "log_softmax", "logsumexp", "sigmoid", "log_sigmoid", "softplus", "entropy"]
)
def test_condition_numbers_are_those_of_the_formula(name):
    """The closed form equals what differentiating the textbook's formula gives."""
    op, k = ops.get(name), DoubleContext()
    x = np.random.default_rng(1).normal(size=(40, 6)) * 2
    if name == "entropy":
        x = 1 / (1 + np.exp(-x))
    inputs = {op.arguments[0].name: x}
    arguments = op.lift(k, inputs)
    y = op.formula(k, *arguments)
    closed = op.gates.conditioning(k, y, *arguments)
    derived = conditioning_gates(op, k, inputs, {}).conditioning(k, y, *arguments)
    np.testing.assert_allclose(np.abs(closed), derived, rtol=1e-9)


@pytest.mark.parametrize("name", ["softmax_vjp", "log_softmax_vjp"])
def test_condition_numbers_of_products_bound_those_of_the_formula(name):
    """Closed forms for vector-Jacobian products are bounds, at most three times too large."""
    op, k = ops.get(name), DoubleContext()
    rng = np.random.default_rng(2)
    inputs = {"x": rng.normal(size=(60, 5)) * 2, "v": rng.normal(size=(60, 5))}
    arguments = op.lift(k, inputs)
    y = op.formula(k, *arguments)
    closed = op.gates.conditioning(k, y, *arguments)
    derived = conditioning_gates(op, k, inputs, {}).conditioning(k, y, *arguments)
    assert (closed >= derived * (1 - 1e-9)).all()
    assert (closed <= 3 * derived).all()
