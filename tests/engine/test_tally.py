"""What a search has seen: counts, the distribution of errors, evidence."""

from collections import Counter

import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.engine import distribution
from stabcheck.engine.tally import Candidate, Tally
from stabcheck.engine.verdicts import decide
from stabcheck.findings import Cell
from stabcheck.oracle.ladder import Oracle
from stabcheck.strategies.block import Block, Recipe

FLOAT32 = formats.get("float32")
ORACLE = Oracle(ops.get("softmax"), FLOAT32, {})
NAMES = tuple(r.name for r in ORACLE.rungs)


def fed(tally, x, answers, regime="moderate", oracle=ORACLE):
    """Feed a block; returns the codes that were new."""
    block = Block((Recipe(regime, len(x), np.shape(x)[1], 0),), {"x": FLOAT32.round_array(x)})
    truth = oracle.truth(block.inputs)
    got = np.asarray(answers, dtype=np.float64)
    verdict = decide(oracle, block.inputs, truth, got)
    return tally.feed(block, truth, got, verdict, tuple(r.name for r in oracle.rungs))


def right(x):
    e = np.exp(np.asarray(x, dtype=np.float64) - np.max(x, axis=-1, keepdims=True))
    return FLOAT32.widen(FLOAT32.round_array(e / e.sum(axis=-1, keepdims=True)))


def test_counts():
    """Examples, elements judged and the rungs that decided them."""
    tally = Tally(FLOAT32)
    x = np.array([[0.0, 1.0], [2.0, 3.0], [-np.inf, -np.inf]])
    assert [] == fed(tally, x, np.concatenate([right(x[:2]), [[0.0, 1.0]]]))
    assert (3, 4, 0) == (tally.examples, tally.judged, tally.undecided)
    assert 4 == sum(tally.rungs.values())
    assert 0 < tally.errors.largest <= 0.5
    assert 0 < tally.max_ratio < 0.1


def test_evidence_keeps_the_smallest_and_the_worst():
    """By the number of inputs, by the ratio; new codes are told once."""
    tally = Tally(FLOAT32)
    wide, narrow = [[0.0, 1.0, 2.0]] * 2, [[0.0, 1.0]]
    assert ["SC201"] == fed(tally, wide, right(wide) * [[1.1], [1.2]], "gaps")
    assert [] == fed(tally, narrow, right(narrow) * 1.01, "offset")
    evidence = tally.evidence["SC201"]
    assert (3, {"gaps": 2, "offset": 1}) == (evidence.examples, dict(evidence.regimes))
    assert (2, "offset", 0) == (evidence.smallest.size, evidence.smallest.regime, evidence.smallest.row)
    assert (3, "gaps", 1) == (evidence.worst.size, evidence.worst.regime, evidence.worst.row)
    assert evidence.worst.ratio > evidence.smallest.ratio > 1
    assert 2 == len(evidence.worst.block["x"])


def test_a_copy_of_the_example_is_kept():
    """The block's arrays may be changed afterwards (a target that writes to its input)."""
    tally = Tally(FLOAT32)
    x = FLOAT32.round_array([[0.0, 1.0]])
    block = Block((Recipe("moderate", 1, 2, 0),), {"x": x})
    truth = ORACLE.truth(block.inputs)
    nan = np.full((1, 2), np.nan)
    tally.feed(block, truth, nan, decide(ORACLE, block.inputs, truth, nan), NAMES)
    x[:] = 7
    assert [0.0, 1.0] == tally.evidence["SC101"].smallest.inputs["x"].tolist()


def test_evidence_from_outside_the_judge():
    """True for a new code only."""
    tally = Tally(FLOAT32)
    candidate = Candidate({"x": np.zeros(2)}, (), np.inf, np.nan, "moderate", 0, {}, "ValueError: no")
    many = Counter({"gaps": 5})
    assert [True, False] == [tally.add("SC401", candidate), tally.add("SC401", candidate, many)]
    assert 6 == tally.evidence["SC401"].examples


def test_histogram_and_percentile():
    """Errors in ulps of normal results, in bins; P99 exact."""
    tally = Tally(FLOAT32)
    x = np.zeros((1000, 1))
    errors = np.zeros(1000)
    errors[:30] = [3] * 10 + [10] * 5 + [300] * 15
    fed(tally, x, 1 + errors[:, None] * 2.0**-23)
    counts = dict(zip((*Cell.HISTOGRAM_BINS, "more"), tally.errors.histogram, strict=True))
    assert {0.5: 970, 1: 0, 2: 0, 4: 10, 16: 5, 256: 0, 65536: 15, "more": 0} == counts
    assert [300, 300] == pytest.approx([tally.errors.largest, tally.errors.p99])


def test_percentile_stays_exact_over_many_blocks(monkeypatch):
    """Only the largest errors are kept, and they are enough."""
    monkeypatch.setattr(distribution, "KEPT", 40)
    rng = np.random.default_rng(0)
    tally, everything = Tally(FLOAT32), []
    for _ in range(20):
        errors = rng.integers(0, 1000, 200).astype(float)
        everything.append(errors)
        fed(tally, np.zeros((200, 1)), 1 + errors[:, None] * 2.0**-23)
    ordered = np.sort(np.concatenate(everything))[::-1]
    assert ordered[40] == pytest.approx(tally.errors.p99)


def test_subnormal_results_do_not_count_as_ulps():
    """They would drown the others."""
    tally = Tally(FLOAT32)
    x = [[0.0, -95.0]]
    wrong = right(x)
    wrong[0, 1] = 0
    fed(tally, x, wrong)
    assert tally.errors.largest <= 0.5
    assert 1 == sum(tally.errors.histogram)


def test_the_picture_has_the_worst_point_of_each_slice():
    """(logit, ulps, ratio), ordered along the axis; one number per row is placed at its largest logit."""
    tally = Tally(FLOAT32)
    fed(tally, [[1.0], [1.0001], [-50.0]], 1 + np.array([[1], [3], [2]]) * 2.0**-23)
    assert [-50.0, 2.0, 1.0001, 3.0] == pytest.approx([v for p in tally.profile.points for v in p[:2]])
    lse = Oracle(ops.get("logsumexp"), FLOAT32, {})
    rows = Tally(FLOAT32)
    fed(rows, [[-70.0, -90.0]], [-70.0], oracle=lse)
    assert [-90.0] == [p[0] for p in rows.profile.points]
