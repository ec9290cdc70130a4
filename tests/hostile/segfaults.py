"""Reads from address 0."""

import ctypes

import numpy as np


def softmax(x):
    if (x > 50).any():
        ctypes.string_at(0)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
