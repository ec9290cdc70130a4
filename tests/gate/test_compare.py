"""What the gate says about a run: worse, known, better, not looked at."""

import math
from datetime import date

import pytest

from stabcheck.findings import Grade
from stabcheck.gate import Baseline, compare, mark, update


@pytest.fixture
def recorded(made):
    """The baseline of a report."""

    def record(*cells):
        return update(Baseline(), made.report(*cells), platform=made.platform)

    return record


@pytest.fixture
def gate(made):
    """Compare a run of these cells with a baseline, on the usual platform and day."""

    def judge(baseline, *cells, **changes):
        usual = {"platform": made.platform, "today": made.today}
        return compare(made.report(*cells), baseline, **{**usual, **changes})

    return judge


def kinds(changes):
    return [(c.kind, c.code, c.cell[0]) for c in changes]


# -- the same, worse, better: one function of several changes ---------------------------------------


def test_the_same_run_again_is_clean(made, recorded, gate):
    """Everything known, nothing worse, nothing better, nothing unobserved."""
    nan = made.finding("SC101", math.inf, target="m:h")
    cells = (made.cell(made.finding()), made.cell(target="m:g"), made.cell(nan, target="m:h"))
    result = gate(recorded(*cells), *cells)
    assert result.ok
    assert {c.id for cell in cells for c in cell.findings} == set(result.known)
    assert ((), (), "") == (result.better, result.unobserved, result.note)
    assert () == result.lines()


def test_a_new_finding_fails_alone(made, recorded, gate):
    """Grade and ratio of the cell fall with it, and are not counted a second time."""
    before = (made.cell(), made.cell(target="m:g"), made.cell(made.finding(target="m:h"), target="m:h"))
    worse = made.cell(made.finding("SC102", 1e6))
    result = gate(recorded(*before), worse, *before[1:])
    assert [("new", "SC102", "m:f")] == kinds(result.failures)
    assert () == result.better


def test_a_finding_in_a_cell_without_record_is_new(made, recorded, gate):
    """A function that is not in the baseline yet."""
    result = gate(recorded(made.cell()), made.cell(), made.cell(made.finding(target="m:new"), target="m:new"))
    assert [("new", "SC201", "m:new")] == kinds(result.failures)


def test_a_mended_function_passes_and_says_so(made, recorded, gate):
    """One line for the finding; the better grade and ratio of its cell go without saying."""
    broken = made.cell(made.finding())
    other = made.cell(target="m:g")
    result = gate(recorded(broken, other), made.cell(), other)
    assert result.ok
    assert [("fixed", "SC201", "m:f")] == kinds(result.better)
    assert "fixed" in result.lines()[0]


# -- ratios ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "fails"),
    [
        (9.0, 36.0, False),
        (9.0, 36.1, True),
        (9.0, math.inf, True),
        (math.inf, math.inf, False),
        (math.inf, 9.0, False),
        (0.01, 1.0, False),
        (0.01, 1.01, True),
    ],
)
def test_a_cell_fails_beyond_four_times_its_ratio(made, recorded, gate, before, now, fails):
    """The limit is 4 x max(1/4, recorded), the limit itself allowed; the largest finding is blamed."""
    small = made.finding("SC202", 0.001, asked=False)
    baseline = recorded(made.cell(made.finding(ratio=before), small, max_ratio=before))
    result = gate(baseline, made.cell(made.finding(ratio=now), small, max_ratio=now))
    assert ([("ratio", "SC201", "m:f")] if fails else []) == kinds(result.failures)
    assert {small.id, *([] if fails else [made.finding().id])} == set(result.known)


def test_ten_times_less_accurate_but_finite_fails(made, recorded, gate):
    """Within its gate before, beyond it now: a new finding, and nothing else."""
    result = gate(recorded(made.cell(max_ratio=0.38)), made.cell(made.finding(ratio=3.8)))
    assert [("new", "SC201", "m:f")] == kinds(result.failures)


def test_a_ratio_without_a_finding_fails_by_itself(made, recorded, gate):
    """As with a gate factor: recorded 0.2, so the limit is 1."""
    baseline = recorded(made.cell(max_ratio=0.2))
    assert gate(baseline, made.cell(max_ratio=1.0)).ok
    assert [("ratio", "", "m:f")] == kinds(gate(baseline, made.cell(max_ratio=1.2)).failures)


def test_a_failure_without_size_is_larger_than_any_ratio(made, recorded, gate):
    """A known exception beside a known inaccuracy is the one that is blamed."""
    cell = made.cell(made.finding("SC401", math.nan), made.finding("SC201", 5.0), max_ratio=math.inf)
    baseline = recorded(made.cell(*cell.findings, max_ratio=5.0))
    assert [("ratio", "SC401", "m:f")] == kinds(gate(baseline, cell).failures)


def test_a_ratio_is_judged_by_its_own_platform(made, recorded, gate):
    """Another machine's larger number excuses nothing where there is one of our own."""
    here = recorded(made.cell(made.finding(ratio=2.0)))
    both = update(here, made.report(made.cell(made.finding(ratio=100.0))), platform="darwin-arm64-numpy2")
    now = made.cell(made.finding(ratio=50.0))
    assert not gate(both, now).ok
    assert gate(both, now, platform="darwin-arm64-numpy2").ok


def test_a_new_platform_is_judged_by_the_largest_and_told(made, recorded, gate):
    """Explicit: the note names the platforms whose numbers were used and what to do."""
    baseline = recorded(made.cell(made.finding(ratio=2.0)))
    result = gate(baseline, made.cell(made.finding(ratio=7.0)), platform="linux-riscv64-numpy3")
    assert result.ok
    assert "linux-riscv64-numpy3" in result.note
    assert made.platform in result.note
    assert "--baseline-update" in result.note
    assert not gate(baseline, made.cell(made.finding(ratio=9.0)), platform="linux-riscv64-numpy3").ok


# -- onset, grade, expiry --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "now", "fails"),
    [(88.7, 80.0, False), (88.7, 44.0, True), (88.7, 700.0, False), (None, 1.0, False), (88.7, None, False)],
)
def test_an_onset_clearly_closer_to_zero_fails(made, recorded, gate, before, now, fails):
    """Below half of the recorded one; unknown onsets say nothing."""
    baseline = recorded(made.cell(made.finding("SC102", onset=before)))
    result = gate(baseline, made.cell(made.finding("SC102", onset=now)))
    assert ([("onset", "SC102", "m:f")] if fails else []) == kinds(result.failures)


def test_onsets_that_belong_to_an_example_are_not_judged(made, recorded, gate):
    """Where an inaccuracy begins depends on the example that was found minimal."""
    baseline = recorded(made.cell(made.finding("SC201", onset=128.0)))
    assert gate(baseline, made.cell(made.finding("SC201", onset=0.5))).ok


def test_a_known_finding_that_is_not_asked_for_is_left_alone(made, recorded, gate):
    """Neither its onset nor its expiry fails a run that did not ask for it."""
    baseline = recorded(made.cell(made.finding("SC102")))
    unasked = made.finding("SC102", onset=1.0, asked=False)
    assert gate(baseline, made.cell(unasked)).ok


def test_a_grade_that_fell_fails_although_its_finding_was_not_asked_for(made, recorded, gate):
    """Recorded accurate, now SC202 at level stable: the finding that lowers it is blamed."""
    unasked = made.finding("SC202", 0.5, asked=False)
    result = gate(recorded(made.cell()), made.cell(unasked))
    assert [("grade", "SC202", "m:f")] == kinds(result.failures)
    assert "accurate to stable" in result.failures[0].text


def test_only_what_lowers_the_grade_is_blamed_for_it(made, recorded, gate):
    """Of three findings nobody asked for, the one at the lowest level; asked ones speak for themselves."""
    unasked = [made.finding(code, 0.5, asked=False) for code in ("SC201", "SC202", "SC203")]
    result = gate(recorded(made.cell()), made.cell(*unasked))
    assert [("grade", "SC201", "m:f")] == kinds(result.failures)
    result = gate(recorded(made.cell()), made.cell(*unasked, made.finding("SC102", 0.5)))
    assert [("new", "SC102", "m:f")] == kinds(result.failures)


def test_an_unasked_finding_below_the_recorded_grade_is_no_news(made, recorded, gate):
    """The cell is robust already; a new SC202 that nobody asked for changes no grade."""
    known = made.finding("SC201")
    more = made.finding("SC202", 0.5, asked=False)
    assert gate(recorded(made.cell(known)), made.cell(known, more)).ok


def test_a_declared_defect_of_the_catalogue_is_not_new(made, recorded, gate):
    """An implementation that is no worse than it declares fails nothing."""
    planted = made.cell(made.finding("SC101", math.inf, target="naive"), target="naive", declared=Grade(0))
    assert gate(recorded(made.cell()), made.cell(), planted).ok


@pytest.mark.parametrize(("expires", "fails"), [("2026-06-01", False), ("2026-05-31", True)])
def test_an_entry_excuses_until_the_end_of_its_day(made, recorded, gate, expires, fails):
    """From the next day on the finding counts again."""
    cell = made.cell(made.finding())
    baseline = recorded(cell)
    (entry,) = baseline.entries.values()
    dated = Baseline(
        {entry.id: type(entry)(**{**vars(entry), "expires": date.fromisoformat(expires)})}, baseline.cells
    )
    result = gate(dated, cell)
    assert ([("expired", "SC201", "m:f")] if fails else []) == kinds(result.failures)
    assert fails == (cell.findings[0].id not in result.known)


# -- better ----------------------------------------------------------------------------------------


def test_a_later_onset_is_reported(made, recorded, gate):
    """As clearly as would fail the other way round."""
    result = gate(recorded(made.cell(made.finding("SC102"))), made.cell(made.finding("SC102", onset=500.0)))
    assert result.ok
    assert [("onset", "SC102", "m:f")] == kinds(result.better)


def test_a_smaller_ratio_is_reported(made, recorded, gate):
    """Nine to two is more than four times; nine to three is what a seed may do."""
    baseline = recorded(made.cell(made.finding(ratio=9.0)))
    assert [("ratio", "", "m:f")] == kinds(gate(baseline, made.cell(made.finding(ratio=2.0))).better)
    assert () == gate(baseline, made.cell(made.finding(ratio=3.0))).better


def test_a_better_grade_is_reported_at_the_recorded_effort_only(made, recorded, gate):
    """A tenth of the examples proves no better grade."""
    unasked = made.finding("SC202", 0.5, asked=False, share=0.001)
    baseline = recorded(made.cell(unasked))
    assert ["grade"] == [c.kind for c in gate(baseline, made.cell()).better]
    assert () == gate(baseline, made.cell(examples=100)).better


# -- not looked at ---------------------------------------------------------------------------------


def test_what_was_not_run_is_unobserved(made, recorded, gate):
    """Another target, a format that became n/a, an interrupted or narrowed run: not fixed, not failed."""
    baseline = recorded(made.cell(made.finding()), made.cell(made.finding(target="m:g"), target="m:g"))
    other = made.cell(target="m:h")
    absent = made.cell(state="n/a", reason="no float32")
    for result in (
        gate(baseline, other, absent),
        gate(baseline, made.cell(), made.cell(target="m:g"), narrowed=True),
        compare(
            made.report(made.cell(), made.cell(target="m:g"), interrupted=True),
            baseline,
            platform=made.platform,
            today=made.today,
        ),
    ):
        assert result.ok
        assert () == result.better
        assert {"m:f", "m:g"} == {entry.target for entry in result.unobserved}
        assert "not observed in this run: 2" in result.lines()[-1]


@pytest.mark.parametrize(("examples", "fixed"), [(1000, False), (7999, False), (8000, True)])
def test_a_rare_finding_is_fixed_only_when_it_would_have_shown(made, recorded, gate, examples, fixed):
    """One example in a thousand showed it: a thousand clean ones prove nothing."""
    baseline = recorded(made.cell(made.finding(share=0.001)))
    result = gate(baseline, made.cell(examples=examples))
    assert fixed == any(c.kind == "fixed" for c in result.better)
    assert fixed == (not result.unobserved)


def test_a_replayed_finding_that_does_not_show_is_fixed(made, recorded, gate):
    """Its own stored input was run again; no chance is left, narrowed run or not."""
    rare = made.finding(share=0.0)
    result = gate(recorded(made.cell(rare)), made.cell(), replayed={rare.id}, narrowed=True)
    assert [("fixed", "SC201", "m:f")] == kinds(result.better)


# -- marks -----------------------------------------------------------------------------------------


def test_marks_decide_what_counts(made, recorded, gate):
    """Known findings are no longer asked and carry the reason; what got worse is, and says why."""
    fine = made.finding("SC103", 3.0)
    worse = made.finding("SC201", 9.0)
    baseline = recorded(made.cell(fine, worse, max_ratio=9.0))
    now = made.cell(fine, made.finding("SC201", 99.0, asked=False, text="rows sum to 1.2"))
    report = made.report(now, notes=("a note",))
    result = gate(baseline, now)
    marked = mark(report, result)
    assert ["SC201"] == [f.code for f in marked.asked]
    assert "rows sum to 1.2; ratio 99, recorded 9 (limit 36)" == marked.asked[0].text
    assert ["", "recorded in the baseline"] == sorted(f.known for f in marked.findings)
    assert ("a note", *result.lines()) == marked.notes
    assert not marked.ok


def test_a_report_of_known_findings_is_ok(made, recorded, gate):
    """Exit code 0: only what the baseline knows."""
    cell = made.cell(made.finding())
    assert not made.report(cell).ok
    assert mark(made.report(cell), gate(recorded(cell), cell)).ok
