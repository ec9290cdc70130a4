"""Never comes back for large logits."""

import numpy as np


def softmax(x):
    while (x > 50).any():
        pass
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
