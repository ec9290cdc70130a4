"""Features and weights of a linear classifier whose scores X W fall where a regime wants them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.formats import Format
from stabcheck.strategies.regimes import Floats, Regime, Rng

Array = npt.NDArray[Any]


def features_and_weights(
    rng: Rng, fmt: Format, regime: Regime, rows: int, sizes: Mapping[str, int]
) -> tuple[Array, Array, Floats]:
    """X (rows, N, D) and W (rows, D, C) in the format, and their scores (rows, N, C) in float64.

    One manner per block: X picks rows of W (the scores are the regime's own numbers), ordinary features on
    weights of the regime, or pairs of features whose weights cancel column by column but for a little.
    Bounded so that neither the scores nor the sum of W^2 overflow, and some thousand cliffs of exp.
    """
    n, d, c = sizes["N"], sizes["D"], sizes["C"]
    # Far beyond the cliffs of exp the rounding of the scores alone decides what the loss is.
    reach = min(math.sqrt(fmt.max / (8 * d * c)), fmt.max / (64 * d), 4096 * fmt.log_max)
    weights = regime.fill(rng, fmt, (rows * d, c)).reshape(rows, d, c)
    weights = np.where(np.isfinite(weights), np.clip(weights, -reach, reach), weights)
    manner = int(rng.integers(3))
    if manner == 0:
        features = (np.arange(d) == rng.integers(d, size=(rows, n, 1))).astype(np.float64)
    else:
        features = rng.normal(size=(rows, n, d))
    if manner == 2 and d > 1:
        half = d // 2
        features[..., half : 2 * half] = features[..., :half]
        weights[:, half : 2 * half] = -weights[:, :half] * (1 + fmt.u * rng.integers(0, 3, (rows, half, c)))
    x, w = fmt.round_array(np.clip(features, -8, 8)), fmt.round_array(weights)
    with np.errstate(invalid="ignore"):
        return x, w, fmt.widen(x) @ fmt.widen(w)
