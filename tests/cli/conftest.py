"""The command line, called in-process (cheap) or as a process (for what only a process shows)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from stabcheck.cli.app import invoke


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


Call = Callable[..., Result]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory without settings of ours in the environment."""
    for name in list(os.environ):
        if name.startswith("STABCHECK_") or name in ("COLUMNS", "FORCE_COLOR", "NO_COLOR"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(here: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line in this process."""

    def call(*arguments: str) -> Result:
        code = invoke(arguments)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def process(here: Path) -> Call:
    """Call the command line as a process."""

    def process(*arguments: str) -> Result:
        done = subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, cwd=here, timeout=100, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return process


COMMAND: Sequence[str] = (sys.executable, "-c", "from stabcheck.cli import main; main()")


@pytest.fixture
def command() -> Sequence[str]:
    """The words that start the command line as a process."""
    return COMMAND
