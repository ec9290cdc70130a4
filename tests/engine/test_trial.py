"""Single examples, tried again: does the code show, what does the authority say, do two truths agree?"""

import math

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.engine.trial import Trial, check_agreement, differing, stack
from stabcheck.errors import OracleError
from stabcheck.oracle.ladder import Oracle
from stabcheck.targets.answer import Answer, Fault

FLOAT32 = formats.get("float32")
ORACLE = Oracle(ops.get("softmax"), FLOAT32, {})


class Runner:
    """A target in the smallest form the engine takes; what it says of a block is decided by a function."""

    flushes = False

    def __init__(self, function, **more):
        self.function, self.more = function, more

    def __call__(self, inputs, layout="C"):
        with np.errstate(all="ignore"):
            values = np.asarray(self.function(inputs["x"])).astype(np.float64)
        more = {k: v(inputs["x"]) for k, v in self.more.items()}
        return Answer(values, more.pop("usable", np.ones(len(values), dtype=bool)), **more)


def naive(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


def rows(*lists):
    return [{"x": np.array(row, dtype=np.float32)} for row in lists]


def test_codes_of_the_judge():
    """One answer per candidate."""
    shows = Trial(Runner(naive), ORACLE).shows
    candidates = rows([0, 1], [89, 0], [90, -90])
    assert [False, True, True] == shows("SC101")(candidates)
    assert [False, False, False] == shows("SC102")(candidates)


def test_faults():
    """Of one row, or of the block as a whole."""

    def faults(x):
        bad = [Fault("SC401", i, "ValueError") for i in range(len(x)) if x[i, 0] > 5]
        return (*bad, *([Fault("SC402", -1, "shape")] if len(x) > 2 else []))

    shows = Trial(Runner(naive, faults=faults), ORACLE).shows
    assert [False, True, False] == shows("SC401")(rows([0], [9], [1]))
    assert [True] * 3 == shows("SC402")(rows([0], [9], [1]))
    assert [False] * 2 == shows("SC402")(rows([0], [9]))


def test_an_exception_of_all_together_is_that_of_none():
    """Candidates that were tried at once are not guilty of being many."""
    together = Runner(naive, faults=lambda x: (Fault("SC401", -1, "ValueError: too many"),))
    assert [False] * 2 == Trial(together, ORACLE).shows("SC401")(rows([0], [9]))


def test_unsteady_and_signals():
    """Answers that differ beyond the gate; a signal beside a right answer."""
    calls = iter(range(100))
    wavering = Runner(lambda x: naive(x) * (1 + (next(calls) % 2) * 0.1))
    assert [True] == Trial(wavering, ORACLE).shows("SC405")(rows([0, 1]))
    assert [False] == Trial(Runner(naive), ORACLE).shows("SC405")(rows([0, 1]))
    signalling = Runner(naive, signals=lambda x: frozenset({"overflow"} if x.max() > 50 else {"divide"}))
    assert [True, False, False] == Trial(signalling, ORACLE).shows("SC501")(rows([60, 1], [1, 2], [99, 0]))


def test_differing_forgives_what_the_gate_forgives():
    """One ulp apart is no finding, ten per cent is; NaN both times is no difference, NaN once is."""
    x = np.array([[0, 1]] * 5, dtype=np.float32)
    truth = ORACLE.truth({"x": x})
    first = naive(x).astype(np.float64)
    second = first.copy()
    second[1] = np.nextafter(first[1].astype(np.float32), np.float32(1))
    second[2, 0] *= 1.1
    first[3:, 1] = math.nan
    second[3, 1] = math.nan
    usable = np.ones(5, dtype=bool)
    far = differing(Answer(first, usable), Answer(second, usable), truth)
    assert [[False, False], [False, False], [True, False], [False, False], [False, True]] == far.tolist()


def test_an_example_is_what_the_authority_says():
    """got, expected, ulps and ratio at the guilty element, which may be another than asked for."""
    trial = Trial(Runner(naive), ORACLE)
    example = trial.example("SC101", *_row(1, 89), (0,), "gaps")
    assert ((1,), 1.0, "gaps", 1) == (example.index, example.expected, example.regime, trial.confirmed)
    assert math.isnan(example.got)
    exact = math.exp(2) / (math.exp(1) + math.exp(2))
    example = Trial(Runner(lambda x: naive(x) * 1.001), ORACLE).example("SC201", *_row(1, 2), (), "moderate")
    assert example.ulps == pytest.approx(0.001 * exact / 2.0**-24, rel=0.01)
    assert example.ratio > 100


def _row(*numbers):
    return (rows(list(numbers))[0],)


def test_no_answer_no_numbers():
    """An example that cannot be judged is shown as it is."""
    runner = Runner(naive, usable=lambda x: np.zeros(len(x), dtype=bool))
    example = Trial(runner, ORACLE).example("SC101", *_row(1, 2), (1,), "")
    assert (None, None, (1,)) == (example.got, example.expected, example.index)


def test_two_truths_that_miss_each_other_stop_the_run():
    """The message names op, format, rung and element, the inputs in hex."""
    inputs = stack(rows([0.1, 2.0], [1.0, 3.0]))
    quick, sure = ORACLE.truth(inputs), ORACLE.authority(inputs)
    check_agreement(ORACLE, quick, sure, inputs)
    quick.head[1, 0] += 2 * quick.radius[1, 0] + 1e-6
    with pytest.raises(OracleError) as caught:
        check_agreement(ORACLE, quick, sure, inputs)
    text = str(caught.value)
    assert all(part in text for part in ("softmax in float32", "rung balls", "(0,)", "0x1.8000000000000p+1"))


def test_infinite_inputs_are_written_as_words():
    """float.hex of an infinity is 'inf'."""
    inputs = stack(rows([-np.inf, 2.0]))
    quick, sure = ORACLE.truth(inputs), ORACLE.authority(inputs)
    quick.head[0, 1] -= 1
    with pytest.raises(OracleError, match=r"'-inf', '0x1\.0000000000000p\+1'"):
        check_agreement(ORACLE, quick, sure, inputs)
