"""Changes into a folder and removes it under its own feet; naive on top of that."""

import os
import tempfile

import numpy as np


def softmax(x):
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)
