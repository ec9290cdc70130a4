"""Long rows: sums that stall or overflow, and what blocks of a kernel leave over."""

from __future__ import annotations

import numpy as np

from stabcheck.formats import Format
from stabcheck.strategies.regimes.registry import (
    Floats,
    Rng,
    Shape,
    column,
    one_of,
    pick,
    regime,
    top_mask,
)
from stabcheck.strategies.regimes.rows import common_offset, dominating, gaps


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


@regime(
    "long gaps",
    "long rows with a rest behind whole blocks: one class far above all others, there or anywhere",
    rows=True,
    long=True,
    ragged=True,
    share=1.5,
)
def long_gaps(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    values = one_of(rng, fmt, shape, (gaps, dominating, dominating, common_offset))
    largest = np.argmax(values, axis=-1, keepdims=True)
    place = rng.choice((0, shape[-1] - 1, -1), p=(0.2, 0.5, 0.3), size=largest.shape)
    place = np.where(place < 0, largest, place)
    top, there = np.take_along_axis(values, largest, -1), np.take_along_axis(values, place, -1)
    np.put_along_axis(values, largest, there, -1)
    np.put_along_axis(values, place, top, -1)
    return values
