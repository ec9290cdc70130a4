"""Every ball operation holds the exact value, on random and adversarial elements, against arb."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import flint
import numpy as np
import pytest

from stabcheck.oracle.balls import BallContext64
from stabcheck.oracle.balls_value import Ball
from stabcheck.oracle.dd_balls import DDBallContext

CONTEXTS = {"float64": BallContext64(), "double-double": DDBallContext()}
NAMES = sorted(CONTEXTS)
FEW = 1300


def log(x: Any) -> Any:
    """With the limit at an exact 0."""
    return flint.arb.neg_inf() if x == 0 else x.log()


def log1p(x: Any) -> Any:
    """With the limit at an exact -1."""
    return flint.arb.neg_inf() if x == -1 else x.log1p()


def sigmoid(x: Any) -> Any:
    """For very negative x, where arb gives up, the interval [0, e^-10^15]."""
    if x < -(10**16) and x.is_finite():
        return (-(flint.arb(10) ** 15)).exp().union(0)
    return 1 / (1 + (-x).exp())


#: name -> (on a context, on arb)
UNARY: dict[str, tuple[Any, Any]] = {
    "exp": (lambda k, a: k.exp(a), lambda x: x.exp()),
    "log": (lambda k, a: k.log(a), log),
    "log1p": (lambda k, a: k.log1p(a), log1p),
    "expm1": (lambda k, a: k.expm1(a), lambda x: x.expm1()),
    "tanh": (lambda k, a: k.tanh(a), lambda x: x.tanh()),
    "sqrt": (lambda k, a: k.sqrt(a), lambda x: x.sqrt()),
    "abs": (lambda k, a: k.abs(a), abs),
    "square": (lambda k, a: a**2, lambda x: x * x),
    "half": (lambda k, a: 0.5 * a, lambda x: x / 2),
    "third": (lambda k, a: a / 3, lambda x: x / 3),
    "one_less": (lambda k, a: 1 - a, lambda x: 1 - x),
    "reciprocal": (lambda k, a: 1 / a, lambda x: 1 / x),
    "cube_below": (lambda k, a: a**-3, lambda x: 1 / (x * x * x)),
    "sigmoid": (lambda k, a: 1 / (1 + k.exp(-a)), sigmoid),
}
BINARY: dict[str, tuple[Any, Any]] = {
    "add": (lambda k, a, b: a + b, lambda x, y: x + y),
    "subtract": (lambda k, a, b: a - b, lambda x, y: x - y),
    "multiply": (lambda k, a, b: a * b, lambda x, y: x * y),
    "divide": (lambda k, a, b: a / b, lambda x, y: x / y),
    "maximum": (lambda k, a, b: k.maximum(a, b), lambda x, y: x.max(y)),
    "minimum": (lambda k, a, b: k.minimum(a, b), lambda x, y: x.min(y)),
    "where": (lambda k, a, b: k.where(a < b, a, b), lambda x, y: x.min(y)),
}


def seed(*parts: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(parts).encode()))


@np.errstate(over="ignore")
def balls(k: Any, rng: np.random.Generator, checker: Any, count: int, kind: str) -> Ball:
    """Adversarial balls: exact ones (of all sizes, or none above 200), ones with radii of every size, and
    (double-double) with low parts and exponents as well."""
    numbers = checker.numbers(rng, count)
    if kind == "moderate":  # no element that makes the whole array carry exponents
        return k.array(np.where(np.abs(numbers) > 200.0, rng.uniform(-1, 1, count), numbers))
    a = k.array(numbers)
    if kind == "exact":
        return a
    clean = replace(a, hi=np.where(np.isinf(a.hi), 3.0, a.hi), finite=True)
    if kind == "uniform":
        return replace(clean, rel=2.0**-40)
    size = np.abs(clean.hi)
    radius = size * 10.0 ** rng.uniform(-30, 0, count) + rng.choice([0.0, 1e-300], count)
    wide = replace(clean, abs=np.where(np.isfinite(radius), radius, 0.0))
    if isinstance(k, BallContext64):
        return k.settle(wide)
    low = size * rng.uniform(-0.49, 0.49, count) * 2.0**-53
    low = np.where(clean.hi + low == clean.hi, low, 0.0)
    if kind == "wide":
        return k.settle(replace(wide, lo=low))
    head, _ = np.frexp(clean.hi)
    exponent = (rng.normal(0, 1, count) * 10.0 ** rng.uniform(0, 4, count)).astype(np.int64)
    low = head * rng.uniform(-0.49, 0.49, count) * 2.0**-53
    low = np.where(head + low == head, low, 0.0)
    radius = np.abs(head) * 10.0 ** rng.uniform(-30, 1, count)
    return k.settle(Ball(k, head, low, exponent, abs=radius * rng.choice([0.0, 1.0], count)))


def failures(k: Any, name: str, checker: Any, count: int, kind: str) -> list[int]:
    """Elements whose result does not hold the exact value."""
    rng = seed(name, kind)
    a = balls(k, rng, checker, count, kind)
    first = checker.points(a, rng)
    if name in UNARY:
        on_balls, on_arb = UNARY[name]
        enclosure = k.enclosure(on_balls(k, a))
        return checker.missed(enclosure, lambda i: on_arb(checker.point(first[i])))
    b = balls(k, rng, checker, count, kind)
    if kind == "exact":  # cancelling neighbours
        near = a.hi * (1 - rng.integers(0, 7, count) * 2.0**-53)
        b = k.array(np.where(rng.random(count) < 0.3, near, b.hi))
    second = checker.points(b, rng)
    on_balls, on_arb = BINARY[name]
    enclosure = k.enclosure(on_balls(k, a, b))
    return checker.missed(enclosure, lambda i: on_arb(checker.point(first[i]), checker.point(second[i])))


@pytest.mark.parametrize("kind", ["exact", "moderate", "uniform", "wide", "scaled"])
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
@pytest.mark.parametrize("which", NAMES)
def test_results_hold_the_exact_value(which, name, kind, balls_checker):
    """No element of any operation misses the value that arb computes from a point of its arguments."""
    assert failures(CONTEXTS[which], name, balls_checker, FEW, kind) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_a_million_results_hold_the_exact_value(name, balls_checker):
    """The same for 10^6 exact elements per operation, both kinds of balls against one arb value each."""
    rng = seed(name)
    for _ in range(20):
        count = 50_000
        x, y = balls_checker.numbers(rng, count), balls_checker.numbers(rng, count)
        near = x * (1 - rng.integers(0, 7, count) * 2.0**-53)
        y = np.where(rng.random(count) < 0.3, near, y)
        arguments = (x,) if name in UNARY else (x, y)
        on_balls, on_arb = UNARY[name] if name in UNARY else BINARY[name]
        flint.ctx.prec = 192
        numbers = [[balls_checker.exactly(v) for v in argument.tolist()] for argument in arguments]
        values = [on_arb(*point) for point in zip(*numbers, strict=True)]
        for k in CONTEXTS.values():
            enclosure = k.enclosure(on_balls(k, *(k.array(argument) for argument in arguments)))
            flint.ctx.prec = 192
            doubtful = balls_checker.not_yet(enclosure, values)
            points = [[column[i] for column in numbers] for i in range(count)] if doubtful else []
            assert [] == balls_checker.missed(enclosure, lambda i, f=on_arb, p=points: f(*p[i]), doubtful)
