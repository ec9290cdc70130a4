"""`stabcheck list`, `compare` and `replay`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stabcheck import ops
from stabcheck.findings import CODES

Call = Callable[..., object]

BROKEN = """
import numpy as np

def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)
"""
MENDED = BROKEN.replace("np.exp(x)", "np.exp(x - x.max(axis=-1, keepdims=True))")

QUICK = ("-n", "40", "--max-classes", "16", "--dtype", "float32", "-w", "1")


@pytest.mark.parametrize("width", ["80", "140"])
def test_list(call: Call, monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    """Everything there is, no wider than the terminal."""
    monkeypatch.setenv("COLUMNS", width)

    result = call("list")

    assert all(name in result.out for name in (*ops.names(), *CODES, "float16"))
    assert max(map(len, result.out.splitlines())) <= int(width)
    assert 0 == result.code


def test_list_some(call: Call) -> None:
    """Only what was asked for."""
    result = call("list", "codes")

    assert "SC101" in result.out
    assert "softmax" not in result.out


def test_compare(call: Call, here: Path) -> None:
    """What got better and worse; --fail-on decides what fails."""
    for name, text in (("old", MENDED), ("new", BROKEN)):
        (here / "mine.py").write_text(text)
        call("run", "mine.py:softmax", *QUICK, "--output-format", "json", "-o", f"{name}.json")

    worse = call("compare", "old.json", "new.json")
    better = call("compare", "new.json", "old.json", "--fail-on", "worse")
    failing = call("compare", "old.json", "new.json", "--fail-on", "worse")

    assert "SC101 nan" in worse.out
    assert "WORSE: " in worse.out
    assert "NOT WORSE: " in better.out
    assert (0, 0, 1) == (worse.code, better.code, failing.code)


def test_replay(call: Call, here: Path) -> None:
    """Stored findings fail until they are mended; a target that is gone is an error."""
    path = here / "mine.py"
    path.write_text(BROKEN)
    call("run", "mine.py:softmax", *QUICK)

    failed = call("replay")
    path.write_text(MENDED)
    fixed = call("replay")
    one = call("replay", fixed.out.split()[1])
    path.write_text("")
    gone = call("replay")

    stored = len(list((here / ".stabcheck" / "findings").iterdir()))
    assert stored * ["FAILED"] == [line.split()[0] for line in failed.out.splitlines()]
    assert stored * ["FIXED"] == [line.split()[0] for line in fixed.out.splitlines()]
    assert fixed.out.splitlines()[0] == one.out.strip()
    assert stored * ["ERROR"] == [line.split()[0] for line in gone.out.splitlines()]
    assert (1, 0, 0, 2) == (failed.code, fixed.code, one.code, gone.code)


def test_replay_of_rows_in_company(call: Call, here: Path) -> None:
    """What a batch shows and no row alone is stored, replayed and written down as a batch."""
    (here / "mine.py").write_text(
        "import numpy as np\n\n"
        "def softmax(x):\n    e = np.exp(x - x.max())\n    return e / e.sum(axis=-1, keepdims=True)\n\n"
        "def tanh(x):\n    if x.ndim > 1 and len(x) > 16:\n        raise ValueError('too many')\n"
        "    return np.tanh(x)\n"
    )
    call("run", "mine.py", *QUICK)
    failed = call("replay")
    codes = [line.split()[2] for line in failed.out.splitlines()]
    (raising,) = (line.split()[1] for line in failed.out.splitlines() if " SC401 " in line)
    test = call("replay", raising, "--as", "pytest")

    assert {"SC304", "SC401"} <= set(codes)
    assert {"FAILED"} == {line.split()[0] for line in failed.out.splitlines()}
    assert "x = np.array([[" in test.out
    assert "np.array([[[" not in test.out
    assert (1, 0) == (failed.code, test.code)


def test_replay_writes_one_finding(call: Call, here: Path) -> None:
    """--as needs to know which; a known one is written down, broken or not, and nothing is judged."""
    (here / "mine.py").write_text(BROKEN)
    call("run", "mine.py:softmax", *QUICK, "-n", "200")
    (id_, *_) = sorted(path.stem for path in (here / ".stabcheck" / "findings").iterdir())

    unclear = call("replay", "--as", "pytest")
    test = call("replay", id_, "--as", "pytest")
    issue = call("replay", id_, "--as", "issue")

    assert f"--as pytest writes one finding; name it: {id_}" in unclear.err
    assert "def test_softmax_softmax_float32" in test.out
    assert "## To reproduce" in issue.out
    assert (2, 0, 0) == (unclear.code, test.code, issue.code)


def test_replay_from_a_folder_of_the_project(call: Call, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings are stored at the project's root, and replayed from anywhere in it."""
    (here / "pyproject.toml").write_text("[tool.stabcheck]\n")
    (here / "below").mkdir()
    (here / "below" / "mine.py").write_text(BROKEN)
    call("run", "below/mine.py:softmax", *QUICK, "--seed", "1")
    monkeypatch.chdir(here / "below")

    replayed = call("replay")

    assert ["FAILED"] * 3 == [line.split()[0] for line in replayed.out.splitlines()]
    assert 1 == replayed.code
