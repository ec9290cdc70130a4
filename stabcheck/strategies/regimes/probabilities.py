"""Rows of probabilities next to the ends of [0, 1]."""

from __future__ import annotations

import numpy as np

from stabcheck.formats import Format
from stabcheck.strategies.regimes.registry import (
    Floats,
    Rng,
    Shape,
    column,
    log_uniform,
    regime,
    top_mask,
)


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
