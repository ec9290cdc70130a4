"""Exit code and message are ours, whatever a target's module does to the process that imports it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

Call = Callable[..., object]

STABLE = """
import numpy as np

def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)
"""
NAIVE = STABLE.replace(" - x.max(axis=-1, keepdims=True)", "")
QUICK = ("-n", "20", "--max-classes", "8", "--dtype", "float32", "-w", "1")

ENDINGS = {
    "os._exit(0)": "the process exited with status 0 while importing it",
    "os._exit(7)": "the process exited with status 7 while importing it",
    "os.kill(os.getpid(), 11)": "the process was killed by SIGSEGV while importing it",
    "os.kill(os.getpid(), 9)": "the process was killed by SIGKILL while importing it",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "raise SystemExit(0)": "SystemExit: 0",
}


@pytest.mark.parametrize("end", ENDINGS)
def test_a_module_that_ends_the_process_at_import(process: Call, here: Path, end: str) -> None:
    """Exit 2, the target, what happened and what to do; nothing on stdout."""
    (here / "mine.py").write_text(f"import os\n{end}\n{STABLE}")

    result = process("run", "mine.py", "--output-format", "json")

    assert f"cannot import target 'mine.py': {ENDINGS[end]}" in result.err
    assert "Run `python mine.py` to see it fail." in result.err
    assert "Traceback" not in result.err
    assert (2, "") == (result.code, result.out)


def test_a_class_that_ends_the_process(process: Call, here: Path) -> None:
    """The same for what making an instance does, and for a name that fails when it is looked up."""
    (here / "mine.py").write_text(
        "class Layer:\n    def __init__(self): raise SystemExit(0)\n    def softmax(self, x): return x\n"
        "def __getattr__(name): raise RuntimeError('no ' + name)\n"
    )
    made = process("run", "mine.py:Layer.softmax")
    looked_up = process("run", "mine.py:softmax")

    assert "Layer() failed: SystemExit: 0" in made.err
    assert "RuntimeError: no softmax" in looked_up.err
    assert "internal error" not in made.err + looked_up.err
    assert (2, 2) == (made.code, looked_up.code)


def test_the_ops_own_module_too(process: Call, here: Path) -> None:
    """A file with an op of the user's is imported as well."""
    (here / "mine.py").write_text(STABLE)
    (here / "ops.py").write_text("import os\nos._exit(0)\n")

    result = process("run", "mine.py:softmax", "--op", "ops.py:square")

    assert "the process exited with status 0 while importing it" in result.err
    assert 2 == result.code


@pytest.mark.parametrize(("body", "code"), [(STABLE, 0), (NAIVE, 1)])
def test_an_exit_handler_with_other_ideas(process: Call, here: Path, body: str, code: int) -> None:
    """A handler that leaves with another code does not change what the run came to."""
    (here / "mine.py").write_text(f"import atexit, os\natexit.register(os._exit, 1 - {code})\n{body}")

    assert code == process("run", "mine.py", *QUICK).code


def test_an_alarm_set_at_import(process: Call, here: Path) -> None:
    """What kills the process later is told, too."""
    (here / "mine.py").write_text(f"import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\n{STABLE}")

    result = process("run", "mine.py", *QUICK)

    assert "the process was killed by SIGALRM" in result.err
    assert 2 == result.code


SLOW = STABLE.replace("    e =", "    Path('started').touch()\n    time.sleep(0.02)\n    e =").replace(
    "import numpy", "import time\nfrom pathlib import Path\nimport numpy"
)


@pytest.mark.parametrize("whole_group", [False, True])
def test_ctrl_c_reaches_the_run_once(here: Path, command: Sequence[str], whole_group: bool) -> None:
    """Sent to the process that is seen, or to its whole group: the report so far, exit 130."""
    (here / "slow.py").write_text(SLOW)
    process = subprocess.Popen(
        [*command, "run", "slow.py", "-n", "100000", "-w", "1", "--output-format", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here, start_new_session=True,
    )  # fmt: skip
    began = time.monotonic()
    while not (here / "started").exists() and time.monotonic() - began < 60:
        time.sleep(0.05)
    time.sleep(0.3)
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (130, "") == (process.returncode, err)
    assert json.loads(out)["interrupted"]


WAIT = """
import os, time
from pathlib import Path
Path("started").write_text(str(os.getpid()))
time.sleep(60)
"""


def test_terminated(here: Path, command: Sequence[str]) -> None:
    """SIGTERM ends both processes, and the shell sees the signal."""
    (here / "wait.py").write_text(WAIT)
    process = subprocess.Popen([*command, "run", "wait.py"], cwd=here, stderr=subprocess.DEVNULL)
    began = time.monotonic()
    while not (here / "started").exists() and time.monotonic() - began < 60:
        time.sleep(0.05)
    time.sleep(0.2)
    process.terminate()

    assert -signal.SIGTERM == process.wait(timeout=20)
    with pytest.raises(ProcessLookupError):
        os.kill(int((here / "started").read_text()), 0)
