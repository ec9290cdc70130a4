"""Targets and checks that the engine's tests share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stabcheck


def naive_softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def softmax(x):
    e = np.exp((x - x.max(axis=-1, keepdims=True)).astype(np.promote_types(x.dtype, np.float32)))
    return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype)


def log_of_softmax(x):
    with np.errstate(divide="ignore"):
        return np.log(softmax(x))


def stalling_softmax(x):
    """Sums in the format of its input, in the order of the row."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / np.add.accumulate(e, axis=-1)[..., -1:]


def batch_softmax(x):
    """Shifted by the maximum of the whole batch."""
    e = np.exp(x - x.max())
    return e / e.sum(axis=-1, keepdims=True)


@pytest.fixture
def targets():
    """Softmaxes by name."""
    return {f.__name__: f for f in (naive_softmax, softmax, log_of_softmax, stalling_softmax, batch_softmax)}


@pytest.fixture
def check():
    """`stabcheck.check` in float32, small and quick."""

    def check(target: Any, op: str = "softmax", dtypes: Any = "float32", **settings: Any) -> Any:
        return stabcheck.check(
            target, op, dtypes=dtypes, **{"max_examples": 60, "max_classes": 16, "name": "target", **settings}
        )

    return check


@pytest.fixture
def by_code():
    """The findings of a report of one cell, by code."""
    return lambda report: {f.code: f for f in report.findings}
