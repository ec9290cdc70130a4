"""Splits in two at every call, both of which go on, and is naive."""

import os

import numpy as np


def softmax(x):
    os.fork()
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)
