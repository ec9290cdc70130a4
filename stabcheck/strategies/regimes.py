"""Regimes: named families of hard inputs, each one function of the format's own cliffs.

A regime fills a block of logits: `regime(rng, fmt, shape) -> float64 array`, first axis examples, last axis
classes (or the elements of an elementwise op). The values are rounded to the format afterwards. Nothing here
knows an implementation: every number comes from the format (cliffs, u, largest value) or from chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.errors import unknown
from stabcheck.formats import Format

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator
Shape = tuple[int, ...]
Fill = Callable[[Rng, Format, Shape], Floats]

#: Lengths around vector widths and their tails, with 2 and 3 for minimal trouble and some longer rows.
LENGTHS = (2, 3, 1, 4, 5, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33, 64, 100, 128, 257)


@dataclass(frozen=True)
class Regime:
    """`rows`: needs a row of classes, so it serves no elementwise op. `specials`: the least option
    `specials` under which it is drawn. `lengths`: the classes it is drawn with, () for all of `LENGTHS`.
    `share`: how many of the examples it gets, relative to the others. `serves`: "logits" where its numbers
    are logits (of which probabilities can be made), "probabilities" where they are that themselves.
    """

    name: str
    meaning: str
    fill: Fill
    rows: bool = False
    specials: str = "finite"
    lengths: tuple[int, ...] = ()
    long: bool = False
    share: float = 1.0
    serves: str = "logits"


REGIMES: dict[str, Regime] = {}


def regime(name: str, meaning: str, **fields: Any) -> Callable[[Fill], Fill]:
    """Declare a regime; everything that lists or draws regimes picks it up."""

    def declare(fill: Fill) -> Fill:
        REGIMES[name] = Regime(name, meaning, fill, **fields)
        return fill

    return declare


def get(name: str) -> Regime:
    """The regime of that name; UsageError names the nearest match."""
    if name not in REGIMES:
        raise unknown("regime", name, REGIMES)
    return REGIMES[name]


# -- small tools ---------------------------------------------------------------------------------------


def column(shape: Shape) -> Shape:
    """One number per example."""
    return (shape[0],) + (1,) * (len(shape) - 1)


def pick(rng: Rng, values: npt.ArrayLike, shape: Shape) -> Floats:
    return np.asarray(rng.choice(np.asarray(values, dtype=np.float64), size=shape))


def signs(rng: Rng, shape: Shape) -> Floats:
    return np.asarray(1.0 - 2.0 * rng.integers(0, 2, shape, dtype=np.int8), dtype=np.float64)


def log_uniform(rng: Rng, low: float, high: float, shape: Shape) -> Floats:
    """Magnitudes between low and high, uniform on a logarithmic scale."""
    with np.errstate(over="ignore"):
        return np.minimum(np.exp2(rng.uniform(math.log2(low), math.log2(high), shape)), high)


def offset(rng: Rng, fmt: Format, shape: Shape, spread: float) -> Floats:
    """A common offset per example, up to where the format still tells numbers `spread` apart."""
    top = min(spread / fmt.u, fmt.max / 4)
    size = log_uniform(rng, 1.0, max(top, 2.0), column(shape))
    return np.where(rng.random(column(shape)) < 0.4, 0.0, signs(rng, column(shape)) * size)


def top_mask(rng: Rng, shape: Shape) -> npt.NDArray[np.bool_]:
    """One class per row, at random."""
    mask = np.zeros(shape, dtype=bool)
    if mask.size:
        np.put_along_axis(mask, rng.integers(0, shape[-1], (*shape[:-1], 1)), True, axis=-1)
    return mask


# -- everywhere ----------------------------------------------------------------------------------------


@regime("moderate", "ordinary logits of scale 0.1 to 10", share=0.7)
def moderate(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return rng.normal(size=shape) * log_uniform(rng, 0.1, 10.0, column(shape))


@regime("cliffs", "whole rows on either side of a cliff of exp", share=1.5)
def cliffs(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    cliff = pick(rng, [*fmt.cliffs.values(), -fmt.log_max, -fmt.log_tiny], column(shape))
    spread = log_uniform(rng, max(1e-3, abs(fmt.log_max) * fmt.u), 4.0, column(shape))
    return cliff + rng.uniform(-2, 1, column(shape)) * spread + rng.normal(size=shape) * spread


@regime("exp range", "logits uniform over the whole range of exp and a little beyond", share=1.5)
def exp_range(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return rng.uniform(1.2 * fmt.log_zero, 1.2 * fmt.log_max, shape)


@regime("log u", "around log(u) and -log(u), where 1 + exp(-x) stops growing", share=1.5)
def around_log_u(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return signs(rng, shape) * fmt.log_u * rng.uniform(0.3, 1.5, shape)


@regime("small", "numbers near zero, where 1 + x loses x")
def small(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return signs(rng, shape) * log_uniform(rng, fmt.u**2, 1.0, shape)


@regime("huge", "up to the largest finite number, both signs")
def huge(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    values = log_uniform(rng, fmt.log_max, fmt.max, shape)
    values = np.where(rng.random(shape) < 0.1, fmt.max, values)
    uniform_sign = signs(rng, column(shape))
    return values * np.where(rng.random(column(shape)) < 0.5, uniform_sign, signs(rng, shape))


@regime("tiny", "tiny and subnormal numbers", share=0.5)
def tiny(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return signs(rng, shape) * log_uniform(rng, fmt.eta, fmt.tiny * 16, shape)


@regime("wide", "magnitudes from subnormal to huge in one row, on a logarithmic scale")
def wide(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return signs(rng, shape) * log_uniform(rng, fmt.tiny, fmt.max, shape)


@regime("bits", "uniform over the bit patterns of all finite numbers")
def bits(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return fmt.widen(fmt.from_ordinal(rng.integers(-fmt.max_ordinal, fmt.max_ordinal, shape, endpoint=True)))


@regime("integers", "small and larger whole numbers", share=0.7)
def integers(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    reach = log_uniform(rng, 2.0, min(2 * fmt.log_max, fmt.max), column(shape))
    return np.rint(rng.uniform(-1, 1, shape) * reach)


@regime("zeros", "zeros of both signs among ordinary logits", share=0.5)
def zeros(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    values = rng.normal(size=shape)
    return np.where(rng.random(shape) < 0.6, np.copysign(0.0, values), values)


# -- rows ----------------------------------------------------------------------------------------------


@regime("ties", "all equal, at any magnitude", rows=True)
def ties(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    level = np.where(
        rng.random(column(shape)) < 0.3,
        pick(rng, list(fmt.cliffs.values()), column(shape)),
        signs(rng, column(shape)) * log_uniform(rng, 0.01, fmt.max, column(shape)),
    )
    least = signs(rng, column(shape)) * log_uniform(rng, fmt.tiny, 16 * fmt.tiny, column(shape))
    level = np.where(rng.random(column(shape)) < 0.1, least, level)
    return np.broadcast_to(np.where(rng.random(column(shape)) < 0.2, 0.0, level), shape).copy()


@regime("near ties", "logits a few ulps apart, under any offset", rows=True)
def near_ties(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    level = signs(rng, column(shape)) * log_uniform(rng, fmt.tiny, fmt.max / 4, column(shape))
    base = fmt.round_array(np.broadcast_to(level, shape))
    return fmt.widen(fmt.from_ordinal(fmt.ordinal(base) + rng.integers(-3, 4, shape)))


@regime("gaps", "one class dominates; the others lie a cliff of exp below it", rows=True, share=2.0)
def gaps(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    depths = [fmt.log_u, -fmt.log_tiny, -fmt.log_eta, -fmt.log_zero]
    at_cliff = pick(rng, depths, column(shape)) * (1 + rng.normal(size=shape) * 0.05)
    anywhere = rng.uniform(0, 1.2 * -fmt.log_zero, shape)
    gap = np.where(rng.random(column(shape)) < 0.6, at_cliff, anywhere)
    return np.where(top_mask(rng, shape), 0.0, -np.abs(gap)) + offset(rng, fmt, shape, fmt.log_u)


@regime("dominating", "one class far above all others", rows=True)
def dominating(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    low = rng.normal(size=shape) * log_uniform(rng, 0.01, 10, column(shape))
    lead = log_uniform(rng, 1.0, fmt.max / 4, column(shape))
    return np.where(top_mask(rng, shape), lead, low)


@regime("dominated", "one class far below all others", rows=True, share=0.7)
def dominated(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return -dominating(rng, fmt, shape)


@regime("offset", "ordinary spread under a large common offset", rows=True, share=2.0)
def common_offset(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    spread = log_uniform(rng, 0.1, 20, column(shape))
    top = min(1 / fmt.u, fmt.max / 4)
    level = signs(rng, column(shape)) * log_uniform(rng, 8.0, top, column(shape))
    return level + rng.normal(size=shape) * spread


@regime("zero sum", "log-sum-exp close to zero, where its digits cancel", rows=True)
def zero_sum(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    x = rng.normal(size=shape) * log_uniform(rng, 0.01, fmt.log_u, column(shape))
    m = x.max(axis=-1, keepdims=True)
    lse = m + np.log(np.exp(x - m).sum(axis=-1, keepdims=True))
    return np.asarray(x - lse + rng.normal(size=column(shape)) * fmt.u * pick(rng, (0, 1, 16), column(shape)))


@regime("top zero", "maximum exactly 0, the others below by anything", rows=True)
def top_zero(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    depth = log_uniform(rng, 0.1, 1.2 * -fmt.log_zero, shape)
    return np.where(top_mask(rng, shape), 0.0, -depth)


@regime("mixed rows", "rows of very different magnitude in one batch", rows=True)
def mixed_rows(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    level = signs(rng, column(shape)) * log_uniform(rng, 0.1, fmt.max / 8, column(shape))
    return level + rng.normal(size=shape)


@regime("negative rows", "all logits far below zero", rows=True, share=0.7)
def negative_rows(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    level = log_uniform(rng, 1.0, fmt.max / 1.2, column(shape))
    level = np.where(rng.random(column(shape)) < 0.15, fmt.max * rng.uniform(0.6, 0.83, column(shape)), level)
    return -(level * (1 + 0.1 * rng.random(shape)))


@regime("one-hot", "zeros and one other number", rows=True, share=0.7)
def one_hot(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    reach = log_uniform(rng, 1.0, 4 * fmt.log_max, column(shape)) * signs(rng, column(shape))
    return np.where(top_mask(rng, shape), np.rint(reach), 0.0)


@regime("alternating", "the same magnitude with alternating signs", rows=True, share=0.5)
def alternating(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    level = log_uniform(rng, 1.0, fmt.max / 2, column(shape))
    return np.broadcast_to(level * np.where(np.arange(shape[-1]) % 2 == 0, 1.0, -1.0), shape).copy()


@regime("sorted", "rising or falling rows", rows=True, share=0.7)
def sorted_rows(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    reach = log_uniform(rng, 1.0, 2 * -fmt.log_zero, column(shape))
    rising = np.sort(rng.uniform(-1, 1, shape) * reach, axis=-1)
    return np.where(rng.random(column(shape)) < 0.5, rising, -rising)


@regime("single", "one class only", rows=True, lengths=(1,), share=0.7)
def single(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    fills = (cliffs, huge, moderate, around_log_u)
    return fills[int(rng.integers(len(fills)))](rng, fmt, shape)


@regime(
    "long", "long rows of equal or nearly equal logits, whose sums stall or overflow", rows=True, long=True
)
def long_rows(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    spread = pick(rng, (0.0, 0.1, 1.0), column(shape))
    level = pick(rng, (0.0, 1.0, -fmt.log_u, fmt.log_u), column(shape))
    return level + rng.normal(size=shape) * spread


@regime("long tail", "long rows: one class above very many small ones", rows=True, long=True, share=0.5)
def long_tail(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    lead = rng.uniform(0, 1.5 * fmt.log_u, column(shape))
    return np.where(top_mask(rng, shape), lead, 0.0) + rng.normal(size=shape) * 0.1


# -- probabilities ----------------------------------------------------------------------------------------


@regime("certain", "probabilities exactly 0 and 1", serves="probabilities")
def certain(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return np.where(rng.random(column(shape)) < 0.5, top_mask(rng, shape), rng.random(shape) < 0.5) * 1.0


@regime(
    "nearly certain", "probabilities next to 0 and 1: u, 1 - u, and what lies between", serves="probabilities"
)
def nearly_certain(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    small = log_uniform(rng, fmt.u / 2, 64 * fmt.u, shape)
    return np.where(top_mask(rng, shape) | (rng.random(shape) < 0.2), 1.0 - small, small)


@regime("rare", "tiny and subnormal probabilities, with and without a likely one", serves="probabilities")
def rare(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    top = float(rng.choice((1.0, 16.0, 1 / fmt.u))) * fmt.tiny
    small = log_uniform(rng, fmt.eta, min(top, 1.0), shape)
    likely = top_mask(rng, shape) & (rng.random(column(shape)) < 0.6)
    return np.where(likely, 1.0, small)


# -- specials ------------------------------------------------------------------------------------------


def _with_mask(rng: Rng, values: Floats, mask: npt.NDArray[np.bool_]) -> Floats:
    """-inf where masked; every row keeps at least one finite logit."""
    keep = top_mask(rng, values.shape)
    return np.where(mask & ~keep, -np.inf, values)


@regime("mask", "one masked logit (-inf)", rows=True, specials="masked", lengths=(2, 3, 4, 8, 17))
def one_mask(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return _with_mask(rng, _maskable(rng, fmt, shape), top_mask(rng, shape))


@regime(
    "masks",
    "several masked logits, up to all but one",
    rows=True,
    specials="masked",
    lengths=(3, 4, 8, 17, 33),
)
def several_masks(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    share = pick(rng, (0.3, 0.6, 1.0), column(shape))
    return _with_mask(rng, _maskable(rng, fmt, shape), rng.random(shape) < share)


@regime(
    "padding",
    "long rows of which one end is masked, as padding and causality leave them",
    rows=True,
    specials="masked",
    long=True,
    share=0.5,
)
def padding(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    place = np.arange(shape[-1])
    place = np.where(rng.random(column(shape)) < 0.7, place, place[::-1])
    masked = place < rng.random(column(shape)) * (shape[-1] - 1)
    return np.where(masked, -np.inf, _maskable(rng, fmt, shape))


def _maskable(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    """What stands beside a mask: ordinary, far below zero, or far above; another in every example."""
    fills = (moderate, moderate, negative_rows, mixed_rows, cliffs)
    chosen, values = rng.integers(len(fills), size=shape[0]), np.empty(shape)
    for number, fill in enumerate(fills):
        rows = np.flatnonzero(chosen == number)
        values[rows] = fill(rng, fmt, (rows.size, *shape[1:]))
    return values


@regime("nan", "a NaN among ordinary numbers", specials="masked", lengths=(1, 2, 3, 8), share=0.3)
def with_nan(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return np.where(top_mask(rng, shape), np.nan, moderate(rng, fmt, shape))


@regime(
    "infinite", "infinities of both signs, rows that are all -inf", specials="extended", lengths=(1, 2, 3, 8)
)
def infinite(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    values = np.where(rng.random(shape) < 0.4, signs(rng, shape) * np.inf, moderate(rng, fmt, shape))
    return np.where(rng.random(column(shape)) < 0.3, -np.inf, values)


EMPTY = "empty"


@regime(EMPTY, "rows without a class", rows=True, specials="extended", lengths=(0,), share=0.2)
def empty(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    return np.zeros(shape)
