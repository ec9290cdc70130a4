"""Fails when it is asked for its name; naive on top of that."""

import numpy as np


class Nameless:
    @property
    def __name__(self):
        raise ZeroDivisionError("no name")

    def __call__(self, x):
        e = np.exp(x)
        return e / e.sum(axis=-1, keepdims=True)


softmax = Nameless()
