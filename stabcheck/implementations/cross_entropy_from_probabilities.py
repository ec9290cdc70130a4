"""Cross-entropy of a row of probabilities: -log p_target."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations.catalogue import implements
from stabcheck.implementations.cross_entropy import one_hot

Array = npt.NDArray[Any]

FROM_PROBABILITIES = "cross_entropy_from_probabilities"


@implements(FROM_PROBABILITIES, grade="accurate", because="one logarithm of the one number that counts")
def log_of_target(probabilities: Array, target: Array) -> Array:
    """-log(p_t)"""
    p = np.take_along_axis(probabilities, np.asarray(target)[..., None], -1)[..., 0]
    return -np.log(p)


@implements(
    FROM_PROBABILITIES, grade="unstable", because="0 * log(0) is NaN at a class that should not count"
)
def one_hot_sum(probabilities: Array, target: Array) -> Array:
    """-sum(onehot * log(p))"""
    onehot = one_hot(np.asarray(target), probabilities.shape[-1], probabilities.dtype)
    return -(onehot * np.log(probabilities)).sum(axis=-1)


@implements(FROM_PROBABILITIES, grade="unstable", because="the loss of an impossible class is finite")
def eps_in_the_logarithm(probabilities: Array, target: Array) -> Array:
    """-log(p_t + 1e-7)"""
    p = np.take_along_axis(probabilities, np.asarray(target)[..., None], -1)[..., 0]
    return -np.log(p + p.dtype.type(1e-7))


@implements(FROM_PROBABILITIES, grade="unstable", because="the loss of an impossible class stops at 13.8")
def clipped_probabilities(probabilities: Array, target: Array) -> Array:
    """-log(clip(p_t, 1e-6, 1 - 1e-6))"""
    low, high = np.array([1e-6, 1 - 1e-6]).astype(probabilities.dtype)
    p = np.take_along_axis(probabilities, np.asarray(target)[..., None], -1)[..., 0]
    return -np.log(np.minimum(np.maximum(p, low), high))


@implements(
    FROM_PROBABILITIES,
    grade="unstable",
    because="0 * log(0) is NaN at a class that should not count",
    options={"target_kind": "soft"},
)
def expected_log(probabilities: Array, target: Array) -> Array:
    """-sum(t * log(p))"""
    return -(target * np.log(probabilities)).sum(axis=-1)


@implements(
    FROM_PROBABILITIES,
    grade="accurate",
    bfloat16="robust",
    because={"": "log(p) of the classes that have weight", "bfloat16": "the sum stalls at 256"},
    options={"target_kind": "soft"},
)
def expected_log_guarded(probabilities: Array, target: Array) -> Array:
    """-sum(t * log(p) where t > 0)"""
    return -np.where(target == 0, 0, target * np.log(probabilities)).sum(axis=-1)


@implements(
    FROM_PROBABILITIES,
    grade="accurate",
    because="log(p) of the classes that have weight, in at least float32",
    options={"target_kind": "soft"},
)
def expected_log_guarded_float32_sum(probabilities: Array, target: Array) -> Array:
    """-sum(t * log(p) where t > 0), in float32"""
    wide = np.result_type(probabilities, np.float32)
    return expected_log_guarded(probabilities.astype(wide), target.astype(wide)).astype(probabilities.dtype)
