"""Changes error state, warnings, seeds, environment and working directory, and is naive."""

import os
import random
import warnings

import numpy as np


def softmax(x):
    np.seterr(all="raise")
    warnings.simplefilter("error")
    random.seed(0)
    np.random.seed(0)
    os.environ.clear()
    os.chdir("/")
    with np.errstate(all="ignore"):
        e = np.exp(x)
        return e / e.sum(axis=-1, keepdims=True)
