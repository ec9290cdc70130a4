"""Takes its own name away after the first call."""

import numpy as np

CALLS = []


def softmax(x):
    if not CALLS:
        CALLS.append(None)
        del globals()["softmax"]
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)
