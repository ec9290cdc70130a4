"""`stabcheck run`: what it checks, what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stabcheck.reports.json import load

Call = Callable[..., object]

FUNCTIONS = """
import numpy as np

def naive_softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)

def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def sigmoid(x):
    x = np.asarray(x)
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)

def words(x):
    raise TypeError("no numbers, please")
"""

#: Enough to find what is planted here, and quick.
QUICK = ("-n", "40", "--max-classes", "16", "--dtype", "float32", "-w", "1")


@pytest.fixture
def mine(here: Path) -> Path:
    (here / "mine.py").write_text(FUNCTIONS)
    return here


def test_stable(call: Call, mine: Path) -> None:
    """A stable target is exit 0 and its table is on stdout."""
    result = call("run", "mine.py:softmax", *QUICK)

    assert "PASS: " in result.out
    assert (0, "") == (result.code, result.err)


def test_unstable(call: Call, mine: Path) -> None:
    """A finding that was asked for is exit 1; the command that reproduces it finds it again."""
    result = call("run", "mine.py:naive_softmax", *QUICK)

    assert "SC101 nan" in result.out
    assert "FAIL: " in result.out
    assert 1 == result.code
    again = next(line.strip() for line in result.out.splitlines() if line.startswith("  stabcheck run"))
    assert "SC101 nan" in call(*again.split()[1:]).out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--exit-zero"], 0),
        (["--ignore", "SC1,SC2"], 0),
        (["--select", "SC304"], 0),
        (["--level", "robust", "--range", "-3,3"], 0),
        (["--select", "nan"], 1),
    ],
)
def test_what_counts(call: Call, mine: Path, arguments: list[str], code: int) -> None:
    """Only what was asked for counts."""
    assert code == call("run", "mine.py:naive_softmax", *QUICK, *arguments).code


def test_nothing_tested(call: Call, mine: Path) -> None:
    """Every cell n/a is exit 2 with the reasons, also with --exit-zero."""
    result = call("run", "mine.py:words", "--op", "softmax", *QUICK, "--exit-zero")

    assert "no numbers, please" in result.err
    assert 2 == result.code


def test_whole_file(call: Call, mine: Path) -> None:
    """A file stands for its functions named after an op."""
    result = call("run", "mine.py", *QUICK)

    assert all(f"mine.py:{name}" in result.out for name in ("naive_softmax", "softmax", "sigmoid"))
    assert "words" not in result.out
    assert 1 == result.code


def test_json(call: Call, mine: Path) -> None:
    """stdout holds the JSON report and nothing else; equal seeds give equal text, times apart."""
    first, second = (call("run", "mine.py:naive_softmax", *QUICK, "--output-format", "json") for _ in "12")

    texts = []
    for result in (first, second):
        data = json.loads(result.out)
        data["elapsed"] = ""
        texts.append(json.dumps(data))
    assert "stabcheck.report/1" == json.loads(first.out)["schema"]
    assert texts[0] == texts[1]
    assert (1, "") == (first.code, first.err)


def test_files(call: Call, mine: Path) -> None:
    """--output-file takes the place of stdout; --report writes more; nothing is left half written."""
    arguments = ["-o", "out.json", "--output-format", "json", "--report", "junit,json", "--report-dir", "all"]
    result = call("run", "mine.py:softmax", *QUICK, *arguments)

    assert (0, "") == (result.code, result.out)
    assert load(mine / "out.json").ok
    assert {"stabcheck.json", "stabcheck.xml"} == {path.name for path in (mine / "all").iterdir()}
    assert [] == list(mine.glob(".*.part"))


def test_report_converts(call: Call, mine: Path) -> None:
    """`stabcheck report` makes of a JSON report what the run would have printed; its code is 0."""
    run = call("run", "mine.py:naive_softmax", *QUICK)
    call("run", "mine.py:naive_softmax", *QUICK, "-o", "r.json", "--output-format", "json")
    converted = call("report", "r.json")
    call("report", "r.json", "--to", "json", "-o", "again.json")

    def timeless(text: str) -> list[str]:
        return [line for line in text.splitlines() if " certified" not in line]

    assert timeless(run.out) == timeless(converted.out)
    assert 0 == converted.code
    assert (mine / "r.json").read_text() == (mine / "again.json").read_text()


def test_report_refuses(call: Call, mine: Path) -> None:
    """What is not a report is refused with exit 2."""
    (mine / "bad.json").write_text('{"schema": "other/1"}')

    assert 2 == call("report", "bad.json").code
    assert 2 == call("report", "mine.py").code


@pytest.mark.parametrize(("color", "coloured"), [("always", True), ("never", False), ("auto", False)])
def test_color(call: Call, mine: Path, color: str, coloured: bool) -> None:
    """--color decides; through a pipe "auto" means none."""
    assert coloured == ("\x1b[" in call("run", "mine.py:softmax", *QUICK, "--color", color).out)


def test_environment(call: Call, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line wins over the environment, that over the file."""
    (mine / "stabcheck.toml").write_text("seed = 1\nmax-examples = 30\nmax-classes = 8")
    monkeypatch.setenv("STABCHECK_SEED", "2")
    monkeypatch.setenv("STABCHECK_DTYPE", "float16,float64")
    monkeypatch.setenv("STABCHECK_OUTPUT_FORMAT", "json")

    data = json.loads(call("run", "mine.py:softmax", "--dtype", "float32").out)

    assert (2, ["float32"]) == (data["seed"], [cell["dtype"] for cell in data["cells"]])
    assert 30 <= data["cells"][0]["examples"] < 60


CONFIG = """
max-examples = 40
max-classes = 16
dtype = ["float32"]
[[target]]
target = "mine.py:naive_softmax"
name = "old"
expect = "unstable"
ignore = {SC406 = "never comes"}
[[target]]
target = "mine.py:sigmoid"
"""


def test_configured(call: Call, mine: Path) -> None:
    """Without a target the configured ones are checked; what is expected does not fail; an ignore that
    matches nothing is a warning."""
    (mine / "stabcheck.toml").write_text(CONFIG)

    result = call("run")

    assert "old" in result.out
    assert "mine.py:sigmoid" in result.out
    assert "ignore = 'SC406' of target old matches no finding; remove it." in result.err
    assert 0 == result.code


def test_expectation(call: Call, mine: Path) -> None:
    """Less than expected is exit 1; more is a note."""
    (mine / "stabcheck.toml").write_text(CONFIG.replace('"unstable"', '"accurate"'))
    worse = call("run", "old")
    (mine / "stabcheck.toml").write_text(CONFIG.replace("naive_softmax", "softmax"))
    better = call("run", "old")

    assert "is unstable, expected accurate." in worse.err
    assert "better than expected (unstable): raise `expect`." in better.err
    assert (1, 0) == (worse.code, better.code)


def test_baseline(call: Call, mine: Path) -> None:
    """What is recorded does not fail; what is new does; a damaged baseline is exit 2 and stays as it is."""
    record = call("run", "mine.py:naive_softmax", *QUICK, "--baseline-update")
    path = mine / "stabcheck-baseline.json"
    recorded = path.read_text()
    known = call("run", "mine.py:naive_softmax", *QUICK, "--baseline", path.name)
    (mine / "mine.py").write_text(FUNCTIONS.replace("np.exp(-np.abs(x))", "np.exp(-x)"))
    new = call("run", "mine.py", *QUICK, "--baseline", path.name)
    kept = path.read_text()
    path.write_text("{")
    damaged = call("run", "mine.py", *QUICK, "--baseline", path.name, "--baseline-update")

    assert (0, 0, 1, 2) == (record.code, known.code, new.code, damaged.code)
    assert "known to the baseline" in known.out
    assert recorded == kept
    assert "{" == path.read_text()


def test_known_gradients_are_replayed(call: Call, mine: Path) -> None:
    """A run too small to find a known defect of the gradient tries its stored input first."""
    pytest.importorskip("torch")
    (mine / "grad.py").write_text("def sigmoid(x):\n    return 1 / (1 + (-x).exp())\n")
    command = ("run", "grad.py:sigmoid", "--grad", "--baseline", "b.json", "--dtype", "float32", "-w", "1")
    record = call(*command, "-n", "100", "--baseline-update")
    again = call(*command, "-n", "1", "--regimes", "zeros", "--output-format", "concise")

    assert (0, 0) == (record.code, again.code)
    assert "sigmoid_grad d/dx grad.py:sigmoid[float32] (known)" in again.out


def test_baseline_missing(call: Call, mine: Path) -> None:
    """A baseline that does not exist is exit 2, unless it is to be made."""
    result = call("run", "mine.py:softmax", "--baseline", "nothere.json")

    assert "--baseline-update" in result.err
    assert 2 == result.code


def test_findings_are_stored(call: Call, mine: Path) -> None:
    """Failures are kept in .stabcheck, which ignores itself."""
    call("run", "mine.py:naive_softmax", *QUICK)

    assert "*\n" == (mine / ".stabcheck" / ".gitignore").read_text()
    assert list((mine / ".stabcheck" / "findings").glob("*.json"))


def test_broken_pipe(mine: Path, command: Sequence[str]) -> None:
    """A reader that goes away is no reason for a traceback."""
    line = " ".join([*map(repr, command), "list", "codes"]) + " | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=mine, check=False)

    assert "" == done.stderr


SLOW = """
import time
import numpy as np
from pathlib import Path

def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def slow_softmax(x):
    Path("started").touch()
    try:
        time.sleep(0.02)
    except:  # swallows Ctrl-C
        pass
    return softmax(x)
"""


@pytest.mark.parametrize("form", ["table", "json"])
def test_interrupted(here: Path, command: Sequence[str], form: str) -> None:
    """Ctrl-C in the middle of a run: the report so far, exit 130, nothing recorded."""
    (here / "slow.py").write_text(SLOW)
    arguments = ["run", "slow.py:softmax", "slow.py:slow_softmax", "--dtype", "float64", "-n", "100000"]
    process = subprocess.Popen(
        [*command, *arguments, "--output-format", form, "--baseline-update", "-w", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=here,
    )
    began = time.monotonic()
    while not (here / "started").exists() and time.monotonic() - began < 60:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert 130 == process.returncode, err
    assert "Traceback" not in err
    if form == "json":
        assert json.loads(out)["interrupted"]
    else:
        assert "INTERRUPTED: " in out
    assert not (here / "stabcheck-baseline.json").exists()


def test_catalogue(call: Call) -> None:
    """Without a target and a configuration the catalogue behaves as declared."""
    result = call("run", "--op", "sigmoid", "-n", "40", "--dtype", "float32")

    assert "behave as declared" in result.out
    assert 0 == result.code


def test_catalogue_held_to_its_grades(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """An implementation that does worse than it declares is exit 1."""
    from dataclasses import replace

    from stabcheck.engine import plan

    boasting = [
        replace(entry, grades=dict.fromkeys(entry.grades, "accurate"))
        for entry in plan.all_implementations()
        if entry.op == "softmax" and entry.name.endswith(":naive")
    ]
    monkeypatch.setattr(plan, "all_implementations", lambda: boasting)

    result = call("run", "--op", "softmax", *QUICK)

    assert "worse than declared" in result.out
    assert 1 == result.code


def test_exit_codes_of_the_process(process: Call, mine: Path) -> None:
    """What the shell sees: 0, 1, 2."""
    assert [0, 1, 2] == [
        process("run", f"mine.py:{name}", *QUICK).code for name in ("softmax", "naive_softmax", "nothere")
    ]
