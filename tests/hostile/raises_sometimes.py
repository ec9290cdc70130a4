"""Refuses some inputs."""

import numpy as np


def softmax(x):
    if (x > 50).any():
        raise ValueError("too large")
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
