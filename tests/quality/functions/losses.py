"""Losses as training scripts write them: loss classes, one-hot sums, eps recipes, one branch too few."""

import numpy as np


class SoftmaxCrossEntropy:
    """Mean cross-entropy of a batch of logits, with class indices."""

    def __init__(self, eps=0.0):
        self.eps = eps

    def _probabilities(self, logits):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def one_hot_loss(self, logits, targets):
        p = self._probabilities(logits)
        keep = np.zeros_like(p)
        keep[np.arange(len(p)), targets] = 1
        return -np.sum(keep * np.log(p)) / np.asarray(len(p), p.dtype)

    def clipped_loss(self, logits, targets):
        low, high = np.array([self.eps, 1 - self.eps]).astype(logits.dtype)
        p = np.minimum(np.maximum(self._probabilities(logits), low), high)
        return -np.log(p[np.arange(len(p)), targets]).mean()

    def __call__(self, logits, targets):
        wide = logits.astype(np.result_type(logits, np.float32))
        z = wide - wide.max(axis=1, keepdims=True)
        losses = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), targets]
        return losses.mean().astype(logits.dtype)


#: Broken: a class that should not count contributes 0 * log(0).
one_hot_loss = SoftmaxCrossEntropy().one_hot_loss
#: Broken: probabilities are held in [1e-7, 1 - 1e-7], so the loss stops at 16.1.
clipped_loss = SoftmaxCrossEntropy(eps=1e-7).clipped_loss
fused_loss = SoftmaxCrossEntropy()


def bce_right_branch(x, z):
    """Broken: the formula for x >= 0 is used everywhere, exp(-x) overflows and cancels."""
    return x - x * z + np.log1p(np.exp(-x))


def bce_softplus(x, z):
    """Broken: softplus first, the product afterwards: log1p(exp(-x)) is absorbed for positive labels."""
    softplus = np.logaddexp(np.zeros_like(x), x)
    return softplus - x * z


def bce_two_branches(x, z):
    """max(x, 0) - x z + log1p(exp(-|x|))."""
    positive = np.where(x > 0, x, 0)
    return (positive - x * z) + np.log1p(np.exp(np.where(x > 0, -x, x)))


def bce_eps(x, z):
    """Broken: an eps inside both logarithms of the sigmoid."""
    e = np.exp(-np.abs(x))
    s = np.where(x >= 0, 1, e) / (1 + e)
    eps = x.dtype.type(1e-8)
    return -(z * np.log(s + eps) + (1 - z) * np.log((1 - s) + eps))


def bce_both_tails(x, z):
    """Both logarithms from the sigmoid's own tails."""
    tail = np.log1p(np.exp(-np.abs(x)))
    return z * (np.maximum(-x, 0) + tail) + (1 - z) * (np.maximum(x, 0) + tail)


def log_loss(p, y):
    """Broken: 0 * log(0) at a sure and right answer."""
    return -y * np.log(p) - (1 - y) * np.log(1 - p)


def log_loss_selected(p, y):
    """Each logarithm only where its label has weight."""
    hit, miss = y != 0, y != 1
    loss = np.zeros_like(p)
    loss[hit] -= y[hit] * np.log(p[hit])
    loss[miss] -= (1 - y[miss]) * np.log1p(-p[miss])
    return loss


def relative_entropy(p, q):
    """Broken: 0 * log(0 / q), and a quotient that overflows."""
    return np.sum(p * np.log(p / q), axis=-1)


def relative_entropy_safe(p, q):
    """Logarithms of the classes that have weight, in at least float32."""
    wide = np.result_type(p, np.float32)
    p, q, dtype = p.astype(wide), q.astype(wide), p.dtype
    log_p = np.log(np.where(p > 0, p, 1))
    log_q = np.log(np.where(p > 0, q, 1))
    return np.sum(p * (log_p - log_q), axis=-1).astype(dtype)


def entropy_eps(p):
    """Broken: an eps inside the logarithm."""
    return -np.sum(p * np.log(p + p.dtype.type(1e-6)), axis=-1)


def entropy_safe(p):
    """Logarithms of the classes that have weight, in at least float32."""
    wide = p.astype(np.result_type(p, np.float32))
    return -np.sum(wide * np.log(np.where(wide > 0, wide, 1)), axis=-1).astype(p.dtype)


def relative_entropy_masked(p, q):
    """Only the classes with p > 0, chosen by a mask (which leaves NaN out), in at least float32."""
    wide = np.result_type(p, np.float32)
    counts = p > 0
    log_ratio = np.log(np.where(counts, p, 1).astype(wide)) - np.log(np.where(counts, q, 1).astype(wide))
    return np.where(counts, p * log_ratio, 0).sum(axis=-1).astype(p.dtype)


def entropy_masked(row):
    """One row: only the classes with p > 0."""
    kept = row[row > 0].astype(np.result_type(row, np.float32))
    return row.dtype.type(-np.sum(kept * np.log(kept)))
