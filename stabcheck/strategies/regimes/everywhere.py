"""Numbers that are hard wherever they stand: for rows and for single elements."""

from __future__ import annotations

import numpy as np

from stabcheck.formats import Format
from stabcheck.strategies.regimes.registry import (
    Floats,
    Rng,
    Shape,
    column,
    log_uniform,
    pick,
    regime,
    signs,
)


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


@regime("near integers", "next to small whole numbers, at distances of every size", share=0.7)
def near_integers(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    whole = pick(rng, (1, 1, 1, -1, 0.5, 2, 3), shape)  # roots, poles and thresholds of many formulas
    return whole + signs(rng, shape) * log_uniform(rng, fmt.u, 0.5, shape)


@regime("zeros", "zeros of both signs among ordinary logits", share=0.5)
def zeros(rng: Rng, fmt: Format, shape: Shape) -> Floats:
    values = rng.normal(size=shape)
    return np.where(rng.random(shape) < 0.6, np.copysign(0.0, values), values)
