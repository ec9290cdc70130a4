"""The tests are tested: a ball operation with one wrong bound or one wrong digit does not pass."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
import pytest

from stabcheck.oracle import (
    balls,
    dd_balls,
    dd_elementary,
    dd_functions,
    dd_logarithm,
    dd_tables,
    double_double,
)
from stabcheck.oracle.balls import BallContext64
from stabcheck.oracle.dd_balls import DDBallContext

COUNT = 3000


def misses(checker: Any, k: Any, on_balls: Any, on_arb: Any, low: float, high: float, binary: bool) -> int:
    """How many results on random numbers (negative ones as well if low < 0) do not hold the exact value."""
    rng = np.random.default_rng(7)
    columns = [rng.uniform(low, high, COUNT) for _ in range(1 + binary)]
    enclosure = k.enclosure(on_balls(k, *map(k.array, columns)))
    numbers = [[flint.arb(v) for v in column.tolist()] for column in columns]
    return len(checker.missed(enclosure, lambda i: on_arb(*(column[i] for column in numbers))))


def cancelled(x: Any) -> Any:
    """x / 3, with a radius that double-doubles feel."""
    return (x / 3 + 2.0**60) - 2.0**60


def _worn(table: Any) -> Any:
    """The table with every eighth low part off by 2^-80."""
    low = table.low.copy()
    low[::8] += 2.0**-80
    worn = table._replace(low=low)
    return lambda: worn


def _truncated_product(a: Any, b: Any) -> Any:
    return np.asarray(a * b), np.zeros(np.broadcast_shapes(np.shape(a), np.shape(b)))


def _careless_sum(a: Any, b: Any) -> Any:
    """Fast2Sum without its condition."""
    s = np.asarray(a + b)
    return s, np.asarray(b - (s - a))


SABOTAGE = {
    "a bound of exp": (dd_elementary, "EXP_REL", 2.0**-97, "exp"),
    "a bound of log": (dd_logarithm, "LOG_ABS", 2.0**-97, "log"),
    "entries of the exp table": (dd_tables, "exp_table", _worn(dd_tables.exp_table()), "exp"),
    "entries of the log table": (dd_tables, "log_table", _worn(dd_tables.log_table()), "log"),
    "the low part of a product": (double_double, "two_product", _truncated_product, "multiply"),
    "the remainder of a quotient": (double_double, "two_product", _truncated_product, "divide"),
    "a 2Sum that assumes an order": (double_double, "two_sum", _careless_sum, "add"),
    "the growth of exp": (dd_functions, "exp_growth", lambda d: 0.0 * np.asarray(d), "exp_of_cancelled"),
    "the growth of log": (dd_functions, "log_growth", lambda t: 0.0 * np.asarray(t), "log_of_cancelled"),
    "a forgotten radius": (dd_balls, "plus", lambda *terms: 0.0, "third_less_third"),
    "the trust in libm": (balls, "LIBM_REL", 2.0**-55, "exp"),
    "an underflow in exp": (balls, "LIBM_ABS", 0.0, "exp_far_down"),
}

OPERATIONS = {
    "exp": (lambda k, a: k.exp(a), lambda x: x.exp(), -40.0, 40.0, False),
    "log": (lambda k, a: k.log(a), lambda x: x.log(), 0.1, 9.0, False),
    "multiply": (lambda k, a, b: a * b, lambda x, y: x * y, -9.0, 9.0, True),
    "divide": (lambda k, a, b: a / b, lambda x, y: x / y, -9.0, 9.0, True),
    "add": (lambda k, a, b: a + b, lambda x, y: x + y, -9.0, 9.0, True),
    "exp_of_cancelled": (lambda k, a: k.exp(cancelled(a)), lambda x: cancelled(x).exp(), -9.0, 9.0, False),
    "log_of_cancelled": (lambda k, a: k.log(cancelled(a)), lambda x: cancelled(x).log(), 0.1, 9.0, False),
    "third_less_third": (lambda k, a: a / 3 - a / 7 * 2, lambda x: x / 3 - x * 2 / 7, 0.1, 9.0, False),
    "exp_far_down": (lambda k, a: k.exp(a), lambda x: x.exp(), -760.0, -700.0, False),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_sabotage_is_noticed(what, monkeypatch, balls_checker):
    """Sound before, caught after."""
    module, attribute, broken, operation = SABOTAGE[what]
    k = BallContext64() if module is balls else DDBallContext()
    assert 0 == misses(balls_checker, k, *OPERATIONS[operation])
    monkeypatch.setattr(module, attribute, broken)
    assert 0 < misses(balls_checker, k, *OPERATIONS[operation])


@pytest.mark.parametrize("name", ["exp", "log", "log1p", "expm1", "tanh"])
def test_libm_is_as_good_as_trusted(name, balls_checker):
    """NumPy's float64 functions err by less than LIBM_ULPS ulps, subnormal results included."""
    x = balls_checker.numbers(np.random.default_rng(11), 10_000)
    x = x[np.isfinite(x) & (x > {"log": 0.0, "log1p": -1.0}.get(name, -np.inf))]
    with np.errstate(all="ignore"):
        y = getattr(np, name)(x)
    kept = np.isfinite(y)
    flint.ctx.prec = 256
    errors = []
    for argument, value in zip(x[kept].tolist(), y[kept].tolist(), strict=True):
        exact = getattr(flint.arb(argument), name)()
        ulp = np.spacing(abs(float(exact.mid())))
        errors.append(float((abs(exact - value) / float(ulp)).mid()))
    flint.ctx.prec = 53
    assert max(errors) < balls.LIBM_ULPS
