"""Two reports compared: what is better, worse, new, gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from io import StringIO

import pytest

from stabcheck.errors import UsageError
from stabcheck.findings import Report
from stabcheck.reports.compare import FAIL_ON, KINDS, Comparison, compare, show
from stabcheck.reports.terminal import make_console

Samples = Callable[[], Mapping[str, Report]]


def count(comparison: Comparison) -> dict[str, int]:
    return {kind: len(comparison.of(kind)) for kind in KINDS if comparison.of(kind)}


def failing_words(comparison: Comparison) -> list[str]:
    return [word for word in FAIL_ON if comparison.fails(word)]


def test_a_report_is_no_worse_than_itself(samples: Samples) -> None:
    """Nothing changed, nothing fails; every cell and finding is there."""
    for report in samples().values():
        comparison = compare(report, report)

        assert set(count(comparison)) <= {"unchanged"}
        assert failing_words(comparison) == []
        assert not comparison.fails(None)


def test_a_lower_grade_is_worse_and_its_finding_new(catalogue: Report, surprising: Report) -> None:
    """Both directions: what is worse one way is better the other way."""
    there, back = compare(catalogue, surprising), compare(surprising, catalogue)

    changed = [kind for kind in KINDS if kind != "unchanged"]
    assert {"worse": 1, "new": 1, "better": 1, "gone": 1} == {k: len(there.of(k)) for k in changed}
    assert [c.text for c in there.of("worse")] == ["accurate -> robust"]
    assert [c.text for c in back.of("better")] == ["robust -> accurate"]
    assert failing_words(there) == ["new", "worse", "any"]


def test_mended_and_missing_cells_fail_only_on_any(failing: Report) -> None:
    """A cell that is not there any more is gone, not better; both fail on any change only."""
    comparison = compare(failing, replace(failing, cells=failing.cells[1:]))

    assert len(comparison.of("gone")) == 1
    assert comparison.of("better") == ()
    assert failing_words(comparison) == ["any"]


def changed(report: Report, **changes: object) -> Report:
    """The report with its first finding changed."""
    first, *cells = report.cells
    finding = replace(first.findings[0], **changes)
    return replace(report, cells=(replace(first, findings=(finding,)), *cells))


@pytest.mark.parametrize(
    ("onset", "kind"), [(709.8, "unchanged"), (400.0, "unchanged"), (300.0, "worse"), (1500.0, "better")]
)
def test_onsets_count_beyond_a_factor_of_two(failing: Report, onset: float, kind: str) -> None:
    """Another seed moves an onset a little; clearly closer to zero is worse."""
    comparison = compare(failing, changed(failing, onset=onset))

    assert [c.kind for c in comparison.changes if c.code == "SC101 nan"].count(kind) >= 1
    assert comparison.fails("worse") == (kind == "worse")
    assert comparison.fails("any") == (kind != "unchanged")
    assert not comparison.fails("new")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [(10.0, 39.0, "unchanged"), (10.0, 41.0, "worse"), (41.0, 10.0, "better"), (0.01, 0.9, "unchanged")],
)
def test_ratios_count_beyond_a_factor_of_four(failing: Report, old: float, new: float, kind: str) -> None:
    """4 x max(1/4, old), as in the gate: what lies inside the op's own gate never counts."""
    worst = failing.cells[0].findings[0].worst
    before, after = (changed(failing, worst=replace(worst, ratio=r), minimal=worst) for r in (old, new))

    comparison = compare(before, after)

    assert comparison.fails("worse") == (kind == "worse")
    assert comparison.fails("any") == (kind != "unchanged")


def test_n_a_is_neither_better_nor_worse(passing: Report) -> None:
    """A cell that cannot be judged any more is gone; one that can be judged now is new."""
    first, *rest = passing.cells
    broken = replace(passing, cells=(replace(first, state="n/a", reason="raises"), *rest))

    assert {"gone": 1, "unchanged": 3} == count(compare(passing, broken))
    assert {"new": 1, "unchanged": 3} == count(compare(broken, passing))
    assert not compare(broken, passing).fails("new")


def test_an_unknown_word_is_a_usage_error(passing: Report) -> None:
    """With the nearest match."""
    with pytest.raises(UsageError, match="Did you mean 'worse'"):
        compare(passing, passing).fails("wors")


def test_it_is_shown_kind_by_kind_with_the_verdict_last(catalogue: Report, surprising: Report) -> None:
    """Unchanged cells only when everything is asked for."""
    for everything in (False, True):
        stream = StringIO()

        show(compare(catalogue, surprising), make_console(file=stream, color="never"), everything)

        lines = stream.getvalue().splitlines()
        assert lines[0] == "worse (1)"
        assert lines[-1].startswith("WORSE: 1 worse, 1 new, 1 better, 1 gone")
        assert any(line.startswith("unchanged") for line in lines) == everything
