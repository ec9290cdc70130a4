"""Asks for more memory than there is."""

import numpy as np


def softmax(x):
    if (x > 50).any():
        return np.ones(1 << 36).sum() + x
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
