"""Never comes back at all."""

import time

import numpy as np


def softmax(x):
    time.sleep(3600)
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
