"""Broken functions for ops that people declare themselves are found; their fixes stay silent."""

import importlib.util
from pathlib import Path

import pytest

import stabcheck
from stabcheck import ops

FUNCTIONS = Path(__file__).parent / "functions" / "own_ops.py"
ALL = ("float64", "float32", "float16", "bfloat16")

#: (op, broken, codes of which one must show, fixed)
PAIRS = [
    ("row_variance", "variance_by_squares", "SC201", "variance_in_two_passes"),
    ("cosine_similarity", "cosine_unscaled", "SC101 SC102 SC103", "cosine_scaled"),
    ("log_mean_exp", "log_mean_exp_plain", "SC102", "log_mean_exp_shifted"),
    ("policy_entropy", "policy_entropy_of_probabilities", "SC101", "policy_entropy_of_logits"),
    ("weighted_log_sum_exp", "weighted_plain", "SC101 SC102", "weighted_shifted"),
    ("mish", "mish_textbook", "SC103 SC201", "mish_by_softplus"),
    ("area_hyperbolic_sine", "asinh_textbook", "SC102", "asinh_of_the_library"),
    ("soft_hinge", "hinge_by_parts", "SC101 SC102 SC201", "hinge_by_margin"),
]


@pytest.fixture(scope="module")
def functions():
    """The module of functions; the ops that it declares are forgotten afterwards."""
    ops.names()
    known = dict(ops._OPS)
    spec = importlib.util.spec_from_file_location("own_ops", FUNCTIONS)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    yield loaded
    ops._OPS.clear()
    ops._OPS.update(known)


def asked(functions, op, name, dtypes, examples):
    """The codes that count, per format, in cells that were all judged and decided."""
    report = stabcheck.check(
        getattr(functions, name), getattr(functions, op), dtypes=dtypes, max_examples=examples, name=name
    )
    assert [cell.state for cell in report.cells] == ["judged"] * len(dtypes)
    assert all(cell.undecided <= 0.001 * cell.judged for cell in report.cells), str(report)
    return {cell.dtype: {finding.code for finding in cell.findings if finding.asked} for cell in report.cells}


def told_apart(functions, pair, dtypes, examples):
    op, broken, codes, fixed = pair
    found = asked(functions, op, broken, dtypes, examples)
    assert all(found[dtype] & set(codes.split()) for dtype in dtypes), found
    assert asked(functions, op, fixed, dtypes, examples) == {dtype: set() for dtype in dtypes}


@pytest.mark.quality
@pytest.mark.parametrize("place", range(len(PAIRS)), ids=lambda place: PAIRS[place][0])
def test_told_apart(functions, place):
    """One format each, so that together they cover all."""
    told_apart(functions, PAIRS[place], (ALL[place % len(ALL)],), 300)


@pytest.mark.quality
@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_told_apart_in_all_formats(functions, pair):
    """At the default effort."""
    told_apart(functions, pair, ALL, 1000)
