"""The source lines around a guilty one."""

from __future__ import annotations

from pathlib import Path

import pytest

from stabcheck.findings import Where
from stabcheck.reports import excerpt

SOURCE = "import numpy as np\n\n\ndef f(x):\n    return np.exp(x)\n\n\nA = 1\n"
SHOWN = ["  4 | def f(x):", "> 5 |     return np.exp(x)", "                 ^^^^^^^^^"]


def test_marks_the_operation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guilty line is marked, its operation underlined, empty lines at the ends are left out."""
    (tmp_path / "mine.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)

    assert SHOWN == excerpt.lines(Where("mine.py", 5, "np.exp(x)"))


def test_from_a_folder_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names relative to the project are found from below its root, past files of the same name."""
    (tmp_path / "mine.py").write_text(SOURCE)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "mine.py").write_text("# another\n" * 9)
    monkeypatch.chdir(tmp_path / "below")

    assert SHOWN == excerpt.lines(Where("mine.py", 5, "np.exp(x)"))


def test_a_file_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report from elsewhere has no source to show."""
    monkeypatch.chdir(tmp_path)

    assert [] == excerpt.lines(Where("mine.py", 5, "np.exp(x)"))
