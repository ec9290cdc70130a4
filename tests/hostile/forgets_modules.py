"""Deletes modules that others have imported; naive on top of that."""

import sys

import numpy as np


def softmax(x):
    for name in [m for m in sys.modules if m.startswith(("json", "mpmath", "ml_dtypes", "stabcheck"))]:
        del sys.modules[name]
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)
