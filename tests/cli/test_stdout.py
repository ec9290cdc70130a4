"""The standard output holds the report and nothing else, and is clear when it cannot be written."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]

STABLE = """
import numpy as np

def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
QUICK = "-n 20 --max-classes 8 --dtype float32 -w 1"

TALK = {
    "past Python": "import os\nos.write(1, b'NOISE')",
    "another program": "import os\nos.system('echo NOISE')",
    "at exit": "import atexit\natexit.register(print, 'NOISE')",
    "past Python at exit": "import atexit, os\natexit.register(os.write, 1, b'NOISE')",
    "a thread": "import threading\ndef talk():\n    for _ in range(100000): print('NOISE')\n"
    "threading.Thread(target=talk, daemon=True).start()",
    "the true stream": "import sys\nsys.__stdout__.write('NOISE')",
    "a closed stream": "import sys\nsys.__stdout__.close()",
}


@pytest.fixture
def shell(here: Path, command: Sequence[str]) -> Call:
    """Run a line of bash in which `stabcheck` is the command line."""

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        line = f'stabcheck() {{ {shlex.join(command)} "$@"; }}; {line}'
        return subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, cwd=here, timeout=100, check=False
        )

    return shell


@pytest.fixture
def mine(here: Path) -> Path:
    (here / "mine.py").write_text(STABLE)
    return here


@pytest.mark.parametrize("how", TALK)
def test_json_is_json(shell: Call, mine: Path, how: str) -> None:
    """However a module talks, stdout is the report."""
    (mine / "mine.py").write_text(TALK[how] + "\n" + STABLE)

    done = shell(f"stabcheck run mine.py {QUICK} --output-format json")

    assert json.loads(done.stdout)["ok"]
    assert (0, "") == (done.returncode, done.stderr)


def test_replay_talks_alone(shell: Call, mine: Path) -> None:
    """What is written by `replay --as pytest` is the test."""
    naive = STABLE.replace(" - x.max(axis=-1, keepdims=True)", "")
    (mine / "mine.py").write_text(TALK["another program"] + "\n" + naive)
    shell(f"stabcheck run mine.py {QUICK}")

    done = shell("stabcheck replay --as pytest $(ls .stabcheck/findings | head -1 | cut -c1-10)")

    assert "def test_" in done.stdout
    assert "NOISE" not in done.stdout


@pytest.mark.parametrize(
    "line",
    [
        f"stabcheck run mine.py {QUICK} -o /dev/stdout | cat",
        f"stabcheck run mine.py {QUICK} -o /dev/stdout > out; cat out",
        f"stabcheck run mine.py {QUICK} -o /dev/fd/1 | cat",
    ],
)
def test_a_file_that_is_the_standard_output(shell: Call, mine: Path, line: str) -> None:
    """-o /dev/stdout prints."""
    assert "PASS: " in shell(line).stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("format", ["table", "json"])
@pytest.mark.parametrize("way", ["> /dev/full", "-o /dev/full"])
def test_full(shell: Call, mine: Path, format: str, way: str) -> None:
    """Exit 2 and one line, which is no internal error."""
    done = shell(f"stabcheck run mine.py {QUICK} --output-format {format} {way}")

    assert "No space left on device" in done.stderr
    assert "internal error" not in done.stderr
    assert (2, 1) == (done.returncode, len(done.stderr.splitlines()))


def test_full_elsewhere(shell: Call) -> None:
    """Other commands print to the same place; an error that nobody can read is exit 2 all the same."""
    assert "cannot write to the standard output" in shell("stabcheck list codes > /dev/full").stderr
    assert 2 == shell("stabcheck list opps 2> /dev/full").returncode
    assert 2 == shell("stabcheck no-such-command 2> /dev/full").returncode


def test_closed(shell: Call, mine: Path) -> None:
    """Told before the run; no matter where the report goes to a file, or where stderr is closed."""
    closed = shell(f"stabcheck run nothere.py {QUICK} >&-")
    file = shell(f"stabcheck run mine.py {QUICK} -o out.json --output-format json >&-")
    silent = shell(f"stabcheck run mine.py {QUICK} <&- 2>&-")

    assert "cannot write to the standard output" in closed.stderr
    assert (2, 0, 0) == (closed.returncode, file.returncode, silent.returncode)
    assert json.loads((mine / "out.json").read_text())["ok"]
    assert "PASS: " in silent.stdout


def test_the_reader_goes_away(shell: Call, mine: Path) -> None:
    """Exit 2, as the report has not arrived, and nothing on stderr."""
    done = shell(f"set -o pipefail; stabcheck run mine.py {QUICK} | true")

    assert (2, "") == (done.returncode, done.stderr)


def test_a_terminal(mine: Path, command: Sequence[str]) -> None:
    """Coloured, and as wide as it is, also where it is the only standard stream."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    os.system(f"stty cols 47 rows 20 < {os.ttyname(theirs)}")
    environment = {k: v for k, v in os.environ.items() if k != "TERM"} | {"TERM": "xterm-256color"}
    done = subprocess.run(
        [*command, "run", "mine.py", *QUICK.split()], cwd=mine, env=environment, timeout=100, check=False,
        stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    shown = os.read(ours, 100_000).decode()

    assert 0 == done.returncode
    assert "\x1b[1;32mPASS: " in shown
    plain = shown.replace("\x1b[", "").splitlines()
    assert 60 > max(map(len, plain))
