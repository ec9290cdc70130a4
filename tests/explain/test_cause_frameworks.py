"""The guilty line and the cause of broken PyTorch and JAX functions."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent / "broken"
spec = importlib.util.spec_from_file_location("broken_table", HERE / "table.py")
assert spec is not None
assert spec.loader is not None
table = importlib.util.module_from_spec(spec)
sys.modules["broken_table"] = table
spec.loader.exec_module(table)

CASES: list[table.Case] = [
    ("naive_softmax", "softmax", "float32", {"x": [0, 89]}, (1,)),
    ("naive_in_place", "softmax", "float32", {"x": [0, 89]}, (1,)),
    ("naive_module", "softmax", "float64", {"x": [0, 710]}, (1,)),
    ("naive_compiled", "softmax", "float32", {"x": [0, 89]}, (1,)),
    ("softmax", "softmax", "float32", {"x": [0, 89]}, (1,)),  # named like a function of JAX's own
    ("log_of_softmax", "log_softmax", "float32", {"x": [0, 110]}, (0,)),
    ("softplus", "softplus", "float32", {"x": [-18]}, (0,)),
    ("softplus", "softplus", "float64", {"x": [-34]}, (0,)),
    ("offset", "log_softmax", "float32", {"x": [10000, 10001]}, (1,)),
    ("complement", "sigmoid_grad", "float32", {"x": [17]}, (0,)),
    ("clipped", "cross_entropy", "float32", {"x": [0, 30], "y": 0}, ()),
    ("threshold", "softplus", "float32", {"x": [6]}, (0,)),
    ("onehot_times_log", "cross_entropy", "float32", {"x": [0, 110], "y": 1}, ()),
    ("loop", "logsumexp", "float32", {"x": [0, 89]}, ()),
    ("matrix", "logsumexp", "float16", {"x": [1, 12]}, ()),
    ("product", "logsumexp", "float32", {"x": [0, 89]}, ()),
]


def check(module: ModuleType, case: Any, loaded: Callable[[Any], Any], dumped: Callable[[Any], Any]) -> None:
    file, line, kind = table.guilty(module.__name__)[case[0]]
    found = table.diagnosis(getattr(module, case[0]), case, loaded, dumped)
    assert found.cause is not None
    assert found.where is not None, (found.cause, found.trace.notes)
    assert (file, line, kind) == (found.where.file, found.where.line, found.cause.kind), found.cause.text
    assert found.trace.faithful


def having(module: str) -> list[Any]:
    """The cases that the file has a function for."""
    names = table.guilty(module)
    return [pytest.param(case, id=f"{case[0]}-{case[2]}") for case in CASES if case[0] in names]


@pytest.mark.parametrize("case", having("broken_torch"))
def test_torch(case: Any) -> None:
    """PyTorch: the marked line and kind are found."""
    torch = pytest.importorskip("torch")
    check(table.load("broken_torch"), case, torch.from_numpy, lambda t: t.numpy())


@pytest.mark.parametrize("case", having("broken_jax"))
def test_jax(case: Any) -> None:
    """JAX: the marked line and kind are found, compiled or not."""
    jax = pytest.importorskip("jax")
    wide = case[2] == "float64"
    with jax.enable_x64(wide):
        check(table.load("broken_jax"), case, jax.numpy.asarray, np.asarray)
