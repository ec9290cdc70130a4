"""Runs: the same report however often and by however many; crashes and Ctrl-C leave the rest standing."""

import json
import math
import time

import numpy as np
import pytest

from stabcheck.engine import pool
from stabcheck.engine.events import CellFinished, CellStarted, Finished, Found, Progress, Shrinking, Started
from stabcheck.engine.plan import plan
from stabcheck.engine.request import Request, Task
from stabcheck.engine.run import run
from stabcheck.errors import OracleError, UsageError
from stabcheck.findings.serial import report_to_data

MINE = """
import os
import sys
import numpy as np

def naive_softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)

def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def dies(x):
    if x.size and np.nanmax(x) > 200:
        os._exit(7)
    return softmax(x)

def breaks_numpy(x):
    result = softmax(x)
    np.asarray = None
    return result

def spoils_numpy(x):
    result = softmax(x)
    np.exp = lambda x, *args, **kwargs: x * 0 + 1
    return result

def forgets_stabcheck(x):
    for name in list(sys.modules):
        if name.startswith("stabcheck"):
            del sys.modules[name]
    return softmax(x)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The tasks named, of a file in the working directory."""
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)

    def tasks(*names, dtypes=("float32",), **settings):
        asked = Request(dtypes=dtypes, **{"max_examples": 40, "max_classes": 16, **settings})
        return [Task(f"mine.py:{name}", "softmax", asked) for name in names]

    return tasks


def report_of(tasks, **how):
    *_, last = run(tasks, **how)
    return last.report


def text_of(report):
    """The JSON of a report but for its time."""
    return json.dumps({**report_to_data(report), "elapsed": None}, sort_keys=True)


def test_two_runs_are_equal(mine):
    """Byte for byte, times apart."""
    tasks = mine("naive_softmax", "softmax", dtypes=("float32", "float16"))
    assert text_of(report_of(tasks)) == text_of(report_of(tasks))


@pytest.mark.parametrize("how", [{"workers": 2}, {"workers": 1, "contained": True}])
def test_workers_do_not_change_the_report(mine, how):
    """Nor does running the targets in processes of their own."""
    tasks = mine("naive_softmax", "softmax", dtypes=("float32", "float16"))
    assert text_of(report_of(tasks)) == text_of(report_of(tasks, **how))


def test_the_environment_does_not_change_the_report(mine, monkeypatch):
    """CI makes Hypothesis load another profile; other seeds make other reports."""
    tasks = mine("naive_softmax")
    before = text_of(report_of(tasks))
    monkeypatch.setenv("CI", "true")
    assert before == text_of(report_of(tasks))
    assert before != text_of(report_of(mine("naive_softmax", seed=1)))


def test_a_target_that_dies_takes_nobody_with_it(mine):
    """SC407 in its cell; the other cell of the same group is judged as ever."""
    report = report_of(mine("dies", "softmax"), contained=True)
    dies, softmax = report.cells
    assert {"SC407"} <= {f.code for f in dies.findings}
    assert ("judged", ()) == (softmax.state, softmax.findings)
    assert softmax.judged > 100


@pytest.mark.parametrize("name", ["breaks_numpy", "spoils_numpy", "forgets_stabcheck"])
def test_what_a_target_breaks_around_it_is_broken_for_nobody_else(mine, name):
    """NumPy, the oracle's own functions, our modules: the cells beside it and after it are judged as ever."""
    tasks = [*mine(name, "softmax"), *mine("softmax", dtypes=("float64",))]
    report = report_of(tasks, contained=True)
    assert 3 == len(report.judged_cells)
    assert [(), ()] == [cell.findings for cell in report.cells[1:]]


def test_where_numpy_is_spoilt_by_an_import(mine, tmp_path):
    """The oracle is in a process that does not import the module, when it matters."""
    spoil = "\nif os.path.exists(__file__ + '.spoilt'):\n    np.exp = lambda *args, **kwargs: 1 / 0\n"
    (tmp_path / "mine.py").write_text(MINE + spoil)
    tasks = mine("softmax")
    plan(tasks)  # this process is not to be spoilt: a file is imported once
    (tmp_path / "mine.py.spoilt").touch()
    (cell,) = report_of(tasks, contained=True).cells
    assert ("n/a", "ZeroDivisionError: division by zero") == (cell.state, cell.reason)


@pytest.mark.parametrize("error", [OracleError("the oracle contradicts itself"), UsageError("no such thing")])
def test_what_goes_wrong_without_any_target_is_told(mine, monkeypatch, error):
    """A group that fails although its targets are in processes of their own fails for our own reasons."""
    attempts = []

    def attempt(todo, workers):
        attempts.append([{task.request.isolate for task in job.tasks} for job in todo.values()])
        yield next(iter(todo)), pool._Lost(error)

    monkeypatch.setattr(pool, "_attempt", attempt)
    with pytest.raises(type(error), match=str(error)):
        report_of(mine("softmax"), contained=True)
    assert [[{False}], [{True}]] == attempts


def test_errors_of_usage_in_a_worker_end_the_run(mine):
    """As they do in this process."""
    with pytest.raises(UsageError, match="backend"):
        report_of(mine("softmax", backend="nonsense"), contained=True)


def test_events_tell_a_story(mine):
    """Started, then each cell from start to finish, Finished last; progress adds up."""
    events = list(run(mine("naive_softmax")))
    kinds = [type(e) for e in events]
    assert [Started, CellStarted, CellFinished, Finished] == [kinds[0], kinds[1], kinds[-2], kinds[-1]]
    assert {"SC101"} <= {e.code for e in events if isinstance(e, Found)}
    assert [e.code for e in events if isinstance(e, Shrinking)] == sorted(
        {e.code for e in events if isinstance(e, Shrinking)}
    )
    cell = events[-2].cell
    assert cell.examples == sum(e.examples for e in events if isinstance(e, Progress)) == 40
    assert events[0].cells == (cell.key,)


def test_ctrl_c_ends_in_the_report_so_far(mine):
    """KeyboardInterrupt in the middle: the cells that are through are reported, and it says so."""
    events = run(mine("naive_softmax", dtypes=("float32", "float16")))
    for event in events:
        if isinstance(event, CellFinished):
            break
    rest = [events.throw(KeyboardInterrupt())]
    rest += list(events)
    assert [Finished] == [type(e) for e in rest]
    assert (True, 1) == (rest[0].report.interrupted, len(rest[0].report.cells))


def test_cells_come_in_the_order_of_the_plan(mine):
    """Whatever was ready first."""
    tasks = mine("softmax", "naive_softmax", dtypes=("float16", "float32"))
    expected = [(t, d) for t in ("mine.py:softmax", "mine.py:naive_softmax") for d in ("float16", "float32")]
    assert expected == [(c.target, c.dtype) for c in report_of(tasks, workers=2).cells]


def test_a_target_of_this_process_stays_here(mine):
    """A closure cannot be sent to a worker; it is judged here, beside those that are."""
    scale = np.float32(1)

    def local(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True)) * scale
        return e / e.sum(axis=-1, keepdims=True)

    tasks = [*mine("softmax"), Task(local, "softmax", mine("softmax")[0].request, "local")]
    report = report_of(tasks, workers=2)
    assert [("mine.py:softmax", True), ("local", True)] == [(c.target, c.judged > 100) for c in report.cells]


def test_time_is_shared(mine):
    """The search stops when its time is up, never before its first block; what it found is shrunk."""
    began = time.monotonic()
    report = report_of(mine("softmax", "naive_softmax", max_examples=10**7, max_time=0.5))
    assert time.monotonic() - began < 20  # ten million examples take minutes
    for cell in report.cells:
        assert 0 < cell.examples < 10**7
        assert any(n == f"stopped by max-time after {cell.examples} of 10000000 examples" for n in cell.notes)
    assert "SC101" in {f.code for f in report.findings}
    unhurried = report_of(mine("softmax", max_time=1000.0))
    assert all(cell.examples >= 40 and not cell.notes for cell in unhurried.cells)


def test_what_one_group_leaves_others_may_use(mine):
    """Groups end at equal steps; with two workers each has two of them."""
    planned = plan(mine("softmax", dtypes=("float32", "float64", "float16")))
    assert [math.inf] * 3 == [group.deadline for group in planned.within(None, 1).groups]
    for workers, steps in ((1, [4, 8, 12]), (2, [8, 12, 12]), (8, [12, 12, 12])):
        ends = [group.deadline - time.time() for group in planned.within(12.0, workers).groups]
        assert steps == [pytest.approx(end, abs=0.5) for end in ends]
