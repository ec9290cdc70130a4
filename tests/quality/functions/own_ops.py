"""Ops that people declare themselves, with a broken function and its fix for each."""

import math

import numpy as np

import stabcheck


def wide(x):
    """The numbers as float64."""
    return np.asarray(x).astype(np.float64)


def mean(m, x):
    """Formula of the mean of a row."""
    return m.sum(x) / m.shape(x)[-1]


# -- statistics -----------------------------------------------------------------------------------------


@stabcheck.op(name="row_variance", kind="row", output="number", arguments={"x": "real"})
def row_variance(m, x):
    """mean((x - mean(x))^2)"""
    return mean(m, (x - mean(m, x)) ** 2)


def variance_by_squares(x):
    """Broken: the mean of the squares minus the square of the mean."""
    return (np.mean(x * x, axis=-1) - np.mean(x, axis=-1) ** 2).astype(x.dtype)


def variance_in_two_passes(x):
    """The mean first; a power of two keeps the squares in range."""
    scale = np.exp2(np.floor(np.log2(np.maximum(np.abs(wide(x)).max(axis=-1, keepdims=True), 1e-300))))
    scaled = wide(x) / scale
    centred = scaled - scaled.mean(axis=-1, keepdims=True)
    with np.errstate(over="ignore"):
        return ((centred**2).mean(axis=-1) * scale[..., 0] * scale[..., 0]).astype(x.dtype)


@stabcheck.op(name="cosine_similarity", kind="row", output="number", arguments={"a": "real", "b": "real"})
def cosine_similarity(m, a, b):
    """a.b / (|a| |b|); two zero vectors have no angle."""
    return m.sum(a * b) / (m.sqrt(m.sum(a * a)) * m.sqrt(m.sum(b * b)))


def cosine_unscaled(a, b):
    """Broken: squares and products overflow and underflow."""
    lengths = np.sqrt(np.sum(a * a, axis=-1)) * np.sqrt(np.sum(b * b, axis=-1))
    return np.sum(a * b, axis=-1) / lengths


def cosine_scaled(a, b):
    """Both vectors are scaled first; NaN where there is no angle."""
    x, y = (wide(v) / np.abs(wide(v)).max(axis=-1, keepdims=True) for v in (a, b))
    lengths = np.sqrt(np.sum(x * x, axis=-1)) * np.sqrt(np.sum(y * y, axis=-1))
    return (np.sum(x * y, axis=-1) / lengths).astype(a.dtype)


# -- sums of exponentials ----------------------------------------------------------------------------------


@stabcheck.op(name="log_mean_exp", kind="row", output="number")
def log_mean_exp(m, x):
    """log(mean(exp(x)))"""
    return m.log(mean(m, m.exp(x)))


def log_mean_exp_plain(x):
    """Broken: nothing is subtracted."""
    return np.log(np.mean(np.exp(x), axis=-1))


def log_mean_exp_shifted(x):
    """The maximum is taken out and put back."""
    top = wide(x).max(axis=-1, keepdims=True)
    return (top[..., 0] + np.log(np.mean(np.exp(x - top), axis=-1))).astype(x.dtype)


@stabcheck.op(name="policy_entropy", kind="row", output="number", invariance="shift")
def policy_entropy(m, x):
    """Entropy of the softmax of a row of logits."""
    e = m.exp(x)
    return m.log(m.sum(e)) - m.sum(e / m.sum(e) * x)


def policy_entropy_of_probabilities(x):
    """Broken: log of a probability that has underflowed."""
    p = np.exp(x - x.max(axis=-1, keepdims=True))
    p = p / p.sum(axis=-1, keepdims=True)
    return -np.sum(p * np.log(p), axis=-1)


def policy_entropy_of_logits(x):
    """p (log sum - z), as a policy-gradient library writes it."""
    z = wide(x) - wide(x).max(axis=-1, keepdims=True)
    total = np.exp(z).sum(axis=-1, keepdims=True)
    return np.sum(np.exp(z) / total * (np.log(total) - z), axis=-1).astype(x.dtype)


@stabcheck.op(
    name="weighted_log_sum_exp",
    kind="row",
    output="number",
    arguments={"a": "logits", "b": "weights"},
    domain={"b": (0.0, math.inf)},
)
def weighted_log_sum_exp(m, a, b):
    """log(sum(b exp(a)))"""
    return m.log(m.sum(b * m.exp(a)))


def weighted_plain(a, b):
    """Broken: nothing is subtracted."""
    return np.log(np.sum(b * np.exp(a), axis=-1))


def weighted_shifted(a, b):
    """The largest term is taken out, its weight included; without any weight the answer is -inf."""
    with np.errstate(divide="ignore"):
        terms = wide(a) + np.log(wide(b))
        top = terms.max(axis=-1, keepdims=True)
        top = np.where(np.isneginf(top), 0, top)
        return (top[..., 0] + np.log(np.exp(terms - top).sum(axis=-1))).astype(a.dtype)


# -- single numbers ---------------------------------------------------------------------------------------


@stabcheck.op(name="mish", kind="elementwise")
def mish(m, x):
    """x tanh(log(1 + exp(x)))"""
    return x * m.tanh(m.log(1 + m.exp(x)))


def mish_textbook(x):
    """Broken: log(1 + exp(x)) loses the left tail."""
    return x * np.tanh(np.log(1 + np.exp(x)))


def mish_by_softplus(x):
    """Softplus with both its tails."""
    positive = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return (x * np.tanh(positive)).astype(x.dtype)


@stabcheck.op(name="area_hyperbolic_sine", kind="elementwise", arguments={"x": "real"})
def area_hyperbolic_sine(m, x):
    """log(x + sqrt(x^2 + 1))"""
    return m.log(x + m.sqrt(x * x + 1))


def asinh_textbook(x):
    """Broken: cancels on the left, overflows on both sides."""
    return np.log(x + np.sqrt(x * x + 1))


def asinh_of_the_library(x):
    """NumPy's own."""
    return np.arcsinh(x)


@stabcheck.op(name="soft_hinge", kind="elementwise", arguments={"x": "logits", "y": "targets"})
def soft_hinge(m, x, y):
    """max(0, 1 - x (2 y - 1))"""
    return m.maximum(0, 1 - x * (2 * y - 1))


def hinge_by_parts(x, y):
    """Broken: the square of the margin overflows on the way."""
    margin = x * (2 * y - 1)
    return np.maximum(0, (1 - margin * margin) / (1 + margin))


def hinge_by_margin(x, y):
    """The margin first, rounded at its own size."""
    return np.maximum(0, 1 - x * (2 * y - 1))
