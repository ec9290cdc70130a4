"""Rows that are hard by what stands together in them."""

from __future__ import annotations

import numpy as np

from stabcheck.formats import Format
from stabcheck.strategies.regimes.everywhere import around_log_u, cliffs, huge, moderate
from stabcheck.strategies.regimes.registry import (
    Floats,
    Rng,
    Shape,
    column,
    log_uniform,
    offset,
    pick,
    regime,
    signs,
    top_mask,
)


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
