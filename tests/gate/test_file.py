"""The baseline's file: readable, stable, merge-friendly, and refused when it is anything else."""

import json
import math
from datetime import date

import pytest

from stabcheck.errors import UsageError
from stabcheck.findings import Grade
from stabcheck.gate import Baseline, CellRecord, Entry, read, write
from stabcheck.gate.file import dumps, loads

ENTRIES = (
    Entry("softmax", "axis=0", "", "m:f", "float16", "SC101", 11.1, 0.25, "legacy"),
    Entry("softmax_vjp", "", "logits", "a b.py:<g>", "bfloat16", "SC201", None, 0.5),
    Entry(
        "softmax", "", "", "m:f", "float32", "SC201", -88.5, 0.0, 'kept "so"\n', date(2026, 12, 31)
    ),
)  # fmt: skip

BASELINE = Baseline(
    {entry.id: entry for entry in ENTRIES},
    {
        ("m:f", "softmax", "axis=0", "float16"): CellRecord(Grade.UNSTABLE, 1000, {"linux": math.inf}),
        ("m:f", "softmax", "", "float32"): CellRecord(Grade.ROBUST, 500, {"linux": 9.5, "mac": 0.125}),
        ("a b.py:<g>", "softmax_vjp", "", "bfloat16"): CellRecord(Grade.STABLE, 0, {}),
    },
)


def test_a_baseline_comes_back(tmp_path):
    """Through the file, every field."""
    path = write(BASELINE, tmp_path / "stabcheck-baseline.json")
    assert BASELINE == read(path)
    assert dumps(BASELINE) == path.read_text()


def test_the_order_of_recording_does_not_show():
    """Sorted: equal baselines are equal bytes."""
    turned = Baseline(
        dict(reversed(list(BASELINE.entries.items()))), dict(reversed(list(BASELINE.cells.items())))
    )
    assert dumps(BASELINE) == dumps(turned)


def test_adding_an_entry_adds_lines_and_changes_none():
    """Two branches that record different findings merge without a conflict."""
    fewer = Baseline({e.id: e for e in ENTRIES[1:]}, BASELINE.cells)
    old, new = dumps(fewer).splitlines(), dumps(BASELINE).splitlines()
    rest = iter(new)
    missing = [line for line in old if line.rstrip(",") not in (other.rstrip(",") for other in rest)]
    assert [] == missing


def test_an_entry_is_readable():
    """Names, not hashes alone; no inputs, no messages; reason and expires stand there to be filled in."""
    data = json.loads(dumps(BASELINE))
    assert "stabcheck.baseline/1" == data["schema"]
    assert {
        "target": "m:f",
        "op": "softmax",
        "options": "axis=0",
        "dtype": "float16",
        "code": "SC101",
        "onset": 11.1,
        "share": 0.25,
        "reason": "legacy",
        "expires": None,
    } == data["findings"][ENTRIES[0].id]
    expected = {"grade": "robust", "examples": 500, "ratio": {"linux": 9.5, "mac": 0.125}}
    assert expected == data["cells"]["m:f"]["softmax"]["float32"]


def test_a_renamed_target_takes_its_entries_along():
    """Search and replace in the file is enough: identities come from the fields, ids are made anew."""
    renamed = loads(dumps(BASELINE).replace("m:f", "m:renamed"))
    assert {"m:renamed", "a b.py:<g>"} == {e.target for e in renamed.entries.values()}
    assert all(id_ == entry.id for id_, entry in renamed.entries.items())


def changed(edit):
    """The text of a baseline after an edit of its data."""
    data = json.loads(dumps(BASELINE))
    edit(data, data["findings"][ENTRIES[0].id], data["cells"]["m:f"]["softmax"]["float32"])
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (dumps(BASELINE)[:-200], "not JSON"),
        ("<<<<<<< ours\n" + dumps(BASELINE), "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no baseline"),
        ("{}", "no baseline"),
        ('{"schema": 1}', "no baseline"),
        ('{"schema": "stabcheck.report/1"}', "stabcheck.report/1"),
        ('{"schema": "stabcheck.baseline/2"}', "update stabcheck"),
        ('{"schema": "stabcheck.baseline/1"}', "'cells' is missing"),
        (dumps(BASELINE).replace('"onset": 11.1', '"onset": NaN'), "NaN is not JSON"),
        (dumps(BASELINE).replace('"onset": 11.1', '"onset": 1e999'), "onset"),
        (dumps(BASELINE).replace('"share": 0.25', '"share": 0.25, "share": 0.5'), "'share' stands twice"),
        (changed(lambda d, f, c: d.update(extra=1)), "unknown key 'extra'"),
        (changed(lambda d, f, c: d.update(findings=[])), "not an object"),
        (changed(lambda d, f, c: d["findings"].update(x=1)), "expected an object"),
        (changed(lambda d, f, c: f.update(reson="x")), "Did you mean 'reason'"),
        (changed(lambda d, f, c: f.pop("target")), "'target' is missing"),
        (changed(lambda d, f, c: f.update(target=3)), "target is 3"),
        (changed(lambda d, f, c: f.update(code="SC999")), "unknown code 'SC999'"),
        (changed(lambda d, f, c: f.update(dtype="float17")), "unknown dtype 'float17'"),
        (changed(lambda d, f, c: f.update(expires="soon")), "2026-12-31"),
        (changed(lambda d, f, c: f.update(expires="2026-02-30")), "2026-12-31"),
        (changed(lambda d, f, c: f.update(share=2)), "from 0 to 1"),
        (changed(lambda d, f, c: f.update(onset="far")), "onset is 'far'"),
        (changed(lambda d, f, c: f.update(onset=True)), "onset is True"),
        (changed(lambda d, f, c: f.update(onset=10**400)), "onset is"),
        (changed(lambda d, f, c: c.update(ratio={"linux": -1})), "negative"),
        (changed(lambda d, f, c: c.update(ratio=3)), "'ratio' is not an object"),
        (changed(lambda d, f, c: d["findings"].update(copy=f)), "two findings"),
        (changed(lambda d, f, c: c.update(grade="good")), "unknown grade 'good'"),
        (changed(lambda d, f, c: c.update(grade=[])), "unknown grade"),
        (changed(lambda d, f, c: c.update(examples="many")), "expected a count"),
        (changed(lambda d, f, c: c.pop("ratio")), "'ratio' is missing"),
    ],
)  # fmt: skip
def test_a_damaged_foreign_or_newer_file_is_refused_and_left_alone(tmp_path, text, why):
    """The message names the file and the place; the bytes stay."""
    path = tmp_path / "stabcheck-baseline.json"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert why in str(caught.value)
    assert text == path.read_text()


def test_a_binary_file_is_refused(tmp_path):
    """Whatever it is, it is no baseline."""
    path = tmp_path / "b.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not a text file"):
        read(path)


def test_a_missing_file_names_the_way_to_create_it(tmp_path):
    """Reading creates nothing."""
    with pytest.raises(UsageError, match="--baseline-update"):
        read(tmp_path / "none.json")
    assert [] == list(tmp_path.iterdir())


def test_a_folder_is_refused(tmp_path):
    """With the reason of the operating system."""
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path)
