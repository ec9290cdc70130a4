"""One cell at work: faults, signals, examples of one's own and notes become findings or words."""

import itertools
import random

import numpy as np
import pytest

from stabcheck.errors import UsageError

CALLS = itertools.count()


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


def raises_on_large(x):
    if np.abs(np.nan_to_num(x)).max() > 1000:
        raise ZeroDivisionError("too large for me")
    return sigmoid(x)


def refuses_nan(x):
    if np.isnan(x).any():
        raise ValueError("no NaN, please")
    return sigmoid(x)


def narrow_or_raises(x):
    if np.abs(np.nan_to_num(x)).max() > 1000:
        raise ZeroDivisionError("too large for me")
    return sigmoid(x).astype(np.float32)


def none_on_large(x):
    return None if np.abs(np.nan_to_num(x)).max() > 1000 else sigmoid(x)


def short_on_large(x):
    return sigmoid(x)[..., :1] if np.abs(np.nan_to_num(x)).max() > 1000 else sigmoid(x)


def writes(x):
    result = sigmoid(x)
    np.clip(x, -20, 20, out=x)
    return result


def unsteady(x):
    return sigmoid(x) * (1 + 0.01 * np.random.default_rng(next(CALLS)).random())


def noisy(x):
    return sigmoid(x) * (1 + 0.01 * np.random.random(x.shape))


def noisy_by_the_standard_library(x):
    return sigmoid(x) * (1 + 0.01 * random.random())


@pytest.mark.parametrize("target", [noisy, noisy_by_the_standard_library])
def test_noise_from_a_global_generator(check, target):
    """It is put back before every call; that a target draws from it shows all the same, and the user's own
    state stays what it was."""
    check(sigmoid, "sigmoid", dtypes=("float64",), max_examples=2)  # rich draws a number when it is imported
    random.seed(3)
    np.random.seed(3)
    wanted = random.random(), np.random.random()
    random.seed(3)
    np.random.seed(3)
    report = check(target, "sigmoid", dtypes=("float64",), max_examples=60)
    assert "SC405" in {finding.code for finding in report.findings}
    assert "SC304" not in {finding.code for finding in report.findings}
    assert wanted == (random.random(), np.random.random())


@pytest.mark.parametrize(
    ("target", "code", "text"),
    [
        (raises_on_large, "SC401", "ZeroDivisionError: too large for me"),
        (none_on_large, "SC403", "None"),
        (short_on_large, "SC402", "shape"),
        (writes, "SC404", "its input"),
        (unsteady, "SC405", "then"),
    ],
)
def test_faults_are_findings(target, code, text, check, by_code):
    """With a text that says what happened, and an input."""
    finding = by_code(check(target, "sigmoid"))[code]
    assert text in finding.text
    assert finding.asked
    assert finding.minimal.inputs["x"].size >= 1


def test_a_share_is_at_most_all_examples(check, by_code):
    """Halves of a block in which one example raises have each the same fault: the block counts once."""
    findings = by_code(check(narrow_or_raises, "sigmoid", dtypes="float64"))
    assert {"SC401", "SC403"} <= findings.keys()
    assert all(0 < finding.share <= 1 for finding in findings.values())


def test_to_refuse_nan_is_a_note(check, by_code):
    """A check of its own hides no NaN, and refuses no number."""
    report = check(refuses_nan, "sigmoid")
    assert "SC401" not in by_code(report)
    assert "refuses NaN: ValueError: no NaN, please" in report.cells[0].notes


def test_the_same_target_unsteady_inside_the_gate_gets_a_note(check):
    """A last bit that wanders is no finding."""

    def wandering(x):
        return np.nextafter(sigmoid(x), x.dtype.type(2 * (next(CALLS) % 2)))

    report = check(wandering, "sigmoid")
    assert "answers differ from call to call, inside the gate" in report.cells[0].notes
    assert "SC405" not in {f.code for f in report.findings}


def test_no_answer_is_not_another_answer(check, by_code):
    """A target that raises now and then answers alike whenever it answers."""

    def sometimes(x):
        if next(CALLS) % 3 == 0 and x.size > 6:
            raise ValueError("not now")
        return sigmoid(x)

    report = check(sometimes, "sigmoid", rows=True)
    assert "SC401" in by_code(report)
    assert not [note for note in report.cells[0].notes if "call to call" in note]


def test_a_signal_is_a_note_unless_it_is_asked_for(check):
    """sigmoid(-1000) = 1 / (1 + exp(1000)) = 0 is right, through an overflow."""

    def textbook(x):
        return 1 / (1 + np.exp(-x))

    settings = {"regimes": ["huge"], "range": (-1e4, 1e4)}
    report, failing, ignoring = (
        check(textbook, "sigmoid", signals=s, **settings) for s in ("report", "fail", "ignore")
    )
    signals = [[f for f in r.findings if f.code == "SC501"] for r in (report, failing, ignoring)]
    assert [[False], [True], []] == [[f.asked for f in found] for found in signals]
    assert [True, False, True] == [r.ok for r in (report, failing, ignoring)]
    assert "overflow" in signals[0][0].text


def test_examples_of_ones_own_come_first(check, by_code):
    """They are judged before anything is drawn, whatever the effort."""
    seen = []

    def remembering(x):
        seen.append(np.array(x, copy=True))
        return sigmoid(x)

    mine = [np.array([1.25, -3.5]), np.array([0.125])]
    check(remembering, "sigmoid", examples=mine, max_examples=1)
    blocks = [x.ravel().tolist() for x in seen]
    first, second = blocks.index([1.25, -3.5]), blocks.index([0.125])
    assert first < second
    assert not any(len(b) == 64 for b in blocks[:first])


def test_an_example_of_ones_own_is_enough(check, by_code):
    """A failure that no regime reaches is found in it, and named so."""

    def off_at_one_point(x):
        return np.where(x == np.float32(0.2578125), 0.9, sigmoid(x)).astype(x.dtype)

    assert not check(off_at_one_point, "sigmoid", max_examples=20).findings
    report = check(off_at_one_point, "sigmoid", max_examples=20, examples=[np.array([0.5, 0.2578125])])
    assert ("your example",) == by_code(report)["SC201"].regimes
    assert [0.2578125] == by_code(report)["SC201"].minimal.inputs["x"].tolist()


def test_conventions_are_told(check):
    """What the target answers where nothing is judged."""

    def zeros_if_masked(x):
        top = np.where(np.isfinite(x), x, -1e30).max(axis=-1, keepdims=True)
        e = np.where(np.isneginf(x), 0, np.exp(x - top))
        total = e.sum(axis=-1, keepdims=True)
        return np.where(total > 0, e / np.where(total > 0, total, 1), 0)

    report = check(zeros_if_masked, specials="extended", max_examples=300)
    assert any(
        "row that is all -inf: not judged, the target answers zero" in n for n in report.cells[0].notes
    )


def test_undecided_elements_are_reported_and_not_passed(check, monkeypatch):
    """A gate of zero around a difference that no interval resolves: SC902, and the report is not ok."""
    from stabcheck import ops
    from stabcheck.ops.op import Argument, Gates, Op

    hopeless = Op(
        "hopeless",
        "elementwise",
        (Argument("x", "logits", ()),),
        lambda k, x: k.log(k.exp(x)) - x,
        (),
        gates=Gates(lambda k, c, y, x: 0 * y, underflow=0.0),
    )
    monkeypatch.setattr(ops, "_OPS", {**ops._OPS, "hopeless": hopeless})
    report = check(lambda x: x - x, hopeless, max_examples=1, regimes=["moderate"])
    cell = report.cells[0]
    assert cell.undecided == cell.judged > 0
    assert any(n.startswith("SC902 undecided") for n in cell.notes)
    assert not report.ok
    assert "undecided" in str(report)


def test_wider_results_are_noted(check):
    """float64 from float32: rounded once, then judged."""
    report = check(lambda x: sigmoid(x.astype(np.float64)), "sigmoid")
    assert ["SC903 wider: answers in float64, rounded once to float32"] == list(report.cells[0].notes)
    assert report.ok


def test_unknown_names_are_usage_errors(check):
    """Regimes, options and examples with missing arguments."""
    for settings in ({"regimes": ["clifs"]}, {"options": {"axis": 1}}):
        with pytest.raises(UsageError):
            check(sigmoid, "sigmoid", **settings)


def lse(x, top):
    m = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        return m[..., 0] + np.log(np.exp(x - m).sum(axis=-1))


def test_rows_without_a_class(check):
    """Under specials=extended: the logarithm of nothing is -inf; who takes no such rows is not blamed."""
    full = lambda x: lse(x, x.max(axis=-1, keepdims=True, initial=-np.inf))  # noqa: E731
    zero = lambda x: full(x) if x.shape[-1] else np.zeros(x.shape[:-1], x.dtype)  # noqa: E731
    raising = lambda x: lse(x, x.max(axis=-1, keepdims=True))  # noqa: E731
    asked = {"specials": "extended", "regimes": ("moderate", "empty"), "max_examples": 60}

    assert check(full, "logsumexp", **asked).ok
    refused = check(raising, "logsumexp", **asked)
    assert refused.ok
    assert "does not take rows without a class" in refused.cells[0].notes
    found = check(zero, "logsumexp", **asked).findings[0]
    assert ("SC104", (0,), -np.inf) == (found.code, found.minimal.inputs["x"].shape, found.minimal.expected)
    for op in ("softmax", "log_softmax"):
        assert check(lambda x: x * 0, op, specials="extended", regimes=("empty",)).ok
