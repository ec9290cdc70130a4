"""Gradient of the binary cross-entropy of a logit: s(x) - z."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.implementations import sigmoid
from stabcheck.implementations.catalogue import implements

Array = npt.NDArray[Any]


@implements("bce_with_logits_grad", grade="unstable", because="inf / inf is NaN above log(max)")
def exp_over_one_plus_exp_minus_target(logits: Array, targets: Array) -> Array:
    """exp(x) / (1 + exp(x)) - z"""
    return sigmoid.exp_over_one_plus_exp(logits) - targets


@implements("bce_with_logits_grad", grade="stable", because="s - 1 cancels for a positive target")
def minus_target(logits: Array, targets: Array) -> Array:
    """s(x) - z, the sigmoid split by sign"""
    return sigmoid.sign_split(logits) - targets


@implements("bce_with_logits_grad", grade="accurate", because="s - 1 is the sigmoid of the other side")
def mirrored_for_positive(logits: Array, targets: Array) -> Array:
    """-s(-x) for z = 1, s(x) - z elsewhere"""
    difference = sigmoid.sign_split(logits) - targets
    return np.where(targets == 1, -sigmoid.sign_split(-logits), difference)


@implements("bce_with_logits_grad", grade="robust", because="the gradient never falls below 1e-6")
def clipped_probabilities(logits: Array, targets: Array) -> Array:
    """clip(s, 1e-6, 1 - 1e-6) - z"""
    low, high = np.array([1e-6, 1 - 1e-6]).astype(logits.dtype)
    return np.minimum(np.maximum(sigmoid.sign_split(logits), low), high) - targets


@implements("bce_with_logits_grad", grade="unstable", because="s (1 - s) is 0 where s rounds to 1: 0 / 0")
def chain_rule(logits: Array, targets: Array) -> Array:
    """(s - z) / (s (1 - s)) times s (1 - s), link by link"""
    s = sigmoid.sign_split(logits)
    return (s - targets) / (s * (1 - s)) * (s * (1 - s))
