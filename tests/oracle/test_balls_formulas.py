"""Sums, maxima, products and whole formulas on balls: they hold the exact value and stay narrow."""

from __future__ import annotations

import math
from typing import Any

import flint
import numpy as np
import pytest

from stabcheck.oracle.balls import BallContext64
from stabcheck.oracle.dd_balls import DDBallContext

CONTEXTS = {"float64": BallContext64(), "double-double": DDBallContext()}
NAMES = sorted(CONTEXTS)


def softmax(k: Any, x: Any) -> Any:
    e = k.exp(x - k.max(x))
    return e / k.sum(e)


def textbook_softmax(k: Any, x: Any) -> Any:
    return k.exp(x) / k.sum(k.exp(x))


def log_softmax(k: Any, x: Any) -> Any:
    p = k.pivot(x)
    xp = k.sum(k.where(p, x, 0))
    z = x - xp
    rest = k.log1p(k.sum(k.where(p, 0, k.exp(z))))
    return k.where(p, -rest, z - rest)


def softplus(k: Any, x: Any) -> Any:
    return k.maximum(x, 0) + k.log1p(k.exp(-k.abs(x)))


def entropy(k: Any, x: Any) -> Any:
    p = k.abs(x)
    return -k.sum(k.xlogy(p, p))


FORMULAS = {
    "softmax": softmax,
    "textbook_softmax": textbook_softmax,
    "log_softmax": log_softmax,
    "softplus": softplus,
    "entropy": entropy,
    "sum": lambda k, x: k.sum(x),
    "sum_of_exp": lambda k, x: k.sum(k.exp(x)),
    "sum_first_axis": lambda k, x: k.sum(x, axis=-2),
    "max": lambda k, x: k.max(x * 3 / 3),
    "gram": lambda k, x: k.matmul(x, k.transpose(x)),
    "take": lambda k, x: k.take(k.exp(x), np.arange(x.shape[0]).reshape(-1, 1) % x.shape[1]),
}


def exp(x: Any) -> Any:
    return flint.arb(0) if x == flint.arb.neg_inf() else x.exp()


def xlogy(x: Any) -> Any:
    return flint.arb(0) if x == 0 else x * x.log()


def rows_of(name: str, rows: list[list[Any]]) -> list[Any]:
    """The formula of that name on rows of arb numbers, as a flat list."""
    if name in ("softmax", "textbook_softmax"):
        return [exp(x) / sum(map(exp, row)) for row in rows for x in row]
    if name == "log_softmax":
        return [log_softmax_of(x, row) for row in rows for x in row]
    if name == "softplus":
        return [(1 + exp(x)).log() for row in rows for x in row]
    if name == "entropy":
        return [-sum(xlogy(abs(x)) for x in row) for row in rows]
    if name == "sum":
        return [sum(row) for row in rows]
    if name == "sum_of_exp":
        return [sum(map(exp, row)) for row in rows]
    if name == "sum_first_axis":
        return [sum(column) for column in zip(*rows, strict=True)]
    if name == "max":
        return [max_of(row) for row in rows]
    if name == "gram":
        return [sum(a * b for a, b in zip(one, other, strict=True)) for one in rows for other in rows]
    return [exp(row[i % len(row)]) for i, row in enumerate(rows)]


def log_softmax_of(x: Any, row: list[Any]) -> Any:
    if not x.is_finite():
        return x
    alone = sum(1 for other in row if other.is_finite()) == 1
    return flint.arb(0) if alone else x - sum(map(exp, row)).log()


def max_of(row: list[Any]) -> Any:
    top = row[0]
    for x in row[1:]:
        top = top.max(x)
    return top


def block(kind: str, shape: tuple[int, int]) -> np.ndarray:
    """Logits of a kind."""
    rng = np.random.default_rng([len(kind), *shape])
    x = rng.normal(0, 3, shape)
    if kind == "offset":
        return x + 1e6
    if kind == "spread":
        return x * 10.0 ** rng.uniform(0, 3, shape)
    if kind == "ties":
        return np.round(x)
    if kind == "close":
        return 1 + rng.integers(0, 9, shape) * 2.0**-52
    if kind == "masked":
        x[rng.random(shape) < 0.5] = -math.inf
        x[:, 0] = 1.0
    if kind == "tiny":
        return x * 10.0 ** rng.uniform(-320, -290, shape)
    return x


KINDS = ["ordinary", "offset", "spread", "ties", "close", "masked", "tiny"]


def result_and_reference(which: str, name: str, kind: str, shape: tuple[int, int]) -> tuple[Any, Any]:
    x = block(kind, shape)
    k = CONTEXTS[which]
    enclosure = k.enclosure(FORMULAS[name](k, k.array(x)))
    # Cancelled differences of textbook forms need many bits once, here.
    flint.ctx.prec = 6000 if kind in ("spread", "tiny") else 400
    exact = [[flint.arb.neg_inf() if math.isinf(v) else flint.arb(v) for v in row] for row in x.tolist()]
    reference = rows_of(name, exact)
    flint.ctx.prec = 53
    return enclosure, reference


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(FORMULAS))
@pytest.mark.parametrize("which", NAMES)
def test_formulas_hold_the_exact_value(which, name, kind, balls_checker):
    """Whole formulas on rows of every kind, in both memory layouts, hold the value that arb computes."""
    if kind == "masked" and name in ("sum", "sum_first_axis", "gram", "entropy", "max"):
        pytest.skip("infinite sums have tests of their own")
    for shape in ((40, 3), (3, 17), (5, 1)):
        enclosure, reference = result_and_reference(which, name, kind, shape)
        assert balls_checker.missed(enclosure, reference.__getitem__) == []


@pytest.mark.parametrize("kind", ["ordinary", "offset", "ties", "masked"])
@pytest.mark.parametrize(
    ("name", "light", "heavy"),
    [("softmax", 45, 84), ("log_softmax", 45, 74), ("softplus", 47, 74), ("sum_of_exp", 45, 83)],
)
def test_radii_of_stable_formulas_are_narrow(name, light, heavy, kind):
    """Nothing well-conditioned is given away: relative radii stay near the precision of the midpoints."""
    for which, bits in (("float64", light), ("double-double", heavy)):
        if name == "sum_of_exp" and kind == "offset":
            continue  # e^1000000 is no matter of conditioning
        enclosure, _ = result_and_reference(which, name, kind, (200, 7))
        finite = np.isfinite(enclosure.head) & (enclosure.head != 0)
        assert float(np.max(enclosure.radius[finite] / np.abs(enclosure.head[finite]))) <= 2.0**-bits
