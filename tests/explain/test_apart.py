"""Explaining in a worker process: what a target does when it is traced harms nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

import stabcheck
from stabcheck.engine.events import Event, Finished, Shrinking
from stabcheck.engine.request import Request, Task
from stabcheck.engine.run import run
from stabcheck.explain import annotate, apart
from stabcheck.findings import Finding, Report

BROKEN = """\
import os
import time

import numpy as np


def honest(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def dies(x):
    if type(x) is not np.ndarray:
        os._exit(3)
    return honest(x)


def sleeps(x):
    if type(x) is not np.ndarray:
        time.sleep(60)
    return honest(x)


def exits(x):
    if type(x) is not np.ndarray:
        raise SystemExit(5)
    return honest(x)
"""
NAMES = ("dies", "sleeps", "exits", "honest")


def request(isolate: bool = False) -> Request:
    return Request(dtypes=("float32",), max_examples=20, max_classes=4, isolate=isolate)


def tasks(isolate: bool = False) -> list[Task]:
    return [Task(f"mine.py:{name}", "softmax", request(isolate)) for name in NAMES]


def always(finding: Finding) -> bool:
    return True


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """A report on targets of which three misbehave when they are traced."""
    (tmp_path / "mine.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    last = list(run(tasks()))[-1]
    assert isinstance(last, Finished)
    return last.report


def test_others_are_explained(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that dies, hangs or exits stays unexplained; the others lose nothing."""
    monkeypatch.setattr(apart, "_PER_CELL", 4.0)
    monkeypatch.setattr(apart, "_PER_FINDING", 0.5)
    monkeypatch.setattr(apart, "_SILENT", 0.0)
    heard: list[Event] = []

    told = apart.annotated_apart(report, tasks(), wanted=always, root=tmp_path, tell=heard.append)

    lines = {f.target: f.where.line for f in told.findings if f.code == "SC101" and f.where is not None}
    assert {"mine.py:honest": 8} == lines
    assert [f.id for f in report.findings] == [f.id for f in told.findings]
    assert not told.interrupted
    assert len(NAMES) == len([event for event in heard if isinstance(event, Shrinking)])


def test_ctrl_c_ends_it(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is kept, and says that it was interrupted."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(apart, "_explain_all", interrupted)

    told = apart.annotated_apart(report, tasks(), wanted=always, root=tmp_path)

    assert told.interrupted
    assert report.cells == told.cells


def test_isolated_targets_are_not_called(report: Report) -> None:
    """Who asked for a process of its own is not called in ours."""
    assert [] == list(annotate.to_explain(report, tasks(isolate=True), always))
    assert len(NAMES) == len(list(annotate.to_explain(report, tasks(), always)))


def test_explaining_never_breaks_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours while explaining costs the cause, nothing else."""

    def broken(*_: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(annotate, "diagnose", broken)

    told = stabcheck.check(lambda x: x * float("nan"), "softmax", dtypes="float32", max_examples=5)

    assert [("SC101", None)] == [(f.code, f.cause) for f in told.findings]


def test_check_explains(report: Report) -> None:
    """What `check` returns holds cause, line and a graded fix for findings that were asked for."""
    told = stabcheck.check("mine.py:honest", "softmax", dtypes="float32", max_examples=20, max_classes=4)

    (nan,) = (f for f in told.findings if f.code == "SC101")
    assert nan.cause is not None
    assert nan.where is not None
    assert nan.fix is not None
    assert ("overflow", "mine.py", 8, "accurate") == (
        nan.cause.kind,
        nan.where.file,
        nan.where.line,
        nan.fix.grade,
    )
