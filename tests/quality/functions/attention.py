"""Softmax as attention layers write it: classes with state, masks, temperatures, in-place arithmetic."""

import numpy as np


class AdditiveMask:
    """Attention weights with BERT's additive mask: 0 where attended, a constant where not."""

    def __init__(self, mask_value):
        self.mask_value = mask_value

    def __call__(self, scores):
        masked = np.isneginf(scores)
        filled = np.where(masked, scores.dtype.type(self.mask_value), scores)
        filled = filled - np.max(filled, axis=-1, keepdims=True)
        weights = np.exp(filled)
        total = np.sum(weights, axis=-1, keepdims=True, dtype=np.result_type(scores, np.float32))
        return (weights / total).astype(scores.dtype)


#: Broken: a row whose other scores lie below the constant attends to what is masked.
bert_mask = AdditiveMask(-10000.0)
infinite_mask = AdditiveMask(-np.inf)


class AttentionWeights:
    """softmax(scores) computed in place in one work buffer."""

    def __init__(self, axis_of_maximum):
        self.axis_of_maximum = axis_of_maximum

    def forward(self, scores):
        work = np.array(scores, dtype=np.result_type(scores, np.float32))
        work -= work.max(axis=self.axis_of_maximum, keepdims=True)
        np.exp(work, out=work)
        work /= work.sum(axis=-1, keepdims=True)
        return work.astype(scores.dtype)


#: Broken: one maximum for the whole batch.
batch_shifted = AttentionWeights(axis_of_maximum=None).forward
row_shifted = AttentionWeights(axis_of_maximum=-1).forward


def tempered_unshifted(logits, temperature=1):
    """Sampling weights at a temperature. Broken: nothing is subtracted."""
    scaled = np.exp(logits.astype(np.float64) / temperature)
    return (scaled / scaled.sum(-1, keepdims=True)).astype(logits.dtype)


def tempered_shifted(logits, temperature=1):
    """Sampling weights at a temperature, the row's maximum subtracted first."""
    scaled = (logits - logits.max(-1, keepdims=True)) / temperature
    weights = np.exp(scaled.astype(np.result_type(logits, np.float32)))
    return (weights / weights.sum(-1, keepdims=True)).astype(logits.dtype)


def safe_divide_softmax(x):
    """Broken: an eps in the denominator 'against division by zero', though the sum is at least 1."""
    e = np.exp(x - np.amax(x, axis=-1, keepdims=True))
    return np.divide(e, e.sum(axis=-1, keepdims=True) + e.dtype.type(1e-5))


def plain_divide_softmax(x):
    """The same without the eps."""
    e = np.exp(x - np.amax(x, axis=-1, keepdims=True))
    norm = e.sum(axis=-1, keepdims=True, dtype=np.result_type(e, np.float32))
    return np.divide(e, norm).astype(x.dtype)


def sparse_attention(x, cutoff=-15):
    """Broken: weights below exp(-15) are cut off to zero 'because they do not matter'."""
    z = x - x.max(axis=-1, keepdims=True)
    e = np.where(z < cutoff, 0, np.exp(z))
    return (e / e.sum(axis=-1, keepdims=True, dtype=np.result_type(x, np.float32))).astype(x.dtype)


def dense_attention(x):
    """The same weights without the cut-off."""
    return sparse_attention(x, cutoff=-np.inf)
