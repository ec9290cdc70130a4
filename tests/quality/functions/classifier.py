"""Softmax as course assignments and notebooks write it: loops, lists, math, one example at a time."""

import math

import numpy as np


def softmax_mean_shift(scores):
    """Broken: the mean is subtracted, and one dominating score still overflows."""
    scores = scores - np.mean(scores, axis=1, keepdims=True)
    exps = np.exp(scores)
    return exps / np.sum(exps, axis=1, keepdims=True)


def softmax_max_shift(scores):
    """The same with the maximum, the sum in float32."""
    scores = scores - np.max(scores, axis=1, keepdims=True)
    exps = np.exp(scores)
    total = np.sum(exps, axis=1, keepdims=True, dtype=np.result_type(exps, np.float32))
    return (exps / total).astype(exps.dtype)


def softmax_by_hand_from_zero(row):
    """One row with Python's math. Broken: the running maximum starts at 0, negative rows divide by 0."""
    biggest = 0.0
    for value in row:
        if value > biggest:
            biggest = float(value)
    exps = [math.exp(float(value) - biggest) for value in row]
    total = sum(exps)
    return np.array([value / total for value in exps], dtype=row.dtype)


def softmax_by_hand(row):
    """One row with Python's math; the maximum starts at the first value, NaN stays NaN."""
    if any(math.isnan(float(value)) for value in row):
        return np.full_like(row, np.nan)
    biggest = float(row[0])
    for value in row[1:]:
        biggest = max(biggest, float(value))
    exps = [math.exp(float(value) - biggest) for value in row]
    total = math.fsum(exps)
    return np.array([value / total for value in exps], dtype=row.dtype)


def first_column_shift(X):
    """Broken: the first score is subtracted instead of the largest."""
    Z = X - X[:, :1]
    P = np.exp(Z)
    P /= P.sum(axis=1)[:, np.newaxis]
    return P


def largest_column_shift(X):
    """The same with the largest score, found by sorting, the sum in float32."""
    Z = X - np.sort(X, axis=1)[:, -1:]
    P = np.exp(Z.astype(np.result_type(Z, np.float32)))
    P /= P.sum(axis=1)[:, np.newaxis]
    return P.astype(X.dtype)


def clamp(values, low, high):
    return np.minimum(np.maximum(values, low), high)


def softmax_clamped_logits(logits):
    """Broken: 'prevents overflow' by holding the logits in [-50, 50]."""
    logits = clamp(logits, -50, 50)
    odds = np.exp(logits.astype(np.result_type(logits, np.float32)))
    return (odds / odds.sum(axis=-1, keepdims=True)).astype(logits.dtype)


def softmax_clamped_after_shift(logits):
    """The clamp acts on the shifted logits, far below what any format can tell from 0."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    odds = np.exp(shifted.astype(np.result_type(logits, np.float32)))
    return (clamp(odds, 0, 1) / odds.sum(axis=-1, keepdims=True)).astype(logits.dtype)
