"""Tools of the neighbourhood, where they can do the same work."""

from __future__ import annotations

import time
from importlib import import_module, util
from typing import Any

import numpy as np

from benchmarks.workload import TARGETS


def measure() -> list[dict[str, Any]]:
    return [_numguard(), _ulpwise()]


def _numguard() -> dict[str, Any]:
    """numguard: some 46 fixed cases against a reference that one brings, counted as the logits given."""
    row: dict[str, Any] = {"tool": "numguard-ci", "logits/s": None}
    if util.find_spec("numguard") is None:
        return {**row, "remark": "not installed (pip install numguard-ci)"}
    numguard = import_module("numguard")
    target, seen = TARGETS["softmax"], 0

    def counted(x: Any) -> Any:
        nonlocal seen
        seen += x.size
        return target(x)

    def reference(x: Any) -> Any:
        e = np.exp(x - np.max(x))
        return e / np.sum(e)

    began = time.process_time()
    with np.errstate(all="ignore"):
        report = numguard.check(counted, reference=reference, dtypes=("float32", "float64"))
    rate = seen / (time.process_time() - began)
    passed = "passed" if getattr(report, "passed", getattr(report, "ok", None)) else "see its report"
    remark = f"softmax, {seen} logits of fixed cases, reference in float64, no proof, no search; {passed}"
    return {**row, "logits/s": rate, "remark": remark}


def _ulpwise() -> dict[str, Any]:
    """ulpwise knows scalar functions only: no softmax, no loss, no callable of the user's for an oracle."""
    row: dict[str, Any] = {"tool": "ulpwise", "logits/s": None}
    if util.find_spec("ulpwise") is None:
        return {**row, "remark": "not installed (pip install ulpwise)"}
    ulpwise = import_module("ulpwise")
    # The nearest: its scan for arguments at which a float32 sigmoid lies beside a rounding midpoint.
    began = time.process_time()
    ulpwise.knife_edges("sigmoid", 0.5, 1.0, tol_ulp=1e-3, dtype="f32", limit=2**23)
    rate = 2**23 / (time.process_time() - began)
    remark = (
        "other work: its own sigmoid in float32 against a float64 libm, 2^23 inputs; no vectors, no target"
    )
    return {**row, "logits/s": rate, "remark": remark}
