"""Ends its process, with no chance for anybody to clean up."""

import os

import numpy as np


def softmax(x):
    if (x > 50).any():
        os._exit(3)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
