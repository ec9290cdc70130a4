"""Start-up: whole commands against bare imports, the first finding, and what pytest pays for the plug-in."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.workload import checked
from stabcheck.implementations import softmax

_PYTHON = [sys.executable]
_STABCHECK = [sys.executable, "-c", "import sys; from stabcheck.cli import main; sys.exit(main())"]
_TARGET = "stabcheck.implementations.softmax:shifted"
_ONE = [*_STABCHECK, "run", _TARGET, "--op", "softmax", "--dtype", "float32", "--no-progress", "--exit-zero"]
_HEAVY = [*_PYTHON, "-c", "import numpy, mpmath, hypothesis"]
_PYTEST = [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider"]


def measure(times: int) -> list[dict[str, Any]]:
    """Medians of repetitions in which the two commands of a line take turns."""
    rows = [
        _compared("stabcheck --help", [*_STABCHECK, "--help"], "import click, rich.table",
                  [*_PYTHON, "-c", "import click, rich.table"], times, "at most 80 ms more"),
        _compared("one target, op, format", _ONE, "import numpy, mpmath, hypothesis", _HEAVY, times,
                  "at most 1 s"),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        rows.append(
            _compared("pytest --co -q", [*_PYTEST, folder], "the same with -p no:stabcheck",
                      [*_PYTEST, "-p", "no:stabcheck", folder], 2 * times, "at most 10 ms more")
        )  # fmt: skip
    rows.append(_first_finding(times))
    return rows


def catalogue() -> dict[str, Any]:
    """`stabcheck run`: every implementation in four formats, on all cores of this process."""
    whole = [*_STABCHECK, "run", "--no-progress"]
    goal = "at most 15 s on two cores"
    return _compared("stabcheck run", whole, "import numpy, mpmath, hypothesis", _HEAVY, 1, goal)


def _compared(
    name: str, command: Sequence[str], against: str, other: Sequence[str], times: int, goal: str
) -> dict[str, Any]:
    own, others = [], []
    for _ in range(times):
        own.append(_seconds(command))
        others.append(_seconds(other))
    mine, its = statistics.median(own), statistics.median(others)
    return {"what": name, "ms": mine * 1e3, "against": against, "its ms": its * 1e3, "ratio": mine / its,
            "more ms": (mine - its) * 1e3, "goal": goal}  # fmt: skip


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def _first_finding(times: int) -> dict[str, Any]:
    """From the beginning of a run to its first finding, in a process that has run before."""
    checked(softmax.naive, "softmax", "float32", 100)
    seconds = statistics.median(checked(softmax.naive, "softmax", "float32", 1000)[2] for _ in range(times))
    return {"what": "first finding, once warm", "ms": seconds * 1e3, "against": "", "its ms": None,
            "ratio": None, "more ms": None, "goal": "at most 50 ms"}  # fmt: skip
