"""Identities, grades and the verdict of a report."""

import dataclasses

import numpy as np
import pytest

from stabcheck.findings import Cell, Counts, Example, Finding, Grade, Level, Report

EXAMPLE = Example({"x": np.array([89.0], dtype=np.float32)})


def finding(code: str, **changes: object) -> Finding:
    fields = {"op": "softmax", "target": "m:f", "dtype": "float32", "minimal": EXAMPLE, "worst": EXAMPLE}
    return Finding(code=code, **{**fields, **changes})


def cell(*codes: str, **changes: object) -> Cell:
    fields = {"target": "m:f", "op": "softmax", "dtype": "float32", "judged": 1000}
    return Cell(findings=tuple(finding(c) for c in codes), **{**fields, **changes})


@pytest.mark.parametrize(
    ("codes", "grade"),
    [
        ((), Grade.ACCURATE),
        (("SC501", "SC901", "SC902", "SC903"), Grade.ACCURATE),
        (("SC202",), Grade.STABLE),
        (("SC203", "SC202"), Grade.STABLE),
        (("SC201",), Grade.ROBUST),
        (("SC304",), Grade.ROBUST),
        (("SC202", "SC201"), Grade.ROBUST),
        (("SC101",), Grade.UNSTABLE),
        (("SC202", "SC405"), Grade.UNSTABLE),
    ],
)
def test_the_grade_is_the_highest_level_that_nothing_breaks(codes, grade):
    """Notes lower nothing; the lowest broken level decides."""
    assert grade is cell(*codes).grade


def test_the_grade_does_not_depend_on_what_was_asked():
    """A finding outside the level asked for still lowers the grade, and leaves the report ok."""
    quiet = Cell("m:f", "softmax", "float32", findings=(finding("SC202", asked=False),))
    assert Grade.STABLE is quiet.grade
    assert Report((quiet,)).ok


def test_a_cell_that_could_not_be_judged_has_no_grade():
    """n/a is not unstable, and does not pull the report down."""
    absent = cell(state="n/a", reason="no bfloat16")
    assert absent.grade is None
    assert Grade.ACCURATE is Report((cell(), absent)).grade
    assert Report((absent,)).grade is None


def test_the_grade_of_a_report_is_that_of_its_worst_cell():
    """Over all judged cells."""
    assert Grade.ROBUST is Report((cell(), cell("SC201"), cell("SC202"))).grade


def test_declared_grades_are_compared_both_ways():
    """Worse than declared, and a planted defect that was not found."""
    assert cell("SC201", declared=Grade.STABLE).worse_than_declared
    assert cell(declared=Grade.STABLE).better_than_declared
    assert not cell("SC202", declared=Grade.STABLE).worse_than_declared
    assert not cell("SC202", declared=Grade.STABLE).better_than_declared
    assert not cell("SC101").worse_than_declared


def test_the_identity_leaves_out_everything_that_a_seed_can_change():
    """Inputs, onset, share and text are no part of it; op, options, argument, target, dtype, code are."""
    base = finding("SC101")
    same = dataclasses.replace(
        base, onset=88.7, share=0.5, text="x", regimes=("huge",), asked=False, known="legacy",
        worst=Example({"x": np.array([1e38], dtype=np.float32)}),
    )  # fmt: skip
    assert base.id == same.id
    others = [
        dataclasses.replace(base, **{name: "other"})
        for name in ("op", "options", "argument", "target", "dtype")
    ]
    ids = {base.id, finding("SC102").id, *(f.id for f in others)}
    assert len(others) + 2 == len(ids)


def test_fields_of_an_identity_cannot_run_together():
    """("ab", "c") and ("a", "bc") are different findings."""
    assert finding("SC101", target="ab", dtype="c").id != finding("SC101", target="a", dtype="bc").id


def test_ids_never_change():
    """Committed baselines refer to them: this value is part of the contract."""
    assert finding("SC101").id == "528626c1b7"


def test_a_report_is_ok_without_asked_findings_and_with_few_undecided():
    """Up to 0.1 % undecided, the limit included."""
    assert Report((cell(undecided=1),)).ok
    assert not Report((cell(undecided=2),)).ok
    assert not Report((cell("SC101"),)).ok


def test_a_report_in_which_nothing_was_judged_is_not_ok():
    """No cell, or every cell n/a: as on the command line, which ends with 2."""
    assert not Report(()).ok
    assert not Report((cell(state="n/a"),)).ok
    assert Report((cell(), cell(state="n/a"))).ok


def test_findings_know_their_name_and_level():
    """Both come from the table of codes."""
    assert (finding("SC102").name, finding("SC102").level) == ("overflow", Level.ROBUST)
    assert finding("SC501").level is None


def test_counts_add_rung_by_rung():
    """A report's counts are the sum over its cells."""
    a, b = Counts({"balls": 3, "authority": 1}, 2, 1), Counts({"balls": 4, "doubles": 5}, 1, 0)
    expected = Counts({"balls": 7, "authority": 1, "doubles": 5}, 3, 1)
    assert expected == Report((cell(counts=a), cell(counts=b))).counts


def test_cells_are_grouped_by_op_in_planned_order():
    """Order of first appearance, not the alphabet's."""
    cells = (cell(op="softmax"), cell(op="entropy"), cell(op="softmax", dtype="float64"))
    groups = [(op, len(members)) for (op, _), members in Report(cells).by_op()]
    assert groups == [("softmax", 2), ("entropy", 1)]
