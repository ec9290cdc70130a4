"""Every interval operation against Arb (python-flint): an independent library with proved bounds.

The checker is itself checked: operations broken on purpose (mpmath's own intervals among them) must be
caught by the very function that clears ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, reduce

import numpy as np
import pytest
from mpmath.ctx_iv import MPIntervalContext
from mpmath.libmp import (
    finf,
    fnone,
    fone,
    from_float,
    from_man_exp,
    fzero,
    mpf_add,
    mpf_cmp,
    mpf_exp,
    mpf_log,
    mpf_neg,
    mpf_sum,
)

from stabcheck.oracle import interval_arithmetic as arithmetic
from stabcheck.oracle.mpf_functions import DOWN, NEAREST, UP, Bounds, Mpf

flint = pytest.importorskip("flint")

Unary = Callable[[int, Mpf, Mpf], Bounds]
QUICK, THOROUGH = 10_000, 100_000


def to_arb(x: Mpf) -> flint.arb:
    sign, mantissa, exponent, _ = x
    return flint.arb((int(-mantissa if sign else mantissa), exponent))


#: Values of a function lie in this range; an end that is no tighter needs no proof.
RANGES = {"expm1": (fnone, finf), "tanh": (fnone, fone)}


def refutes(bounds: Bounds, truth: Callable[[], flint.arb], precision: int, known: Bounds) -> bool:
    """Whether Arb proves that the value lies outside the bounds; undecided at any precision is a failure."""
    lo, hi = bounds
    below, above = mpf_cmp(lo, known[0]) <= 0, mpf_cmp(hi, known[1]) >= 0
    for working in (2 * precision + 128, 2 * precision + 1_400, 8 * precision + 6_000):
        flint.ctx.prec = working
        value = truth()
        if (not below and value < to_arb(lo)) or (not above and value > to_arb(hi)):
            return True
        if (below or to_arb(lo) <= value) and (above or value <= to_arb(hi)):
            return False
    raise AssertionError(f"Arb could not decide whether {bounds} contain the value")


# -- inputs ----------------------------------------------------------------------------------------------


def precisions(rng: np.random.Generator, largest: int) -> int:
    """Log-uniform from 8 bits up."""
    return int(2.0 ** rng.uniform(3, np.log2(largest)))


def bit_uniform(rng: np.random.Generator) -> Mpf:
    """A finite double with uniform bit pattern."""
    while True:
        x = rng.integers(0, 2**64, dtype=np.uint64).view(np.float64)
        if np.isfinite(x):
            return from_float(float(x))


def near_unit_roundoff(rng: np.random.Generator, precision: int) -> Mpf:
    """+-2^-p times something near 1, with p the precision, half of it, or the guarded precision."""
    scale = int(rng.choice([precision, precision // 2, precision + 32, 2 * precision]))
    wobble = 2**30 + int(rng.integers(-(2 ** rng.integers(0, 30)), 2 ** rng.integers(0, 30)))
    return from_man_exp(int(rng.choice([-1, 1])) * wobble, -30 - scale + int(rng.integers(-3, 4)))


def random_bits(rng: np.random.Generator, length: int) -> int:
    return int.from_bytes(rng.bytes(length // 8 + 1)) >> (8 - length % 8) | 1


def near_one(rng: np.random.Generator, precision: int) -> Mpf:
    """1 + d with |d| from 2^-2p to 1 and up to 2p bits: where log and exp - 1 cancel."""
    distance = int(rng.integers(1, 2 * precision))
    return from_man_exp((1 << distance) + int(rng.choice([-1, 1])), -distance)


def ordinary(rng: np.random.Generator, precision: int) -> Mpf:
    """As many bits as the precision has (or a few more), magnitude from 2^-40 to 2^12."""
    length = precision + int(rng.integers(-3, 12))
    return from_man_exp(
        int(rng.choice([-1, 1])) * random_bits(rng, length), -length + int(rng.integers(-40, 13))
    )


def integers(rng: np.random.Generator) -> Mpf:
    return from_man_exp(int(rng.integers(-1000, 1000)), int(rng.choice([-4, -1, 0, 0, 3, 40])))


def draw(rng: np.random.Generator, precision: int) -> Mpf:
    kind = rng.integers(0, 5)
    if kind == 0:
        return bit_uniform(rng)
    if kind == 1:
        return near_unit_roundoff(rng, precision)
    if kind == 2:
        return near_one(rng, precision)
    return ordinary(rng, precision) if kind == 3 else integers(rng)


def intervals(
    rng: np.random.Generator, precision: int, inside: Callable[[Mpf], bool]
) -> tuple[Bounds, list[Mpf]]:
    """An interval inside the domain (half of them points) and points of it."""
    while True:
        a, b = draw(rng, precision), draw(rng, precision)
        if rng.integers(2):
            b = a
        elif rng.integers(2):  # narrow
            b = mpf_add(a, from_man_exp(int(rng.integers(1, 9)), a[2] - 2))
        if mpf_cmp(a, b) > 0:
            a, b = b, a
        if inside(a) and inside(b):
            return (a, b), ([a] if a == b else [a, b])


# -- the operations and what Arb says they are -----------------------------------------------------------

UNARY: dict[str, tuple[Unary, Callable[[flint.arb], flint.arb], Callable[[Mpf], bool]]] = {
    "exp": (arithmetic.exp, lambda x: x.exp(), lambda x: True),
    "expm1": (arithmetic.expm1, lambda x: x.expm1(), lambda x: True),
    "log": (arithmetic.log, lambda x: x.log(), lambda x: not x[0] and x != fzero),
    "log1p": (arithmetic.log1p, lambda x: x.log1p(), lambda x: mpf_cmp(x, from_float(-1.0)) > 0),
    "tanh": (arithmetic.tanh, lambda x: x.tanh(), lambda x: True),
    "square_root": (arithmetic.square_root, lambda x: x.sqrt(), lambda x: not x[0]),
    "absolute": (arithmetic.absolute, abs, lambda x: True),
    "cube": (lambda p, lo, hi: arithmetic.raised(p, 3, lo, hi), lambda x: x**3, lambda x: True),
    "square": (lambda p, lo, hi: arithmetic.raised(p, 2, lo, hi), lambda x: x**2, lambda x: True),
    "inverse square": (
        lambda p, lo, hi: arithmetic.raised(p, -2, lo, hi),
        lambda x: x**-2,
        lambda x: x != fzero,
    ),
}
BINARY = {
    "plus": (arithmetic.plus, lambda x, y: x + y),
    "minus": (arithmetic.minus, lambda x, y: x - y),
    "times": (arithmetic.times, lambda x, y: x * y),
    "divided": (arithmetic.divided, lambda x, y: x / y),
}


def unary_refutations(
    operation: Unary, name: str, count: int, *, seed: int, largest: int = 700
) -> Iterator[tuple[int, Bounds]]:
    """Inputs (precision, interval) whose result Arb refutes."""
    rng = np.random.default_rng(seed)
    _, truth, inside = UNARY[name]
    known = RANGES.get(name, arithmetic.WHOLE)
    for _ in range(count):
        precision = precisions(rng, largest)
        (lo, hi), points = intervals(rng, precision, inside)
        bounds = operation(precision, lo, hi)
        if any(refutes(bounds, lambda x=x: truth(to_arb(x)), precision, known) for x in points):
            yield precision, (lo, hi)


def binary_refutations(name: str, operation: Callable[..., Bounds], count: int, *, seed: int) -> list[object]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        precision = precisions(rng, 300)
        a, xs = intervals(rng, precision, lambda x: True)
        b, ys = intervals(rng, precision, (lambda x: x != fzero) if name == "divided" else (lambda x: True))
        bounds = operation(precision, *a, *b)
        found += [
            (precision, a, b)
            for x in xs
            for y in ys
            if refutes(
                bounds, lambda x=x, y=y: BINARY[name][1](to_arb(x), to_arb(y)), precision, arithmetic.WHOLE
            )
        ]
    return found


@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str) -> None:
    """The interval of a function contains the function's values."""
    assert [] == list(unary_refutations(UNARY[name][0], name, QUICK, seed=1))


@pytest.mark.slow
@pytest.mark.parametrize("name", UNARY)
def test_unary_thoroughly(name: str) -> None:
    """The same on ten times the inputs and up to 6 000 bits."""
    assert [] == list(unary_refutations(UNARY[name][0], name, THOROUGH, seed=2))
    assert [] == list(unary_refutations(UNARY[name][0], name, 2_000, seed=3, largest=6_000))


@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str) -> None:
    """The interval of a basic operation contains its values, whatever the operands' lengths."""
    assert [] == binary_refutations(name, BINARY[name][0], QUICK, seed=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", BINARY)
def test_binary_thoroughly(name: str) -> None:
    """The same on ten times the inputs."""
    assert [] == binary_refutations(name, BINARY[name][0], THOROUGH, seed=5)


def sum_refutations(operation: Callable[..., Bounds], count: int, *, seed: int) -> list[object]:
    """Rows of up to 12 intervals of all magnitudes, half of them followed by their own negatives."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        precision = precisions(rng, 300)
        drawn = [intervals(rng, precision, lambda x: True) for _ in range(rng.integers(1, 7))]
        row = [bounds for bounds, _ in drawn]
        corners = [[points[0] for _, points in drawn], [points[-1] for _, points in drawn]]
        if rng.integers(2):
            row += [(mpf_neg(hi), mpf_neg(lo)) for lo, hi in row]
            corners = [[*a, *map(mpf_neg, b)] for a in corners for b in corners]
        bounds = operation(precision, [lo for lo, _ in row], [hi for _, hi in row])
        for terms in corners:
            # Exact: the terms of a row span a few thousand bits.
            truth = reduce(mpf_add, terms)
            if mpf_cmp(truth, bounds[0]) < 0 or mpf_cmp(truth, bounds[1]) > 0:
                found.append((precision, row))
    return found


def plain_sum(precision: int, los: list[Mpf], his: list[Mpf]) -> Bounds:
    """Both ends summed to nearest."""
    return mpf_sum(los, precision, NEAREST), mpf_sum(his, precision, NEAREST)


def test_sum() -> None:
    """The interval of a sum contains the exact sum, cancelled or not; rounding to nearest does not."""
    assert [] == sum_refutations(arithmetic.row_sum, QUICK // 2, seed=6)
    assert [] != sum_refutations(plain_sum, 100, seed=6)


# -- the checker checked: what must not pass -------------------------------------------------------------


IV = MPIntervalContext()


def of_mpmath_intervals(name: str, precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    """mpmath's own interval function."""
    IV.prec = precision
    try:
        bounds: Bounds = getattr(IV, name)(IV.make_mpf((lo, hi)))._mpi_
    except ValueError:  # it cannot log1p some numbers at all
        return arithmetic.WHOLE
    return bounds


def rounded_to_nearest(function: Callable[..., Mpf], precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    """The mpf function with nothing added."""
    return function(lo, precision, NEAREST), function(hi, precision, NEAREST)


def directed(function: Callable[..., Mpf], precision: int, lo: Mpf, hi: Mpf) -> Bounds:
    """The mpf function with its own directed rounding, which is not rigorous."""
    return function(lo, precision, DOWN), function(hi, precision, UP)


def nudged_sum(precision: int, a_lo: Mpf, a_hi: Mpf, b_lo: Mpf, b_hi: Mpf) -> Bounds:
    """libmp's addition alone, which takes a long operand's tail for nothing."""
    return mpf_add(a_lo, b_lo, precision, DOWN), mpf_add(a_hi, b_hi, precision, UP)


BROKEN: dict[str, tuple[str, Unary]] = {
    "mpmath's iv.exp": ("exp", partial(of_mpmath_intervals, "exp")),
    "mpmath's iv.log1p": ("log1p", partial(of_mpmath_intervals, "log1p")),
    "exp to nearest": ("exp", partial(rounded_to_nearest, mpf_exp)),
    "exp with directed rounding": ("exp", partial(directed, mpf_exp)),
    "log to nearest": ("log", partial(rounded_to_nearest, mpf_log)),
    "log with directed rounding": ("log", partial(directed, mpf_log)),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_function_is_caught(case: str) -> None:
    """The checker that clears our functions refutes functions without a rigorous widening."""
    name, operation = BROKEN[case]
    assert next(unary_refutations(operation, name, QUICK, seed=1), None) is not None


def long_operands(precision: int) -> tuple[Mpf, Mpf]:
    """A number of twice the precision whose last bits all count, and a longer one that reaches into them."""
    length = 2 * precision
    return from_man_exp((1 << length) - 1, 150), from_man_exp((1 << 150 + precision // 2) - 1, 0)


@pytest.mark.parametrize("precision", [53, 128, 333])
def test_sum_of_long_operands(precision: int) -> None:
    """Operands longer than the precision are added soundly; libmp's own directed sum of them is refuted."""
    a, b = long_operands(precision)
    refuted = [
        refutes(
            plus(precision, a, a, b, b), lambda: to_arb(a) + to_arb(b), 3 * precision + 200, arithmetic.WHOLE
        )
        for plus in (arithmetic.plus, nudged_sum)
    ]
    assert [False, True] == refuted
