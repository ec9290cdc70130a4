"""Masked logits, NaN, infinities and rows without a class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.strategies.regimes.everywhere import cliffs, moderate
from stabcheck.strategies.regimes.registry import (
    Floats,
    Rng,
    Shape,
    column,
    one_of,
    pick,
    regime,
    signs,
    top_mask,
)
from stabcheck.strategies.regimes.rows import mixed_rows, negative_rows


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
    return one_of(rng, fmt, shape, (moderate, moderate, negative_rows, mixed_rows, cliffs))


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
