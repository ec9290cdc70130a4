"""Returns its rows one by one."""

import numpy as np


def softmax(x):
    for row in np.atleast_2d(x):
        e = np.exp(row - row.max())
        yield e / e.sum()
