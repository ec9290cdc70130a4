"""Targets that no process survives; used by test_isolate in processes of their own."""

import ctypes
import os
import signal
import sys
import threading
import time

import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def bad(x):
    return bool((x > 100).any())


def exits(x):
    if bad(x):
        os._exit(3)
    return softmax(x)


def segfaults(x):
    if bad(x):
        ctypes.string_at(0)
    return softmax(x)


def killed(x):
    if bad(x):
        os.kill(os.getpid(), signal.SIGKILL)
    return softmax(x)


def hangs(x):
    while bad(x):
        pass
    return softmax(x)


def always_hangs(x):
    while True:
        time.sleep(1)


def always_exits(x):
    os._exit(0)


def eats_memory(x):
    if bad(x):
        return np.ones(1 << 34).sum() + x
    return softmax(x)


def eats_memory_in_c(x):
    if bad(x):
        held = []
        while True:
            held.append(bytearray(1 << 28))
    return softmax(x)


def leaves(x):
    if bad(x):
        sys.exit("enough")
    return softmax(x)


def leaves_a_thread(x):
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return softmax(x)


def starts_a_process(x):
    if os.fork() == 0:
        time.sleep(3600)
        os._exit(0)
    return softmax(x)


def noisy(x):
    os.write(1, b"noise" * 10_000)
    os.write(2, b"noise" * 10_000)
    print("more noise", flush=True)
    return softmax(x)


def closes_everything(x):
    if bad(x):
        os.closerange(0, 256)
    return softmax(x)


def replaces_numpy(x):
    result = softmax(x)
    if bad(x):
        np.errstate = np.full = np.asarray = None
    return result


def slow_rows(x):
    if x.ndim > 1:
        raise ValueError("one row at a time")
    time.sleep(0.06)
    return softmax(x)


def nothing(x):
    return None


def scaled(x, temperature):
    return softmax(x / temperature)
