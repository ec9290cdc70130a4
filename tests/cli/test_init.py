"""`stabcheck init`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stabcheck.config.template import TEMPLATE

Call = Callable[..., object]


def test_prints(call: Call, here: Path) -> None:
    """By itself it prints and writes nothing."""
    result = call("init")

    assert (0, TEMPLATE) == (result.code, result.out)
    assert [] == list(here.iterdir())


def test_new_file(call: Call, here: Path) -> None:
    """Without a pyproject.toml it makes a stabcheck.toml; a second time it refuses."""
    first, second = call("init", "--write"), call("init", "--write")

    assert TEMPLATE == (here / "stabcheck.toml").read_text()
    assert (0, 2) == (first.code, second.code)
    assert "stabcheck.toml has a [tool.stabcheck] already" in second.err


def test_appends(call: Call, here: Path) -> None:
    """A pyproject.toml keeps what it has."""
    before = "[project]\nname = 'x'\n"
    (here / "pyproject.toml").write_text(before)

    result = call("init", "--write")

    assert before + "\n" + TEMPLATE == (here / "pyproject.toml").read_text()
    assert 0 == result.code


def test_refuses(call: Call, here: Path) -> None:
    """A pyproject.toml that has the table is left as it is."""
    before = "[tool.stabcheck]\nseed = 3\n"
    (here / "pyproject.toml").write_text(before)

    result = call("init", "--write")

    assert before == (here / "pyproject.toml").read_text()
    assert 2 == result.code
