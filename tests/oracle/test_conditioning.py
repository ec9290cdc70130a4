"""Gates of formulas that bring none, from their conditioning."""

from fractions import Fraction

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.ops.op import Argument, GateConstants, Op
from stabcheck.oracle.conditioning import (
    conditioning_gates,
)
from stabcheck.oracle.doubles import DoubleContext
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.reals import RealContext

REALS = RealContext(300)
DOUBLES = DoubleContext()


def softmax(k, x):
    e = k.exp(x - k.max(x))
    return e / k.sum(e)


def op_of(formula, kind="row", output=("C",), **more):
    return Op(
        "mine", kind, (Argument("x", "logits", ("C",) if kind == "row" else ()),), formula, output, **more
    )


def default_gates(op, x, fmt):
    gates = conditioning_gates(op, DOUBLES, {"x": x}, {})
    y = np.broadcast_to(
        np.asarray(op.formula(DOUBLES, x)),
        x.shape[:-1] + ((1,) if op.kind == "row" and not op.output else x.shape[-1:]),
    )
    with np.errstate(all="ignore"):
        return gates.stable(DOUBLES, GateConstants(fmt), y, x), gates.conditioning(DOUBLES, y, x), y


def test_gates_of_a_row():
    """stable: C (2 + s(n)/8) (|r| + max|x| sum|dr/dx| + |dr/dS S|); accurate: |r| + sum |dr/dx x|."""
    fmt = formats.get("float32")
    x = np.array([[0.5, -2.0, 1.0]])
    op = op_of(lambda k, x: k.log(k.sum(k.exp(x))), output=())
    stable, accurate, y = default_gates(op, x, fmt)
    p = np.exp(x) / np.exp(x).sum()
    assert stable == pytest.approx(4 * (2 + 3 / 8) * (np.abs(y) + 2.0 * 1.0 + 1.0), rel=1e-6)
    assert accurate == pytest.approx((p * np.abs(x)).sum(), rel=1e-12)


def test_a_sum_over_the_row_is_rounded_at_its_own_size():
    """log of a mean of exponentials is as uncertain next to 0 as elsewhere; a length and a single number keep
    their relative digits."""
    fmt = formats.get("float32")
    x = np.array([[1e-9, 3e-9]])
    mean = op_of(lambda k, x: k.log(k.sum(k.exp(x)) / k.shape(x)[-1]), output=())
    assert default_gates(mean, x, fmt)[0] == pytest.approx(4 * (2 + 2 / 8))
    length = op_of(lambda k, x: k.sqrt(k.sum(x * x)), output=())
    assert default_gates(length, x, fmt)[0][0, 0] < 1e-6
    assert np.all(default_gates(op_of(lambda k, x: k.exp(x) - 1, "elementwise", ()), x, fmt)[0] < 1e-6)


@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16", "float16"])
def test_a_bend_has_the_larger_derivative_of_its_two_sides(name):
    """max(0, 1 - x) within a rounding or two of 1; further away it is 0 and nothing is forgiven."""
    fmt = formats.get(name)
    hinge = op_of(lambda k, x: k.maximum(0, 1 - x), "elementwise", ())
    gate = default_gates(hinge, np.array([[1 + 2 * fmt.u, 1 + 64 * fmt.u, 1.5]]), fmt)[0][0]
    assert gate[0] == pytest.approx(8.5, rel=0.1)
    assert gate[1:].tolist() == [0, 0]


@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16", "float16"])
def test_where_a_derivative_vanishes_its_change_counts(name):
    """The variance of equal numbers is 0, and so is its derivative; the rounding of the mean is squared."""
    fmt = formats.get(name)
    spread = op_of(lambda k, x: k.sum((x - k.sum(x) / 3) ** 2) / 3, output=())
    gate = default_gates(spread, np.full((1, 3), 8.0), fmt)[0][0, 0]
    assert 1 <= gate / (64 * fmt.u) <= 512, "some (u x)^2, and not u x^2"


def test_a_tail_takes_the_steps_of_a_factor_that_underflowed():
    """x exp(x) at -700 is 700 times a number that may be subnormal; 1 / x has no such factor."""
    x = np.array([[-700.0]])
    for formula, steps in ((lambda k, x: x * k.exp(x), 4 * 700), (lambda k, x: 1 / x, 8)):
        op = op_of(formula, "elementwise", ())
        gates = conditioning_gates(op, DOUBLES, {"x": x}, {})
        y = np.asarray(op.formula(DOUBLES, x))
        assert gates.underflow(DOUBLES, GateConstants(formats.get("float64")), y, x) == pytest.approx(steps)


def test_a_gate_says_nothing_where_its_arithmetic_loses_the_value():
    """x + sqrt(x^2 + 1) at -1e9 is 0 in float64, and so its derivatives mean nothing: more digits do."""
    fmt = formats.get("float32")
    x = np.array([[-1e9, -2.0]])
    op = op_of(lambda k, x: k.log(x + k.sqrt(x * x + 1)), "elementwise", ())
    c = GateConstants(fmt)
    exact = op.formula(REALS, REALS.array(x))
    with np.errstate(all="ignore"):
        stable = conditioning_gates(op, DOUBLES, {"x": x}, {}).stable(DOUBLES, c, REALS.doubles(exact), x)
    assert [True, False] == np.isnan(stable[0]).tolist()
    sure = conditioning_gates(op, REALS, {"x": x}, {}).stable(REALS, c, exact, REALS.array(x))
    expected = 8.5 * (np.arcsinh([1e9, 2.0]) + np.array([1.0, 2 / 5**0.5]))
    assert REALS.doubles(sure)[0] == pytest.approx(expected)


def test_a_common_offset_excuses_nothing_where_it_changes_nothing():
    """invariance="shift" puts x_j - x_max into the gates: they are the same at any offset."""
    fmt = formats.get("float32")
    x = np.array([[0.5, -2.0, 1.0]])
    shifting = op_of(lambda k, x: softmax(k, x), invariance="shift")
    plain = op_of(lambda k, x: softmax(k, x))
    near, far = default_gates(shifting, x, fmt), default_gates(shifting, x + 1024, fmt)
    np.testing.assert_allclose(near[0], far[0], rtol=1e-12)
    assert np.all(default_gates(plain, x + 1024, fmt)[0] > 50 * far[0])


def test_gates_of_an_elementwise_op():
    """Each number has the condition of its own: 8.5 (|r| + |x f'(x)|)."""
    fmt = formats.get("float64")
    x = np.array([[0.5, -2.0, 30.0]])
    stable, accurate, _ = default_gates(op_of(lambda k, x: k.exp(x), "elementwise", ()), x, fmt)
    np.testing.assert_allclose(accurate, np.abs(x) * np.exp(x), rtol=1e-12)
    np.testing.assert_allclose(stable, 4 * (2 + 1 / 8) * np.exp(x) * (1 + np.abs(x)), rtol=1e-12)


def test_the_way_a_formula_is_written_does_not_hide_a_sum():
    """The entropy of logits: the sum inside the terms of another is rounded at its own size too."""
    fmt = formats.get("float32")
    x = np.array([[0.0, 20.0]])

    def of_probabilities(k, x):
        e = k.exp(x)
        p = e / k.sum(e)
        return -k.sum(p * k.log(p))

    def of_log_probabilities(k, x):
        logs = x - k.log(k.sum(k.exp(x)))
        return -k.sum(k.exp(logs) * logs)

    def of_logits(k, x):
        e = k.exp(x)
        return k.log(k.sum(e)) - k.sum(x * e) / k.sum(e)

    gates = [
        default_gates(op_of(formula, output=()), x, fmt)[0][0, 0]
        for formula in (of_probabilities, of_log_probabilities, of_logits)
    ]
    assert gates[0] == pytest.approx(gates[1])
    assert 8 < gates[0] <= gates[2]


@pytest.mark.parametrize(("name", "number"), [("float64", 36.73680057), ("float32", 8.0), ("float16", 3.0)])
def test_a_standard_deviation_of_equal_numbers(name, number):
    """There is no derivative: that of nearly equal numbers counts, also where the mean is not exact."""
    fmt = formats.get(name)
    deviation = op_of(lambda k, x: k.sqrt(k.sum((x - k.sum(x) / 6) ** 2) / 6), output=())
    truth = Oracle(deviation, fmt, {}).authority({"x": np.full((1, 6), number, dtype=fmt.dtype)})
    assert 0 == truth.head[0]
    assert 2 < truth.stable.floats()[0] / (fmt.u * number) < 64
    assert 0.5 < truth.accurate.floats()[0] / (fmt.u * number) < 64


def test_a_root_of_zero():
    """0 has no relative error, however steep the root."""
    fmt = formats.get("float32")
    apart = op_of(lambda k, p: (k.sqrt(p) - Fraction(1, 4)) ** 2, "elementwise", ())
    stable, accurate, y = default_gates(apart, np.array([[0.0, 0.0625, 0.25]]), fmt)
    assert np.isfinite(stable).all()
    assert stable[0, 0] == pytest.approx(4 * (2 + 1 / 8) * y[0, 0])
    assert accurate[0, 0] == 0


def test_a_bend_at_the_end_of_a_domain():
    """Beyond it there is nothing to be as uncertain as."""
    fmt = formats.get("float32")
    binary = op_of(lambda k, p: k.xlogy(1 - p, 1 - p) + k.xlogy(p, p), "elementwise", ())
    stable, accurate, _ = default_gates(binary, np.array([[1.0, 1 - 2.0**-24, 0.0]]), fmt)
    assert np.isfinite(stable).all()
    assert np.isfinite(accurate).all()
