"""The plugin in a project as a user has it, run as a process."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent / "sample_project"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "project"))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """pytest as a process in a folder, without settings of ours from outside."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("STABCHECK_", "PYTEST_"))}
    environment |= {"COLUMNS": "120", "PYTHONDONTWRITEBYTECODE": "1"}

    def run(folder: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(
            command,
            cwd=folder,
            env=environment | extra,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    return run


def outcomes(text: str) -> dict[str, str]:
    """Test -> outcome, of the lines of -v, whatever worker ran them and in whatever order."""
    found = {}
    for line in text.splitlines():
        words = re.sub(r"^\[gw\d+\] |\[ *\d+%\]", "", line)
        if match := re.search(r"(PASSED|FAILED|SKIPPED|ERROR|XFAIL)", words):
            name = words.replace(match[0], "").strip()
            if "::" in name and " " not in name:
                found[name] = match[0]
    return found


EXPECTED = {
    "tests/test_losses.py::test_fixture": "PASSED",
    "tests/test_losses.py::test_fixture_fails": "FAILED",
    "tests/test_losses.py::test_marker_sets_the_fixture": "PASSED",
    "tests/test_losses.py::test_marker_checks": "PASSED",
    "tests/test_losses.py::test_marker_fails": "FAILED",
    "tests/test_losses.py::test_marker_is_wrong": "FAILED",
    "pyproject.toml::samplepkg.losses:softmax[float32]": "PASSED",
    "pyproject.toml::samplepkg.losses:softmax[float64]": "PASSED",
    "pyproject.toml::naive[float16]": "FAILED",
    "pyproject.toml::samplepkg/losses.py:total[float64]": "PASSED",
}


def test_everything(project: Path, run: Run) -> None:
    """Fixture, marker and configured targets say what is right; failures show the table, the command that
    reproduces them and the user's line, and nothing of ours."""
    done = run(project, "-v", "--stabcheck")

    assert EXPECTED == outcomes(done.stdout)
    assert 1 == done.returncode
    assert "stabcheck: " in done.stdout.split("collecting")[0]
    assert "configfile pyproject.toml" in done.stdout
    assert "max-examples 24, seed 0" in done.stdout
    assert "Reproduce with:" in done.stdout
    assert "stabcheck run naive --op softmax --dtype float16" in done.stdout
    assert '>       assert_stable(softmax_naive, "softmax", dtypes=("float32",))'.replace(
        "        ", "   "
    ) in (done.stdout.replace("        ", "   "))
    assert "unknown op 'sotfmax'. Did you mean 'softmax'?" in done.stdout
    for ours in ("pytest_plugin.py", "api.py", "site-packages", "engine/run.py"):
        assert ours not in done.stdout.split("= FAILURES =")[1]


def test_xdist(project: Path, run: Run) -> None:
    """Two processes come to the same results as one."""
    done = run(project, "-v", "--stabcheck", "-n", "2")

    assert EXPECTED == outcomes(done.stdout)
    assert 1 == done.returncode


def test_only_what_was_asked(project: Path, run: Run) -> None:
    """Without --stabcheck nothing is collected beside the tests; -k selects among the targets."""
    without = run(project, "--collect-only", "-q")
    chosen = run(project, "-v", "--stabcheck", "-k", "total")
    by_file = run(project, "-v", "--stabcheck", "pyproject.toml", "-k", "total")

    assert "pyproject.toml" not in without.stdout
    assert {"pyproject.toml::samplepkg/losses.py:total[float64]": "PASSED"} == outcomes(chosen.stdout)
    assert outcomes(chosen.stdout) == outcomes(by_file.stdout)


def test_options(project: Path, run: Run) -> None:
    """Options and variables win over the file."""
    done = run(
        project,
        "-v",
        "--stabcheck",
        "--stabcheck-dtype=float64",
        "-k",
        "naive and pyproject",
        STABCHECK_SEED="7",
    )

    assert {"pyproject.toml::naive[float64]": "FAILED"} == outcomes(done.stdout)
    assert "seed 7" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "config", "message"),
    [
        (["--stabcheck-level=stabel"], "", "Did you mean 'stable'?"),
        (["--stabcheck-dtype=float31"], "", "unknown dtype 'float31'. Did you mean 'float32'?"),
        (["--stabcheck-select=SC9999"], "", "unknown code 'SC9999'."),
        (["--stabcheck"], "[tool.stabcheck]\nsede = 3\n", "unknown key 'sede'. Did you mean 'seed'?"),
        (["--stabcheck"], "", "no [tool.stabcheck] found"),
    ],
)
def test_wrong(tmp_path: Path, run: Run, arguments: list[str], config: str, message: str) -> None:
    """Wrong options and settings end the run with a message."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n" + config)
    (tmp_path / "test_x.py").write_text("def test_x(): pass\n")

    done = run(tmp_path, *arguments)

    assert message in done.stderr
    assert 4 == done.returncode


UNUSED = """
import sys

def test_nothing_heavy():
    assert not {"numpy", "mpmath", "hypothesis", "rich", "stabcheck.config.file"} & set(sys.modules)
"""


def test_unused(tmp_path: Path, run: Run) -> None:
    """Where nobody uses it, the plugin imports nothing numeric and says nothing."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_x.py").write_text(UNUSED)

    done = run(tmp_path, "-p", "no:hypothesispytest")

    assert 0 == done.returncode, done.stdout
    assert "stabcheck:" not in done.stdout


def test_baseline(project: Path, run: Run) -> None:
    """What a run records, from whatever process, does not fail that run or the next one."""
    options = ("-v", "--stabcheck", "-k", "fixture_fails or naive")
    record = run(project, *options, "-n", "2", "--stabcheck-baseline-update")
    known = run(project, *options, "--stabcheck-baseline", "stabcheck-baseline.json")
    (project / "stabcheck-baseline.json").write_text("{")
    damaged = run(project, *options, "--stabcheck-baseline", "stabcheck-baseline.json")

    everything = {name: "PASSED" for name in EXPECTED if "fixture_fails" in name or "naive" in name}
    assert everything == outcomes(record.stdout) == outcomes(known.stdout)
    assert "stabcheck: 2 cells recorded" in record.stdout
    assert (0, 0, 4) == (record.returncode, known.returncode, damaged.returncode)


TYPOS = """
import unittest

import pytest
from samplepkg.losses import softmax, softmax_naive

pytestmark = pytest.mark.stabcheck(level="stable")

@pytest.mark.stabcheck(targt="samplepkg.losses:softmax_naive", op="softmax")
def test_unknown_key():
    pass

@pytest.mark.stabcheck(op="softmax")
def test_no_target():
    pass

@pytest.mark.stabcheck("samplepkg.losses:softmax_naive")
def test_by_position():
    pass

@pytest.mark.stabcheck(levle="robust")
def test_unknown_key_for_the_fixture(assert_stable):
    assert_stable(softmax)

def test_module_marks_are_for_others():
    pass

class TestOld(unittest.TestCase):
    @pytest.mark.stabcheck(target=softmax_naive, op="softmax", dtypes=("float16",))
    def test_method(self):
        pass
"""


def test_typos_in_marks(project: Path, run: Run) -> None:
    """A mark that would check nothing fails with what is wrong and the nearest match, without our source."""
    (project / "tests" / "test_typos.py").write_text(TYPOS)

    done = run(project, "-v", "tests/test_typos.py")

    found = {name.rpartition("::")[2]: outcome for name, outcome in outcomes(done.stdout).items()}
    assert "PASSED" == found.pop("test_module_marks_are_for_others")
    assert "ERROR" == found.pop("test_unknown_key_for_the_fixture")
    names = ("test_unknown_key", "test_no_target", "test_by_position", "test_method")
    assert dict.fromkeys(names, "FAILED") == found
    assert "unknown setting 'targt'. Did you mean 'target'?" in done.stdout
    assert "unknown setting 'levle'. Did you mean 'level'?" in done.stdout
    assert "the marker stabcheck checks nothing here: it names no target" in done.stdout
    assert "keyword arguments only, got 'samplepkg.losses:softmax_naive'" in done.stdout
    assert "pytest_plugin" not in done.stdout


def test_summary(project: Path, run: Run) -> None:
    """pytest's short summary quotes the verdict, of the fixture, the marker and a configured target; all of
    them show cause, line and fix."""
    done = run(project, "--stabcheck", "-k", "fixture_fails or marker_fails or naive", COLUMNS="200")

    lines = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    assert 3 == len(lines)
    assert all("FAIL: " in line for line in lines), lines
    shown = len(re.findall(r"^E? *SC\d+ \w[\w-]+ \| ", done.stdout, re.MULTILINE))
    assert shown >= 3
    assert shown == len(re.findall(r"^E? *cause ", done.stdout, re.MULTILINE)), done.stdout
    assert "traceback entries" not in done.stdout
    assert shown == len(re.findall(r"^E? *where .*losses.py:\d+", done.stdout, re.MULTILINE))


def test_pruning_says_what_it_did(project: Path, run: Run) -> None:
    """Nothing is recorded without --stabcheck-baseline-update; what is gone is counted when it goes."""
    options = ("--stabcheck", "-k", "naive and pyproject", "--stabcheck-baseline", "b.json")
    options += ("--stabcheck-max-examples", "200")  # so that what is gone would have shown
    run(project, *options, "--stabcheck-baseline-update")
    recorded = (project / "b.json").read_text()
    again = run(project, *options, "--stabcheck-baseline-update")
    nothing = run(project, *options, "--stabcheck-baseline-prune")
    unchanged = (project / "b.json").read_text()
    (project / "samplepkg" / "losses.py").write_text(
        (project / "samplepkg" / "losses.py").read_text() + "\n\nsoftmax_naive = softmax\n"
    )
    gone = run(project, *options, "--stabcheck-baseline-prune")

    assert "stabcheck: nothing has changed in b.json" in again.stdout
    assert "stabcheck: nothing has changed in b.json" in nothing.stdout
    assert recorded == unchanged
    count = recorded.count('"code"') - (project / "b.json").read_text().count('"code"')
    assert count > 0
    assert re.search(rf"stabcheck: {count} findings? forgotten by b.json", gone.stdout), gone.stdout


def test_switched_off(project: Path, run: Run) -> None:
    """With -p no:stabcheck the tests that do not use it run."""
    (project / "tests" / "test_other.py").write_text("def test_other(): pass\n")

    done = run(project, "-v", "-p", "no:stabcheck", "tests/test_other.py")

    assert {"tests/test_other.py::test_other": "PASSED"} == outcomes(done.stdout)
