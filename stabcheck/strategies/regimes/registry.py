"""Regimes: named families of hard inputs, each one function of the format's own cliffs.

A regime fills a block of logits: `regime(rng, fmt, shape) -> float64 array`, first axis examples, last axis
classes (or the elements of an elementwise op). The values are rounded to the format afterwards. Nothing here
knows an implementation: every number comes from the format (cliffs, u, largest value) or from chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
    `long`: rows up to the longest that was asked for, few at a time; `ragged`: of whole blocks of a power of
    two and a rest. `share`: how many of the examples it gets, relative to the others. `serves`: "logits"
    where its numbers are logits (of which probabilities can be made), "probabilities" where they are that
    themselves.
    """

    name: str
    meaning: str
    fill: Fill
    rows: bool = False
    specials: str = "finite"
    lengths: tuple[int, ...] = ()
    long: bool = False
    ragged: bool = False
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


def one_of(rng: Rng, fmt: Format, shape: Shape, fills: Sequence[Fill]) -> Floats:
    """Every example filled in one of these ways."""
    chosen, values = rng.integers(len(fills), size=shape[0]), np.empty(shape)
    for number, fill in enumerate(fills):
        rows = np.flatnonzero(chosen == number)
        values[rows] = fill(rng, fmt, (rows.size, *shape[1:]))
    return values
