"""Targets in a process of their own: deaths and hangs are faults of the guilty rows."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from stabcheck.errors import TargetError, UsageError
from stabcheck.targets.answer import Fault
from stabcheck.targets.runner import Inapplicable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="isolation uses POSIX pipes and sessions")

HOSTILE = Path(__file__).with_name("hostile.py")
ROWS = [[0.0, 1.0, 2.0], [200.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
SOUND = [0, 2]


@pytest.fixture
def hostile(isolated):
    """hostile("exits", ...) -> the runner of that function of hostile.py in its own process."""
    return lambda name, **how: isolated(f"{HOSTILE}:{name}", **how)


def test_sound_target_answers_as_in_this_process(hostile, ready, block):
    """The same numbers, call form and layouts as without isolation."""
    inputs = block([[0.0, 1.0, 2.0], [3.0, -np.inf, 5.0], [np.nan, 1.0, 2.0]])
    runner, local = hostile("softmax"), ready(f"{HOSTILE}:softmax")
    for layout in ("C", "F", "strided", "readonly", "broadcast"):
        answer, expected = runner(inputs, layout=layout), local(inputs, layout=layout)
        np.testing.assert_array_equal(answer.values, expected.values)
        assert (answer.faults, answer.signals) == (expected.faults, expected.signals)
    assert (runner.call_form, runner.layouts, runner.notes) == (local.call_form, local.layouts, local.notes)
    assert (runner.name, runner.batch, runner.flushes) == (local.name, local.batch, local.flushes)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("exits", Fault("SC407", 1, "the process exited with status 3")),
        ("segfaults", Fault("SC407", 1, "the process was killed by SIGSEGV")),
        ("killed", Fault("SC407", 1, "the process was killed by SIGKILL")),
        ("leaves", Fault("SC401", 1, "SystemExit: enough")),
    ],
)
def test_only_the_guilty_row_pays_for_a_death(hostile, block, softmax_of, name, fault):
    """The rows of the block that died are asked one by one; the sound ones have their answers."""
    inputs = block(ROWS)
    answer = hostile(name)(inputs)
    assert answer.faults == (fault,)
    assert answer.usable.tolist() == [True, False, True]
    np.testing.assert_allclose(answer.values[SOUND], softmax_of(inputs["x"])[SOUND])
    assert np.isnan(answer.values[1]).all()


def test_endless_loop_is_a_timeout(hostile, block):
    """No answer within the limit: SC406 for the guilty row, a fresh process for the others."""
    answer = hostile("hangs", time_limit=2.0)(block(ROWS))
    assert answer.faults == (Fault("SC406", 1, "no answer within 2 s"),)
    assert answer.usable.tolist() == [True, False, True]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs address-space limits")
@pytest.mark.parametrize("name", ["eats_memory", "eats_memory_in_c"])
def test_memory_is_limited(hostile, block, name):
    """Beyond the allowance an allocation fails in the target's process, and only there."""
    answer = hostile(name, memory_limit=1 << 30)(block(ROWS))
    assert [fault.row for fault in answer.faults] == [1]
    assert answer.faults[0].code in ("SC401", "SC407")
    assert "MemoryError" in answer.faults[0].text or answer.faults[0].code == "SC407"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("always_exits", ("SC407", "the process exited with status 0")),
        ("always_hangs", ("SC406", "no answer within 2 s")),
    ],
)
def test_death_on_benign_inputs_is_an_answer(hostile, block, name, fault):
    """A target that dies while it is probed is not called again: every row gets the fault at once."""
    runner = hostile(name, time_limit=2.0)
    answer = runner(block(ROWS))
    assert [(f.code, f.text) for f in answer.faults] == [fault] * 3
    assert [f.row for f in answer.faults] == [0, 1, 2]
    assert not answer.usable.any()
    assert "not called again" in runner.exhausted


def test_target_that_keeps_dying_is_left_alone(hostile, block):
    """After some deaths it is no longer called. Rows known to be guilty keep their fault; nothing is
    known about others, so they are not usable and not blamed."""
    runner = hostile("exits")
    answer = runner(block([[200.0 + i, 0.0] for i in range(20)]))
    deaths = [fault.row for fault in answer.faults]
    assert deaths == list(range(len(deaths)))
    assert 0 < len(deaths) < 20
    assert "not called again" in runner.exhausted
    assert runner.exhausted in runner.notes
    again = runner(block([[200.0, 0.0], [1.0, 0.0]]))
    assert [(f.code, f.row) for f in again.faults] == [("SC407", 0)]
    assert not again.usable.any()


@pytest.mark.parametrize("name", ["leaves_a_thread", "noisy", "starts_a_process"])
def test_threads_noise_and_children_do_no_harm(hostile, block, softmax_of, name, capfd):
    """Output goes nowhere, and what is left running does not hold up the end."""
    inputs = block([[0.0, 1.0]])
    runner = hostile(name)
    np.testing.assert_allclose(runner(inputs).values, softmax_of(inputs["x"]))
    runner.close()
    assert capfd.readouterr() == ("", "")


def test_closed_pipe_is_a_crash(hostile, block):
    """A target that closes every file also closes the way back."""
    answer = hostile("closes_everything")(block(ROWS))
    assert [(fault.code, fault.row) for fault in answer.faults] == [("SC407", 1)]


def test_target_that_breaks_the_process_for_later_calls(hostile, block):
    """Whatever it replaces, the run goes on and says what happened."""
    runner = hostile("replaces_numpy")
    answers = [runner(block(ROWS)), runner(block([[0.0, 1.0]]))]
    texts = {fault.text for answer in answers for fault in answer.faults}
    assert texts
    assert all(text.startswith("the process failed, TypeError") for text in texts)


def test_limit_is_for_one_call_not_for_a_block(hostile, block):
    """Fifty slow rows take longer together than one call may."""
    runner = hostile("slow_rows", time_limit=2.5)
    answer = runner(block([[0.0, 1.0]] * 50))
    assert answer.faults == ()
    assert answer.usable.all()


def test_close_ends_the_process_and_a_later_call_starts_another(hostile, block):
    """Nothing is left behind; the runner stays usable."""
    runner = hostile("softmax")
    pid = runner._process._child.pid
    runner.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert runner(block([[0.0, 0.0]])).values.tolist() == [[0.5, 0.5]]


def test_results_that_are_no_answer_travel(hostile, block):
    """Faults of the ordinary kind come back as they are."""
    assert hostile("nothing")(block(ROWS)).faults == (Fault("SC403", -1, "returned None"),)


def test_kwargs_travel_as_plain_data(hostile, block):
    """Numbers and texts go over; what is not plain data is a usage error with the way out."""
    answer = hostile("scaled", kwargs={"temperature": 1.0})(block([[0.0, 0.0]]))
    assert answer.values.tolist() == [[0.5, 0.5]]
    with pytest.raises(UsageError, match="Leave out isolate"):
        hostile("scaled", kwargs={"temperature": np.float64})


def test_reason_travels(hostile):
    """What is not applicable in this process is not applicable in another."""
    assert "temperature" in hostile("scaled").reason
    assert isinstance(hostile("scaled"), Inapplicable)


def test_errors_of_usage_travel(hostile):
    """Wrong arguments are found in the process and raised here."""
    with pytest.raises(UsageError, match="exactly once"):
        hostile("softmax", arguments=("x", "x"))


def test_what_cannot_be_imported_cannot_be_isolated(isolated):
    """A lambda has no way into another process."""
    with pytest.raises(TargetError, match="leave out isolate"):
        isolated(lambda x: x)


def test_process_ends_with_the_run_that_started_it(tmp_path):
    """When the run is killed, the process of a hanging target does not stay behind."""
    import signal
    import subprocess

    script = tmp_path / "run.py"
    script.write_text(
        "import sys, threading, time, numpy as np\n"
        "from stabcheck import formats, ops\n"
        "from stabcheck.targets.find import find\n"
        "from stabcheck.targets.isolate import prepare_isolated\n"
        f"found = find({str(HOSTILE) + ':hangs'!r})\n"
        "truth = lambda inputs: np.full((2, 3), 1 / 3)\n"
        "runner = prepare_isolated(found, ops.get('softmax'), formats.get('float64'), {}, reference=truth,\n"
        "                          time_limit=600.0)\n"
        "print(runner._process._child.pid, flush=True)\n"
        "runner({'x': np.full((1, 3), 200.0)})\n"
    )
    run = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    pid = int(run.stdout.readline())
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    for _ in range(200):
        if not _alive(pid):
            break
        time.sleep(0.1)
    assert not _alive(pid)


def _alive(pid):
    """Whether it still runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_gradients_in_a_process_of_their_own(isolated, framework):
    """Autograd runs there too."""
    pytest.importorskip(framework, reason=f"needs {framework}")
    name = {"torch": "torch.nn.functional:softmax", "jax": "jax.nn:softmax"}[framework]
    runner = isolated(name, gradient="softmax_vjp")
    answer = runner({"x": np.zeros((1, 2)), "v": np.array([[1.0, 0.0]])})
    assert runner.call_form.startswith(f"gradient by {framework}")
    np.testing.assert_allclose(answer.values, [[0.25, -0.25]])


SLOWLY_IMPORTED = """
import sys
import time


class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "torch.version":
            time.sleep(4)


sys.meta_path.insert(0, Slow())


def by_its_methods(x):
    return x.exp() / x.exp().sum(-1, keepdim=True)
"""


def test_importing_a_framework_is_no_call(isolated, tmp_path):
    """Where a function shows only when it is tried whose arrays it wants: the import may take longer than a
    call may."""
    pytest.importorskip("torch", reason="a framework to import")
    (tmp_path / "slow.py").write_text(SLOWLY_IMPORTED)
    runner = isolated(f"{tmp_path / 'slow.py'}:by_its_methods", time_limit=3.0)
    assert not runner.exhausted
    assert "by_its_methods(x)" in runner.call_form
