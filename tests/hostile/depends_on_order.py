"""Every third call is wrong."""

import numpy as np

CALLS = []


def softmax(x):
    CALLS.append(None)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True) * (1 + (len(CALLS) % 3 == 0))
