"""The gate as a door uses it: when the file is read, when it is written, and when it is not."""

import math
from dataclasses import replace
from datetime import date

import pytest

from stabcheck.engine.request import Request
from stabcheck.errors import UsageError
from stabcheck.findings import Grade
from stabcheck.gate import Baseline, Gate, narrowed, platform_key, prune, read, update, write
from stabcheck.gate.compare import compare


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stabcheck-baseline.json"


def close(gate, report, made, **changes):
    return gate.close(report, today=made.today, platform=made.platform, **changes)


def test_a_run_with_update_records_and_passes(made, path):
    """Created when missing and asked for; what is recorded now is known now."""
    report = made.report(made.cell(made.finding()))
    marked, result = close(Gate.open(path, updating=True), report, made)
    assert marked.ok
    assert result.ok
    assert {report.findings[0].id} == set(read(path).entries)


def test_without_update_the_file_is_never_written(made, path):
    """Neither worse nor better results touch it."""
    close(Gate.open(path, updating=True), made.report(made.cell(made.finding())), made)
    before = path.read_bytes()
    for cell in (made.cell(made.finding("SC101", math.inf)), made.cell(), made.cell(made.finding(ratio=1.5))):
        close(Gate.open(path), made.report(cell), made)
        assert before == path.read_bytes()


def test_a_missing_baseline_without_update_is_a_usage_error(path):
    """Before anything runs."""
    with pytest.raises(UsageError, match="does not exist"):
        Gate.open(path)


@pytest.mark.parametrize("options", [{}, {"updating": True}, {"pruning": True}])
def test_a_damaged_baseline_stops_every_run_and_stays(path, options):
    """An update never replaces what it could not read."""
    path.write_text("{")
    with pytest.raises(UsageError, match="left as it is"):
        Gate.open(path, **options)
    assert "{" == path.read_text()


def test_an_interrupted_run_writes_nothing(made, path):
    """Neither update nor prune, neither a new file nor an old one."""
    half = made.report(made.cell(), interrupted=True)
    close(Gate.open(path, updating=True), half, made)
    assert not path.exists()
    close(Gate.open(path, updating=True), made.report(made.cell(made.finding())), made)
    before = path.read_bytes()
    close(Gate.open(path, updating=True, pruning=True), half, made)
    assert before == path.read_bytes()


def test_update_keeps_what_is_written_by_hand(made, path):
    """Reason and expiry survive, and so do entries that this run did not see."""
    old, gone = made.finding(), made.finding(target="m:other")
    close(
        Gate.open(path, updating=True), made.report(made.cell(old), made.cell(gone, target="m:other")), made
    )
    baseline = read(path)
    noted = replace(baseline.entries[old.id], reason="waiting for #12", expires=date(2027, 1, 1))
    write(Baseline({**baseline.entries, old.id: noted}, baseline.cells), path)
    worse = made.report(made.cell(made.finding(ratio=500.0), made.finding("SC102", 7.0)))
    close(Gate.open(path, updating=True), worse, made)
    after = read(path)
    assert ("waiting for #12", date(2027, 1, 1)) == (
        after.entries[old.id].reason,
        after.entries[old.id].expires,
    )
    assert 500.0 == after.cells[after.entries[old.id].cell].ratios[made.platform]
    assert {old.id, gone.id, made.finding("SC102").id} == set(after.entries)


def test_an_expired_entry_fails_even_an_update(made, path):
    """A date is removed by hand or not at all."""
    report = made.report(made.cell(made.finding()))
    close(Gate.open(path, updating=True), report, made)
    baseline = read(path)
    ((id_, entry),) = baseline.entries.items()
    write(Baseline({id_: replace(entry, expires=date(2020, 1, 1))}, baseline.cells), path)
    marked, result = close(Gate.open(path, updating=True), report, made)
    assert ["expired"] == [change.kind for change in result.failures]
    assert not marked.ok


def test_update_does_not_forget_and_prune_does(made, path):
    """Fixed findings go with --baseline-prune, unobserved ones stay."""
    fixed, unseen = made.finding(), made.finding(target="m:other")
    both = made.report(made.cell(fixed), made.cell(unseen, target="m:other"))
    close(Gate.open(path, updating=True), both, made)
    mended = made.report(made.cell())
    close(Gate.open(path, updating=True), mended, made)
    assert {fixed.id, unseen.id} == set(read(path).entries)
    _, result = close(Gate.open(path, pruning=True), mended, made)
    assert {unseen.id} == set(read(path).entries)
    assert ["fixed"] == [change.kind for change in result.better if change.code]


def test_after_update_and_prune_the_old_defect_is_new_again(made, path):
    """A mended function does not stay excused."""
    broken, mended = made.report(made.cell(made.finding())), made.report(made.cell())
    close(Gate.open(path, updating=True), broken, made)
    close(Gate.open(path, updating=True, pruning=True), mended, made)
    marked, _ = close(Gate.open(path), broken, made)
    assert not marked.ok


def test_what_a_seed_moves_does_not_move_the_file(made, path):
    """Ratios, onsets and shares of twenty seeds: no failure, and an update writes the same bytes."""
    first = made.report(made.cell(made.finding()), made.cell(target="m:g", max_ratio=0.2))
    close(Gate.open(path, updating=True), first, made)
    before = path.read_bytes()
    for seed in range(20):
        factor = 0.8 + 0.02 * seed
        finding = made.finding(ratio=9.0 * factor, onset=88.73 * (1 + 0.002 * seed), share=0.25 * factor)
        again = made.report(made.cell(finding), made.cell(target="m:g", max_ratio=0.2 * factor))
        marked, result = close(Gate.open(path, updating=True), again, made)
        assert marked.ok
        assert () == result.better
        assert before == path.read_bytes()


def test_less_effort_does_not_record_a_better_grade(made):
    """A hundred examples that missed a rare finding prove nothing about a thousand."""
    full = made.report(made.cell(made.finding(share=0.001)))
    quick = made.report(made.cell(examples=100))
    baseline = update(Baseline(), full, platform=made.platform)
    (record,) = update(baseline, quick, platform=made.platform).cells.values()
    assert (Grade.ROBUST, 1000) == (record.grade, record.examples)


def test_notes_are_recorded_only_when_asked_for(made):
    """SC501 counts under --signals fail, and SC902 never."""
    notes = (made.finding("SC501", asked=True), made.finding("SC902", asked=False))
    baseline = update(Baseline(), made.report(made.cell(*notes)), platform=made.platform)
    assert ["SC501"] == [entry.code for entry in baseline.entries.values()]


def test_cells_that_were_not_judged_are_not_recorded(made):
    """n/a has no grade to hold anyone to."""
    report = made.report(made.cell(state="n/a", reason="no bfloat16"))
    assert Baseline() == update(Baseline(), report, platform=made.platform)


def test_pruning_an_interrupted_run_forgets_nothing(made):
    """What it did not show may just not have had its turn."""
    baseline = update(Baseline(), made.report(made.cell(made.finding())), platform=made.platform)
    half = made.report(made.cell(), interrupted=True)
    result = compare(half, baseline, platform=made.platform, today=made.today)
    assert baseline == prune(baseline, result)


def test_a_place_that_cannot_be_written_is_a_usage_error(made, tmp_path):
    """Told before the run; what changes until its end is told then: the run could not do its job."""
    path = tmp_path / "missing" / "b.json"
    with pytest.raises(UsageError, match="does not exist"):
        Gate.open(path, updating=True)
    path.parent.mkdir()
    gate = Gate.open(path, updating=True)
    path.parent.rmdir()
    with pytest.raises(UsageError, match="cannot write"):
        close(gate, made.report(made.cell()), made)


def test_the_platform_is_system_machine_and_numpy(monkeypatch):
    """Lower case, no versions but NumPy's major one."""
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.4.6")
    assert "linux-x86_64-numpy2" == platform_key()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"seed": 7, "max_examples": 10, "dtypes": ("float16",), "specials": "extended"}, False),
        ({"regimes": ("moderate",)}, True),
        ({"range": (-5.0, 5.0)}, True),
        ({"max_time": 1.0}, True),
        ({"max_classes": 8}, True),
        ({"specials": "finite"}, True),
        ({"signals": "ignore"}, True),
        ({"gate_factor": 10.0}, True),
    ],
)
def test_a_run_that_does_not_look_everywhere_is_narrowed(changes, expected):
    """Fewer examples are not in the list: they are counted against the share of each finding."""
    assert expected == narrowed([Request(), Request(**changes)])
