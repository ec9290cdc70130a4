"""The catalogue of rewrites: every op has one, every snippet runs and is better than what it replaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import stabcheck
from stabcheck import ops
from stabcheck.explain.fixes import GENERAL, function_of, propose, rewrites, verified
from stabcheck.explain.grading import graded
from stabcheck.findings import Grade
from stabcheck.formats import FORMATS

ALL = [(op, rewrite) for op in ops.names() for rewrite in rewrites(op)]


def grade(function: Any, op: str, dtypes: tuple[str, ...], examples: int = 40) -> str:
    report = stabcheck.check(function, op, dtypes=dtypes, max_examples=examples, max_classes=64)
    return str(report.grade)


def test_every_op_has_a_rewrite() -> None:
    """No op of the catalogue is left without advice."""
    assert [] == [op for op in ops.names() if not rewrites(op)]


@pytest.mark.parametrize(
    ("op", "rewrite"), ALL, ids=lambda v: v if isinstance(v, str) else v.title.replace(" ", "-")[:30]
)
def test_snippet_is_stable(op: str, rewrite: Any) -> None:
    """What is proposed reaches at least `stable` in a format for which it is proposed."""
    dtype = "float16" if rewrite.formats else "float32"
    reached = grade(function_of(rewrite.snippet), op, (dtype,), 25)
    assert Grade[reached.upper()] >= Grade.STABLE


@pytest.mark.slow
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("op", ops.names())
def test_proposal_is_stable_in_every_format(op: str, dtype: str) -> None:
    """Whatever the cause, what is proposed for a format is `stable` there, over many examples."""
    for cause in ("overflow", "absorption"):
        fix = propose(op, cause, dtype)
        assert fix is not None
        reached = grade(function_of(fix.snippet), op, (dtype,), 200)
        assert Grade[reached.upper()] >= Grade.STABLE, (fix.title, reached)


@pytest.mark.parametrize("rewrite", rewrites(GENERAL), ids=lambda r: r.title)
def test_general_snippet_runs(rewrite: Any) -> None:
    """Rewrites that belong to no op run, and give finite numbers."""
    function = function_of(rewrite.snippet)
    arguments = [np.float32([0.25, 0.5])] * function.__code__.co_argcount
    assert np.isfinite(function(*arguments)).all()


def test_small_formats_get_float32_sums() -> None:
    """In float16 the softmax that is proposed sums in float32, in float64 it does not."""
    half, double = propose("softmax", "overflow", "float16"), propose("softmax", "overflow", "float64")
    assert half is not None
    assert double is not None
    assert "float32" in half.snippet
    assert "float32" not in double.snippet


def test_safe_range_comes_from_the_format() -> None:
    """The range of the present code is that of exp in its format, rounded down."""
    fix = propose("softmax", "overflow", "float32")
    assert fix is not None
    assert fix.safe_range.endswith("(the present code: finite for max(x) <= 88.72 in float32)")


def test_absorption_prefers_log1p() -> None:
    """A lost tail of log-sum-exp is answered with log1p, an overflow with the plain shift."""
    lost, over = propose("logsumexp", "absorption", "float64"), propose("logsumexp", "overflow", "float64")
    assert lost is not None
    assert over is not None
    assert "log1p" in lost.snippet
    assert "log1p" not in over.snippet


def test_unknown_op_falls_back_on_general_advice() -> None:
    """A user's own op gets the rewrite that fits the cause, or none."""
    fix = propose("my_own_op", "zero-times-inf", "float32", line="p * np.log(p)")
    assert fix is not None
    assert "xlogy" in fix.title
    assert propose("my_own_op", "unknown", "float32") is None


@pytest.mark.parametrize(
    ("cause", "of_use", "of_no_use"),
    [
        (
            "cancellation",
            ["np.exp(x) - 1", "1.0 - torch.exp(-x)"],
            ["a - b", "np.expm1(r) - r", "1 - s", "u + 1"],
        ),
        ("absorption", ["np.log(1 + e)"], ["x + 1e-9"]),
        ("zero-times-inf", ["p * np.log(p)", "p * (torch.log(p) - log_q)"], ["d * d * np.expm1(x)"]),
        (
            "clipping",
            ["np.clip(p, eps, 1)", "p.clamp(min=1e-6)", "np.log(np.maximum(p, eps))"],
            ["np.log(p + 1e-8)"],
        ),
    ],
)
def test_general_advice_is_about_the_line(cause: str, of_use: list[str], of_no_use: list[str]) -> None:
    """A rewrite is proposed where the guilty line has what it rewrites."""
    for line in of_use:
        assert propose("my_own_op", cause, "float32", line=line) is not None, line
    for line in of_no_use:
        assert propose("my_own_op", cause, "float32", line=line) is None, line


def test_a_fix_stands_the_options_too() -> None:
    """A snippet that does not know label smoothing is none for who asked for it."""
    plain = propose("cross_entropy", "overflow", "float32", check=graded)
    assert plain is not None
    assert plain.grade in ("stable", "accurate")
    assert (
        propose("cross_entropy", "overflow", "float32", check=graded, options={"label_smoothing": 0.1})
        is None
    )


def test_the_range_of_the_present_code_is_its_own() -> None:
    """An overflow that begins far beyond the cliff of exp is not that of exp."""
    fix = propose("softmax", "overflow", "float32", onset=1e30)
    assert fix is not None
    assert "fails from magnitude 1e+30" in fix.safe_range


def test_verified_carries_the_grade() -> None:
    """A fix is shown with the grade that its own snippet reached."""
    fix = propose("softplus", "absorption", "float32")
    assert fix is not None
    assert verified(fix, "softplus", ("float32",), graded).grade in ("stable", "accurate")


def test_a_fix_that_does_not_help_is_not_proposed() -> None:
    """The plain shift is NaN on a row that is all -inf; the next rewrite stands it."""
    masked = {"x": np.float32([-np.inf])}
    plain = propose("logsumexp", "inf-minus-inf", "float32", check=graded)
    fix = propose("logsumexp", "inf-minus-inf", "float32", check=graded, example=masked)
    assert plain is not None
    assert fix is not None
    assert "where it is finite" in fix.title != plain.title
    assert graded(function_of(plain.snippet), "logsumexp", ("float32",), masked) == "unstable"
