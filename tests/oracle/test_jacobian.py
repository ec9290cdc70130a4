"""Differentiating formulas: structured Jacobians against numeric differentiation with many digits."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from stabcheck.oracle.doubles import DoubleContext
from stabcheck.oracle.jacobian import JacobianContext, NotDifferentiableError
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
