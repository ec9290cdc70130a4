"""The whole output of the main commands, as a user sees it, against text files in `snapshots/`.

STABCHECK_SNAPSHOTS=write pytest tests/cli/test_snapshots.py writes them anew; look at the difference.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stabcheck.findings import finding_id

SNAPSHOTS = Path(__file__).parent / "snapshots"
#: Whether to write the files; read at import, because the fixtures clear the environment.
WRITE = os.environ.get("STABCHECK_SNAPSHOTS") == "write"

Call = Callable[..., Any]

MINE = """\
import numpy as np


def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def stable_softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
QUICK = ("-n", "60", "--max-classes", "16", "--dtype", "float32", "-w", "1")
NAN = finding_id(("softmax", "", "", "mine.py:softmax", "float32", "SC101"))

#: Snapshot -> commands; the last one is shown.
COMMANDS = {
    "run_findings": [("run", "mine.py:softmax", *QUICK)],
    "run_quiet": [("run", "mine.py:softmax", *QUICK, "-q")],
    "run_clean": [("run", "mine.py:stable_softmax", *QUICK)],
    "run_file": [("run", "mine.py", *QUICK, "--output-format", "concise")],
    "list_ops": [("list", "ops")],
    "explain": [("explain", "SC102")],
    "replay": [("run", "mine.py:softmax", *QUICK), ("replay",)],
    "replay_as_pytest": [("run", "mine.py:softmax", *QUICK), ("replay", NAN, "--as", "pytest")],
    "replay_as_issue": [("run", "mine.py:softmax", *QUICK), ("replay", NAN[:6], "--as", "issue")],
    "report": [
        ("run", "mine.py:softmax", *QUICK, "--output-format", "json", "-o", "run.json"),
        ("report", "run.json", "--to", "concise"),
    ],
    "compare": [
        ("run", "mine.py:stable_softmax", *QUICK, "--output-format", "json", "-o", "good.json"),
        ("run", "mine.py:softmax", *QUICK, "--output-format", "json", "-o", "bad.json"),
        ("compare", "good.json", "bad.json", "--fail-on", "worse"),
    ],
    "bad_op": [("run", "mine.py:softmax", "--op", "sofmax")],
    "bad_target": [("run", "mine.py:sofmax")],
    "missing_file": [("run", "yours.py")],
    "nothing_stored": [("replay",)],
    "no_command": [()],
}

#: What differs from machine to machine.
_NORMAL = (
    (
        re.compile(r"\b(stabcheck|python|numpy|mpmath|hypothesis|ml_dtypes|torch|jax|scipy) \d[\w.+]*"),
        r"\1 X",
    ),
    (re.compile(r"\| \d+(\.\d+)? m?s$", re.MULTILINE), "| TIME"),
    (re.compile(r"(Linux|Darwin|Windows) \w+$", re.MULTILINE), "PLATFORM"),
    (re.compile(r"flush-to-zero: \w+"), "flush-to-zero: X"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


@pytest.mark.parametrize("name", COMMANDS)
def test_output(call: Call, here: Path, name: str) -> None:
    """Exit code, standard output and standard error are those of the snapshot."""
    (here / "mine.py").write_text(MINE)

    *before, last = COMMANDS[name]
    for arguments in before:
        call(*arguments)
    shown = _normal(last, call(*last), here)

    path = SNAPSHOTS / f"{name}.txt"
    if WRITE:
        path.write_text(shown)
    assert path.read_text() == shown


def test_no_snapshot_is_left_over() -> None:
    """Every file belongs to a command."""
    assert sorted(COMMANDS) == sorted(path.stem for path in SNAPSHOTS.iterdir())


def _normal(arguments: tuple[str, ...], result: Any, here: Path) -> str:
    text = f"$ stabcheck {' '.join(arguments)}".rstrip() + f"\nexit code {result.code}\n"
    for title, stream in (("stdout", result.out), ("stderr", result.err)):
        if stream:
            text += f"--- {title} ---\n{stream.rstrip()}\n"
    text = text.replace(str(here), "HERE")
    for pattern, word in _NORMAL:
        text = pattern.sub(word, text)
    return text
