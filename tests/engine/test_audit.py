"""A ball operation that is wrong is caught by the audit of a normal run, loudly."""

import numpy as np
import pytest

import stabcheck
from stabcheck.cli.app import invoke
from stabcheck.errors import OracleError
from stabcheck.oracle.balls import BallContext64
from stabcheck.oracle.dd_balls import DDBallContext


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def logsumexp(x):
    m = x.max(axis=-1, keepdims=True)
    return m[..., 0] + np.log(np.exp(x - m).sum(axis=-1))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


@pytest.fixture
def broken(monkeypatch):
    """Let an operation of a rung be wrong by a millionth, within a radius that says 10^-15 or less."""

    def broken(context, operation):
        right = getattr(context, operation)
        monkeypatch.setattr(context, operation, lambda self, *a: right(self, *a) * (1 + 2.0**-20))

    return broken


@pytest.mark.parametrize("operation", ["exp", "log1p"])
@pytest.mark.parametrize(
    ("context", "dtype"), [(BallContext64, "float32"), (BallContext64, "float16"), (DDBallContext, "float64")]
)
def test_a_broken_ball_operation_is_caught(context, dtype, operation, broken):
    """OracleError in an ordinary check of a correct target; the message has the element in hex."""
    without_zero = {"dtypes": dtype, "max_examples": 100, "range": (0.1, 20.0)}
    stabcheck.check(softplus, "softplus", **without_zero)
    broken(context, operation)
    with pytest.raises(OracleError, match="contradicts itself: softplus in " + dtype) as caught:
        stabcheck.check(softplus, "softplus", **without_zero)
    assert "0x1." in str(caught.value)
    assert "balls" in str(caught.value)


def test_also_in_rows(broken):
    """A sum that forgets a millionth."""
    broken(DDBallContext, "sum")
    with pytest.raises(OracleError):
        stabcheck.check(logsumexp, "logsumexp", dtypes="float64", max_examples=100, max_classes=17)


def test_the_command_line_ends_in_exit_2(broken, tmp_path, monkeypatch, capsys):
    """One line on stderr, no verdict on stdout."""
    (tmp_path / "mine.py").write_text(
        "import numpy as np\ndef softplus(x):\n    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))\n"
    )
    monkeypatch.chdir(tmp_path)
    broken(BallContext64, "log1p")
    # In this process: a worker would not know of the sabotage.
    monkeypatch.setattr("stabcheck.engine.run.run_side_by_side", _in_this_process)
    effort = ["-n", "100", "-w", "1", "--range", "0.1,20"]
    code = invoke(["run", "mine.py:softplus", "--op", "softplus", "--dtype", "float32", *effort])
    captured = capsys.readouterr()
    assert 2 == code
    assert "contradicts itself" in captured.err
    assert "0x1." in captured.err
    assert "PASS" not in captured.out + captured.err


def _in_this_process(groups, workers):
    from stabcheck.engine.single import run_group

    for group in groups:
        yield from run_group(group)


def test_the_seed_decides_what_is_audited():
    """The count is in the report, and equal for equal seeds."""

    def audited(seed):
        report = stabcheck.check(softmax, "softmax", dtypes="float32", max_examples=100, seed=seed)
        return report.counts.audited

    counts = [audited(seed) for seed in (0, 0, 1, 2)]
    assert counts[0] == counts[1] > 10
    assert len(set(counts)) > 1
