"""Differentiating formulas: structured Jacobians against numeric differentiation with many digits."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from stabcheck import formats
from stabcheck.ops.op import Argument, GateConstants, Op
from stabcheck.oracle.conditioning import (
    JacobianContext,
    NotDifferentiableError,
    conditioning_gates,
)
from stabcheck.oracle.doubles import DoubleContext
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.reals import RealContext
from stabcheck.oracle.row_sums import absolute_row_sums

REALS = RealContext(300)
DOUBLES = DoubleContext()


def softmax(k, x):
    e = k.exp(x - k.max(x))
    return e / k.sum(e)


def sigmoid(k, x):
    e = k.exp(-k.abs(x))
    return k.where(x < 0, e, 1) / (1 + e)


def standardised(k, x):
    """Two reductions that meet in a row: the mean and the spread."""
    n = k.shape(x)[-1]
    centred = x - k.sum(x) / n
    return centred / k.sqrt(k.sum(centred * centred) / n + Fraction(1, 1000))


def picked(k, x):
    index = np.full((*k.shape(x)[:-1], 1), 1)
    return k.take(x * x, index) * x - k.take(k.exp(x), index)


ROWS = {
    "softmax": softmax,
    "naive softmax": lambda k, x: k.exp(x) / k.sum(k.exp(x)),
    "logsumexp": lambda k, x: k.log(k.sum(k.exp(x))),
    "shifted logsumexp": lambda k, x: k.max(x) + k.log(k.sum(k.exp(x - k.max(x)))),
    "log_softmax": lambda k, x: x - k.log(k.sum(k.exp(x))),
    "standardised": standardised,
    "picked": picked,
    "softmax of softmax": lambda k, x: softmax(k, 3 * softmax(k, x)),
    "entropy": lambda k, x: -k.sum(k.xlogy(softmax(k, x), softmax(k, x))),
    "sum of the larger": lambda k, x: k.sum(k.maximum(x, 1 - x)) * k.minimum(x, Fraction(1, 3)),
    "nothing of x": lambda k, x: k.array(np.ones(k.shape(x))) * 7,
    "weighted": lambda k, x: x / (2 + k.sum(x * x)) - 1 / (3 + x * x),
}
ELEMENTWISE = {
    "sigmoid": sigmoid,
    "tanh": lambda k, x: k.tanh(x),
    "tanh by expm1": lambda k, x: k.expm1(2 * x) / (k.expm1(2 * x) + 2),
    "softplus": lambda k, x: k.maximum(x, 0) + k.log1p(k.exp(-k.abs(x))),
    "silu": lambda k, x: x * sigmoid(k, x),
    "square root": lambda k, x: k.sqrt(1 + x**2) - abs(x),
    "powers": lambda k, x: x**3 - 2 / (1 + x**2) ** 2 + x**0 + (-x) ** 1,
    "xlogy": lambda k, x: k.xlogy(x * x, x * x + 1) + k.xlogy(k.where(x < 0, 0, x), k.abs(x) + 2),
    "where": lambda k, x: k.where(x > Fraction(1, 2), k.exp(-x), k.where(x >= -1, x / 3, k.tanh(x))),
    "where, the other way": lambda k, x: k.where(x <= 0, k.log1p(x * x), 2 - x),
}


def jacobian(formula, x):
    """The structured derivative in mpf, made dense: an n x n (or 1 x n) matrix for each row."""
    tape = JacobianContext(REALS)
    result = tape.lift(formula(tape, tape.variable(REALS.array(x))))
    rows, n = x.shape
    width = REALS.shape(result.value)[-1]
    full = np.zeros((rows, width, n), dtype=object)
    for key, a in result.dense.items():
        a = np.broadcast_to(np.asarray(a, dtype=object), (rows, width))
        b = np.broadcast_to(np.asarray(tape.rows[key], dtype=object), (rows, n))
        full = full + a[:, :, None] * b[:, None, :]
    if result.diagonal is not None:
        full = full + np.eye(n, dtype=int)[None] * np.broadcast_to(result.diagonal, (rows, n))[:, None, :]
    return full.astype(np.float64)


def numeric(formula, x):
    """Central differences in 300 bits with a step of 2^-60: right to about 2^-100."""
    rows, n = x.shape
    step = mpmath.ldexp(1, -60)
    columns = []
    for j in range(n):
        moved = REALS.array(x)
        up, down = moved.copy(), moved.copy()
        for r in range(rows):
            up[r, j] = up[r, j] + REALS._mp.convert(step)
            down[r, j] = down[r, j] - REALS._mp.convert(step)
        difference = (formula(REALS, up) - formula(REALS, down)) / (2 * REALS._mp.convert(step))
        columns.append(np.asarray(difference, dtype=np.float64))
    return np.stack(columns, axis=-1)


POINTS = np.array([[0.3, -1.7, 0.9], [2.5, 0.1, -4.25], [-0.2, 0.7, 0.45]])


@pytest.mark.parametrize("name", [*ROWS, *ELEMENTWISE])
def test_derivatives(name):
    """The derivative carried along a formula is that of the formula."""
    formula = {**ROWS, **ELEMENTWISE}[name]
    np.testing.assert_allclose(jacobian(formula, POINTS), numeric(formula, POINTS), rtol=1e-14, atol=1e-25)


def composed(rng, depth):
    """A random formula: smooth functions, products, quotients and reductions of smaller ones."""
    if depth == 0:
        c = Fraction(int(rng.integers(-8, 9)), 4)
        return (lambda k, x: x) if rng.random() < 0.7 else (lambda k, x: x * 0 + c)
    f, g = composed(rng, depth - 1), composed(rng, depth - 1)
    steps = [
        lambda k, x: k.exp(-k.abs(f(k, x))),
        lambda k, x: k.log1p(k.exp(k.minimum(f(k, x), 3))),
        lambda k, x: k.tanh(f(k, x)),
        lambda k, x: k.expm1(k.tanh(g(k, x))),
        lambda k, x: k.log(2 + f(k, x) ** 2),
        lambda k, x: f(k, x) + 2 * g(k, x),
        lambda k, x: f(k, x) * g(k, x),
        lambda k, x: f(k, x) / (1 + g(k, x) ** 2),
        lambda k, x: 1 - f(k, x) / 3,
        lambda k, x: k.maximum(f(k, x), g(k, x)),
        lambda k, x: k.where(x > 0, f(k, x), g(k, x)),
        lambda k, x: f(k, x) - k.max(g(k, x)),
        lambda k, x: k.sum(f(k, x) + 0 * x) * k.tanh(g(k, x)),
        lambda k, x: softmax(k, f(k, x) + 0 * x),
        lambda k, x: k.take(f(k, x) + 0 * x, np.full((*k.shape(x)[:-1], 1), 2)) - g(k, x),
    ]
    return steps[int(rng.integers(len(steps)))]


@pytest.mark.parametrize("number", range(40))
def test_derivatives_of_random_compositions(number):
    """Formulas that nobody chose."""
    rng = np.random.default_rng([11, number])
    formula = composed(rng, 3)
    x = rng.normal(size=(2, 4)) * 2
    np.testing.assert_allclose(jacobian(formula, x), numeric(formula, x), rtol=1e-13, atol=1e-22)


@pytest.mark.parametrize("name", ROWS)
def test_absolute_row_sums(name):
    """sum_j |dr_i/dx_j| w_j, in float64, without forming the matrix where one reduction is there."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(5, 7)) * 3
    weight = np.abs(rng.normal(size=x.shape))
    tape = JacobianContext(DOUBLES)
    result = tape.lift(ROWS[name](tape, tape.variable(x)))
    sums = absolute_row_sums(DOUBLES, result, weight)
    expected = (np.abs(numeric(ROWS[name], x)) * weight[:, None, :]).sum(axis=-1)
    np.testing.assert_allclose(np.broadcast_to(sums, expected.shape), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_formulas_have_a_diagonal_only(name):
    """Nothing dense is carried along."""
    tape = JacobianContext(DOUBLES)
    result = ELEMENTWISE[name](tape, tape.variable(POINTS))
    assert not result.dense
    expected = np.abs(np.einsum("rii->ri", numeric(ELEMENTWISE[name], POINTS)))
    np.testing.assert_allclose(absolute_row_sums(DOUBLES, result, np.ones_like(POINTS)), expected, rtol=1e-12)


def test_small_sums_beside_a_dominating_term_keep_their_digits():
    """At p = 1 - 1e-12 the row sum of softmax is 2 p (1 - p) d: nothing is subtracted from it."""
    x = np.array([[0.0, -27.631]])
    tape = JacobianContext(DOUBLES)
    result = softmax(tape, tape.variable(x))
    sums = absolute_row_sums(DOUBLES, result, np.abs(x))
    with mpmath.workprec(200):
        q = mpmath.exp(-27.631)
        expected = float(q / (1 + q) ** 2 * mpmath.mpf(27.631))
    np.testing.assert_allclose(sums, [[expected, expected]], rtol=1e-12)


def test_the_argument_of_the_largest_is_a_subgradient():
    """At a tie one of the entries gets the derivative, and exactly one."""
    tape = JacobianContext(DOUBLES)
    result = tape.max(tape.variable(np.array([[2.0, 2.0, 1.0]])))
    assert [1.0] == absolute_row_sums(DOUBLES, result, np.ones((1, 3))).ravel().tolist()
    assert [[1.0, 0.0, 0.0]] == tape.rows[0].tolist()


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


@pytest.mark.parametrize(
    "formula",
    [
        lambda k, x: k.matmul(x, x),
        lambda k, x: k.transpose(x),
        lambda k, x: x - k.sum(x, axis=-2),
        lambda k, x: x - k.max(x, axis=-2),
    ],
)
def test_what_has_no_such_derivative_says_so(formula):
    """NotDifferentiableError, for the caller to judge by `robust` only."""
    tape = JacobianContext(DOUBLES)
    with pytest.raises(NotDifferentiableError):
        formula(tape, tape.variable(POINTS))


def test_tanh_keeps_its_slope_far_out():
    """4 / (e^x + e^-x)^2 at 30 is 4 e^-60, where 1 - tanh^2 is 0."""
    tape = JacobianContext(DOUBLES)
    slope = tape.tanh(tape.variable(np.array([[30.0]]))).diagonal
    assert slope[0, 0] == pytest.approx(4 * math.exp(-60), rel=1e-12)


def test_a_slope_of_a_quotient_survives_where_the_divisor_is_huge():
    """x / (1 + e^-x) at -400: e^400 squared leaves float64, the relative slope is 1 - 400."""
    tape = JacobianContext(DOUBLES)
    x = tape.variable(np.array([-400.0]))
    y = x / (1 + tape.exp(-x))
    np.testing.assert_allclose(x.value * y.diagonal / y.value, [-399.0], rtol=1e-12)


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
