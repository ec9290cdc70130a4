"""Prints megabytes, closes standard output, and is naive."""

import contextlib
import os
import sys

import numpy as np


def softmax(x):
    print("x" * (1 << 20))
    sys.stdout.close()
    with contextlib.suppress(OSError):
        os.write(1, b"x" * (1 << 16))
        os.close(1)
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)
