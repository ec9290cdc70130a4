"""A finding told outside of stabcheck: as a test, as an issue; and run again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stabcheck.engine.events import Finished
from stabcheck.engine.request import Request, Task
from stabcheck.engine.run import run
from stabcheck.errors import UsageError
from stabcheck.explain.annotate import annotated
from stabcheck.explain.as_issue import as_issue
from stabcheck.explain.as_pytest import as_pytest
from stabcheck.explain.proof import prove
from stabcheck.explain.replay import Outcome, replay
from stabcheck.findings import Cell, Finding, Report

BROKEN = """\
import numpy as np


def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def logsumexp(x):
    return np.log(np.exp(x).sum(axis=-1))


def log_softmax(x):
    m = x.max(axis=-1, keepdims=True)
    return x - (m + np.log(np.exp(x - m).sum(axis=-1, keepdims=True)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log(1 + np.exp(x))


def sigmoid_grad(x):
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s)
"""

FIXED = """\
import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def logsumexp(x):
    m = x.max(axis=-1, keepdims=True)
    return np.squeeze(m + np.log(np.exp(x - m).sum(axis=-1, keepdims=True)), axis=-1)


def log_softmax(x):
    s = x - x.max(axis=-1, keepdims=True)
    return s - np.log(np.exp(s).sum(axis=-1, keepdims=True))


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid_grad(x):
    e = np.exp(-np.abs(x))
    return e / ((1 + e) * (1 + e))
"""

OPS = ("softmax", "logsumexp", "sigmoid", "softplus")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a broken module, `broken.py`."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "broken.py").write_text(BROKEN)
    return folder


def tasks(project: Path, dtypes: tuple[str, ...] = ("float32",)) -> list[Task]:
    request = Request(dtypes=dtypes, max_examples=25, max_classes=8)
    return [Task(f"{project}/broken.py:{op}", op, request, name=f"broken.py:{op}") for op in OPS]


@pytest.fixture(scope="module")
def report(project: Path) -> Report:
    """What a run says about the broken module, with causes and fixes."""
    last = list(run(tasks(project, ("float32", "float16"))))[-1]
    assert isinstance(last, Finished)
    return annotated(last.report, tasks(project, ("float32", "float16")), root=project)


def told(report: Report) -> list[tuple[Finding, Cell]]:
    return [(f, c) for c in report.cells for f in c.findings if f.asked][:14]


def run_tests(folder: Path, texts: list[str]) -> str:
    """The summary line of pytest for these test files, run in the folder without the plug-in."""
    for number, text in enumerate(texts):
        (folder / f"test_{number}.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:stabcheck", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[-1]


def test_tests_fail_and_pass_by_themselves(project: Path, report: Report) -> None:
    """Ten findings and more, written as tests, fail by their assertion; with fixed code all of them pass."""
    texts = [as_pytest(finding, cell.call_form) for finding, cell in told(report)]
    assert len(texts) >= 10
    assert not any("import stabcheck" in text for text in texts)
    assert run_tests(project, texts).startswith(f"{len(texts)} failed in ")
    try:
        (project / "broken.py").write_text(FIXED)
        assert run_tests(project, texts).startswith(f"{len(texts)} passed in ")
    finally:
        (project / "broken.py").write_text(BROKEN)


def test_every_finding_has_cause_line_and_fix(report: Report) -> None:
    """Findings that count carry a cause, a line of the module and a fix; the line is relative to the root."""
    findings = [finding for finding, _ in told(report)]
    assert {f.where.file for f in findings if f.where is not None} == {"broken.py"}
    assert all(f.cause is not None and f.cause.kind != "unknown" for f in findings)
    assert all(f.fix is not None for f in findings)


def test_what_is_not_asked_is_left_alone(report: Report) -> None:
    """Notes and findings above the level asked for are not explained."""
    assert all(f.cause is None for f in report.findings if not f.asked)


def test_issue_holds_what_maintainers_ask_for(report: Report) -> None:
    """Input, got, enclosure, representability, guilty line and versions stand in the issue."""
    finding, cell = told(report)[0]
    text = as_issue(finding, cell.call_form)
    assert text.startswith("# `softmax`: nan in float32\n")
    assert "x = np.array([" in text
    assert "| exact value, enclosed | [" in text
    assert "both ends round to" in text
    assert "`broken.py:5`: `np.exp(x)`" in text
    assert "numpy " in text.rpartition("## Versions")[2]


def test_reproduction_of_an_issue_runs(project: Path, report: Report) -> None:
    """The code of the issue prints the wrong result, outside of the project."""
    finding, cell = told(report)[0]
    code = as_issue(finding, cell.call_form).split("```python\n")[1].split("```")[0]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    assert "nan" in done.stdout


def test_proof_encloses_the_expected_value(report: Report) -> None:
    """The ends of the enclosure surround the truth and round to the expected value."""
    for finding, _ in told(report):
        proof = prove(finding)
        assert proof is not None
        assert proof.certain
        assert proof.rounded == finding.minimal.expected


def test_replay_tells_failed_and_fixed(project: Path, report: Report) -> None:
    """A replay fails while the code is broken and is fixed afterwards; without a target it is an error."""
    finding, _ = told(report)[0]
    task = tasks(project)[0]
    assert replay(finding, task).outcome is Outcome.FAILED
    other = project / "repaired.py"
    other.write_text(FIXED)
    mended = Task(f"{other}:softmax", "softmax", task.request, name=task.name)
    assert replay(finding, mended).outcome is Outcome.FIXED
    lost = Task(f"{other}:no_such_function", "softmax", task.request, name=task.name)
    assert replay(finding, lost).outcome is Outcome.ERROR


def test_a_lambda_cannot_become_a_test(report: Report) -> None:
    """A target that no import reaches is refused with the next step."""
    from dataclasses import replace

    finding, _ = told(report)[0]
    with pytest.raises(UsageError, match="put the function into a module"):
        as_pytest(replace(finding, target="__main__:<lambda>"))


def test_torch_target_gets_tensors(report: Report) -> None:
    """A test for a target of PyTorch makes tensors and reads the result back as doubles."""
    finding, cell = told(report)[0]
    text = as_pytest(finding, cell.call_form, backend="torch")
    assert "    x_in = torch.tensor(x).to(torch.float32)\n" in text
    assert "np.asarray(target(x_in).double())" in text
    compile(text, "test_torch.py", "exec")
