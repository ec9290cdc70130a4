"""docs/ci.md acted out in a shell: every command of it, in a project of its own."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stabcheck

PAGE = Path(stabcheck.__file__).parents[1] / "docs" / "ci.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PAGE.is_file(), reason="needs the source tree"),
    pytest.mark.skipif(shutil.which("git") is None, reason="needs git"),
]

GOOD = """
import numpy as np

def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def log_softmax(x):
    return np.log(softmax(x))
"""


def block(language: str, containing: str) -> str:
    """The code block of the page in that language that contains this text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [text for text in blocks if containing in text]
    return found


def commands(text: str) -> list[str]:
    """Lines after a prompt, `run:` steps and hook entries, without the installation."""
    found = re.findall(r"^(?:\$ | *- run: | *entry: )(.*)$", text, re.MULTILINE)
    return [line for line in found if not line.startswith("pip install")]


@pytest.fixture
def project(tmp_path):
    """A repository with the page's configuration; returns a shell in it: command -> (exit code, output)."""
    (tmp_path / "losses.py").write_text(GOOD)
    (tmp_path / "pyproject.toml").write_text(block("toml", "[tool.stabcheck]"))
    tools = str(Path(sys.executable).parent)

    def shell(command: str) -> tuple[int, str]:
        setting = f'export PATH="{tools}:$PATH" COLUMNS=200 STABCHECK_MAX_EXAMPLES=300'
        done = subprocess.run(
            ["bash", "-c", f"{setting}; unset GITHUB_STEP_SUMMARY; {command}"],
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.returncode, done.stdout

    assert 0 == shell("git init -q .")[0]
    for command in commands(block("console", "git add")):
        code, output = shell(command)
        assert 0 == code, output
    return shell


def test_the_workflow_passes_until_a_change_makes_something_worse(project, tmp_path):
    """The steps of the GitHub example: known ones pass, a dropped max shift is named."""
    (step,) = commands(block("yaml", "runs-on"))
    code, output = project(step)
    assert 0 == code, output
    names = {path.name for path in (tmp_path / "reports").iterdir()}
    assert {"stabcheck.json", "stabcheck.xml", "stabcheck.sarif"} <= names
    (tmp_path / "losses.py").write_text(GOOD.replace("x - x.max(axis=-1, keepdims=True)", "x"))
    code, output = project(step)
    assert 1 == code
    assert "::error" in output
    assert "SC101" in output


def test_the_hook_passes_and_fails_like_the_gate(project, tmp_path):
    """The entry of the pre-commit example, run as pre-commit runs it."""
    (entry,) = commands(block("yaml", "repos:"))
    assert 0 == project(entry)[0]
    (tmp_path / "losses.py").write_text(GOOD.replace("x - x.max(axis=-1, keepdims=True)", "x"))
    assert 1 == project(entry)[0]


def test_mending_is_said_and_recorded_on_request(project, tmp_path):
    """After update and prune the old defect is new again."""
    mended = (
        "    s = x - x.max(axis=-1, keepdims=True)\n"
        "    return s - np.log(np.exp(s).sum(axis=-1, keepdims=True))"
    )
    (tmp_path / "losses.py").write_text(GOOD.replace("    return np.log(softmax(x))", mended))
    code, output = project("stabcheck run")
    assert 0 == code
    assert "better than the baseline" in output
    (record,) = commands(block("console", "--baseline-prune"))
    assert 0 == project(record)[0]
    (tmp_path / "losses.py").write_text(GOOD)
    assert 1 == project("stabcheck run")[0]


def test_a_damaged_baseline_is_exit_2(project, tmp_path):
    """The page's third exit code."""
    path = tmp_path / "stabcheck-baseline.json"
    path.write_text(path.read_text()[:100])
    code, output = project("stabcheck run")
    assert 2 == code
    assert "left as it is" in output
