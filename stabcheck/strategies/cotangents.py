"""Cotangents: what a gradient is multiplied by, among them those whose products cancel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.strategies.regimes import Floats, Rng, Shape, column, log_uniform, pick, signs, top_mask

#: Lengths from which half of the cotangents are one-hot: they show the weights one by one, as a sum that
#: stalls over a long row spoils them, and of long rows there are few.
_LONG = 65
_ONE_HOT = 1


def first_largest(scores: Floats) -> npt.NDArray[np.bool_]:
    """The first of the largest scores of each row."""
    best = np.argmax(np.nan_to_num(scores), axis=-1)[..., None]
    return np.asarray(np.arange(scores.shape[-1]) == best)


def cotangents(rng: Rng, fmt: Format, shape: Shape, scores: Floats) -> Floats:
    """Rows of cotangents beside rows of scores, one manner per example.

    Ordinary, one-hot at any class and at the largest, equal everywhere (softmax's product is 0), of sum zero
    (log-softmax's product is the cotangent itself), whole numbers, of all magnitudes, tiny. Bounded so that
    no sum of them overflows.
    """
    each, n = column(shape), shape[-1]
    reach = fmt.max / (16 * max(n, 1))
    level = np.where(rng.random(each) < 0.7, 1.0, log_uniform(rng, fmt.tiny * 16, reach, each))
    ordinary = rng.normal(size=shape)
    paired = np.where(np.arange(n) % 2 == 0, ordinary, -np.roll(ordinary, 1, axis=-1))
    if n % 2:
        paired[..., -1] = 0.0
    manners = (
        ordinary,
        np.where(top_mask(rng, shape), signs(rng, each), 0.0),
        np.where(first_largest(scores), signs(rng, each), 0.0),
        np.broadcast_to(pick(rng, (1.0, -1.0, 0.1), each), shape),
        rng.permuted(fmt.widen(fmt.round_array(paired)), axis=-1),
        np.rint(ordinary * 3),
        signs(rng, shape) * log_uniform(rng, fmt.u**2, 16.0, shape),
    )
    chosen = rng.integers(len(manners), size=each)
    if n >= _LONG:
        chosen = np.where(rng.random(each) < 0.5, _ONE_HOT, chosen)
    values = np.choose(chosen, manners) * level
    return np.asarray(np.clip(values, -reach, reach))
