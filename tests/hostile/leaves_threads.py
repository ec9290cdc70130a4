"""Leaves threads running, and is naive."""

import threading
import time

import numpy as np


def softmax(x):
    if threading.active_count() < 50:
        threading.Thread(target=time.sleep, args=(3600,)).start()
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)
