"""Backward passes as hand-written layers have them."""

import numpy as np


def _softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def _sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


class SigmoidLayer:
    """Forward keeps its result for backward."""

    def __call__(self, x):
        out = _sigmoid(x)
        return out * (1 - out)


#: Broken: 1 - s cancels where s is near 1.
sigmoid_backward = SigmoidLayer()


def sigmoid_backward_mirrored(x):
    """The factor 1 - s is the sigmoid of the other side."""
    return _sigmoid(x) * _sigmoid(np.negative(x))


def cross_entropy_backward(logits, target):
    """p - 1 at the target: inside what the forward pass forgives, but the last digits cancel."""
    wide = logits.astype(np.result_type(logits, np.float32))
    grad = _softmax(wide)
    np.put_along_axis(grad, target[..., None], np.take_along_axis(grad, target[..., None], -1) - 1, -1)
    return grad.astype(logits.dtype)


def cross_entropy_backward_others(logits, target):
    """At the target minus the sum of the other probabilities."""
    wide = logits.astype(np.result_type(logits, np.float32))
    p = _softmax(wide)
    hit = np.arange(p.shape[-1]) == target[..., None]
    others = np.where(hit, 0 * p, p)
    return np.where(hit, -others.sum(axis=-1, keepdims=True), others).astype(logits.dtype)


def softmax_backward_diagonal(x, v):
    """Broken: p (1 - p) as for the sigmoid; the other classes are forgotten."""
    p = _softmax(x)
    return v * p * (1 - p)


def softmax_backward(x, v):
    """Dot and subtract, in at least float32."""
    wide = np.result_type(x, np.float32)
    p, g = _softmax(x.astype(wide)), v.astype(wide)
    return (p * (g - np.sum(g * p, axis=-1, keepdims=True))).astype(x.dtype)


def log_softmax_backward_through_p(x, v):
    """Broken: the gradient of log divides by a p that has underflowed."""
    p = _softmax(x)
    upstream = v / p
    return p * (upstream - np.sum(upstream * p, axis=-1, keepdims=True))


def log_softmax_backward(x, v):
    """v - p sum(v), in at least float32."""
    wide = np.result_type(x, np.float32)
    g = v.astype(wide)
    return (g - _softmax(x.astype(wide)) * g.sum(axis=-1, keepdims=True)).astype(x.dtype)


def bce_backward_eps(x, z):
    """Broken: the chain rule through the loss, an eps in the denominator."""
    s = _sigmoid(x)
    return (s - z) / (s * (1 - s) + x.dtype.type(1e-7)) * (s * (1 - s))


def bce_backward(x, z):
    """s - z."""
    return np.subtract(_sigmoid(x), z)


def bce_backward_two_sided(x, z):
    """s - z; for z = 1 minus the sigmoid of the other side."""
    return np.where(z == 1, -_sigmoid(-x), _sigmoid(x) - z)


def top_log_probability(x):
    """log(1 + tiny) is absorbed: the log-probability of the largest class is 0."""
    z = x - x.max(axis=-1, keepdims=True)
    wide = np.result_type(x, np.float32)
    return (z - np.log(np.exp(z).sum(axis=-1, keepdims=True, dtype=wide))).astype(x.dtype)


def top_log_probability_kept(x):
    """log1p of the sum of the others."""
    wide = x.astype(np.result_type(x, np.float32))
    order = np.argsort(-wide, axis=-1, kind="stable")
    sorted_z = np.take_along_axis(wide, order, -1)
    z = wide - sorted_z[..., :1]
    others = np.exp(sorted_z[..., 1:] - sorted_z[..., :1]).sum(axis=-1, keepdims=True)
    return (z - np.log1p(others)).astype(x.dtype)
