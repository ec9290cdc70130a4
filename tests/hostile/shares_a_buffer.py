"""Returns the same memory again and again."""

import numpy as np

BUFFERS = {}


def softmax(x):
    buffer = BUFFERS.setdefault((x.shape, x.dtype), np.empty_like(x))
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.divide(e, e.sum(axis=-1, keepdims=True), out=buffer)
