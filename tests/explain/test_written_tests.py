"""Tests written by `replay --as pytest` call the target as it takes its arguments, and fail as it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stabcheck
from stabcheck.engine.request import Request, Task
from stabcheck.explain.as_issue import as_issue
from stabcheck.explain.as_pytest import as_pytest
from stabcheck.explain.replay import manner
from stabcheck.findings import Finding

SOURCE = """\
import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def cross_entropy(logits, targets):
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return np.mean(-np.log(np.take_along_axis(p, targets[..., None], -1)))


def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)
"""
MENDED = """\
import numpy as np


def sigmoid(x):
    return 0.5 * (1 + np.tanh(0.5 * x))


def cross_entropy(logits, targets):
    x = logits - logits.max(axis=-1, keepdims=True)
    picked = np.take_along_axis(x, targets[..., None], -1)[..., 0]
    return np.mean(np.log(np.exp(x).sum(axis=-1)) - picked)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
#: Function, code and the exception with which the written test fails.
CASES = [
    ("sigmoid", "SC401", OverflowError),
    ("cross_entropy", "SC101", AssertionError),
    ("softmax", "SC101", AssertionError),
]


def found(name: str, code: str) -> Finding:
    report = stabcheck.check(f"mine.py:{name}", name, dtypes="float32", max_examples=30, max_classes=4)
    return next(finding for finding in report.findings if finding.code == code)


def written(text: str) -> Callable[[], Any]:
    """The test function of a written test, ready to be called."""
    namespace: dict[str, Any] = {}
    exec(compile(text, "written", "exec"), namespace)
    (test,) = (value for name, value in namespace.items() if name.startswith("test_"))
    function: Callable[[], Any] = test
    return function


@pytest.mark.parametrize(("name", "code", "error"), CASES)
def test_fails_and_passes(
    name: str, code: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The written test fails in the same way, and passes once the function is mended."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(SOURCE)
    finding = found(name, code)
    call_form, backend = manner(finding, Task(f"mine.py:{name}", name, Request(dtypes=("float32",))))
    text = as_pytest(finding, call_form, backend)

    with pytest.raises(error):
        written(text)()
    (tmp_path / "mine.py").write_text(MENDED)
    written(text)()

    assert "stabcheck" not in text.partition("def test_")[0].replace("Found by stabcheck", "")


def test_an_issue_without_numbers_says_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no value to show, the report for a maintainer shows the failure."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(SOURCE)

    text = as_issue(found("sigmoid", "SC401"))

    assert "## What happens\n\nOverflowError: math range error\n" in text
    assert "| got" not in text
