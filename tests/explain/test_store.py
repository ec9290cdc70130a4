"""Findings stored beside the project: a failure can be run again, and damage is named."""

import json
import math

import ml_dtypes
import numpy as np
import pytest

from stabcheck.errors import UsageError
from stabcheck.explain import store
from stabcheck.findings import Example, Finding
from stabcheck.findings.serial import finding_to_data


def finding(code="SC101", **fields):
    inputs = {"x": np.array([[math.nan, -math.inf, 89.0]], dtype=ml_dtypes.bfloat16), "y": np.array([1])}
    usual = {"op": "softmax", "target": "a b.py:<f>", "dtype": "bfloat16"}
    minimal, worst = Example(inputs, (0, 2), math.nan, 1.0), Example({"x": np.float32([1e38]), "y": 2})
    return Finding(code=code, **{**usual, "minimal": minimal, "worst": worst, **fields})


def test_a_stored_finding_comes_back(tmp_path):
    """Every field, inputs bit for bit; found by its id or the beginning of it."""
    kept = finding(text="why", onset=88.7)
    store.save([kept, finding("SC102")], tmp_path)
    assert sorted([kept.id, finding("SC102").id]) == list(store.ids(tmp_path))
    for id_ in (kept.id, kept.id[:6]):
        assert finding_to_data(kept) == finding_to_data(store.load(id_, tmp_path))
    assert kept.minimal.inputs["x"].dtype == store.load(kept.id, tmp_path).minimal.inputs["x"].dtype


def test_the_folder_ignores_itself(tmp_path):
    """No input is ever committed by accident; a .gitignore of the user's own stays."""
    store.save([finding()], tmp_path)
    ignore = tmp_path / ".stabcheck" / ".gitignore"
    assert "*\n" == ignore.read_text()
    ignore.write_text("mine\n")
    store.save([finding()], tmp_path)
    assert "mine\n" == ignore.read_text()


def test_storing_again_replaces(tmp_path):
    """One file per identity."""
    store.save([finding(text="old")], tmp_path)
    store.save([finding(text="new")], tmp_path)
    assert "new" == store.load(finding().id, tmp_path).text
    assert 1 == len(store.ids(tmp_path))


def test_what_is_not_stored_is_named_with_its_nearest_match(tmp_path):
    """Also where nothing was ever stored, and for what could leave the folder."""
    with pytest.raises(UsageError, match="Run `stabcheck run`"):
        store.load("0123456789", tmp_path)
    assert () == store.ids(tmp_path)
    store.save([finding()], tmp_path)
    near = finding().id[:-1] + "z"
    with pytest.raises(UsageError, match=f"Did you mean '{finding().id}'"):
        store.load(near, tmp_path)
    for strange in ("", "../../pyproject", "*"):
        with pytest.raises(UsageError, match="unknown finding"):
            store.load(strange, tmp_path)


def test_an_ambiguous_beginning_lists_what_it_fits(tmp_path):
    """As version control does."""
    many = [finding(target=f"m:{i}") for i in range(40)]
    store.save(many, tmp_path)
    shared = next(a.id[0] for a in many if sum(b.id[0] == a.id[0] for b in many) > 1)
    with pytest.raises(UsageError, match="fits several"):
        store.load(shared, tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: "",
        lambda data: json.dumps(data)[:-9],
        lambda data: "[]",
        lambda data: json.dumps({**data, "schema": "stabcheck.finding/2"}),
        lambda data: json.dumps({"schema": data["schema"]}),
        lambda data: json.dumps({**data, "finding": {**data["finding"], "code": "SC999"}}),
        lambda data: json.dumps({**data, "finding": {**data["finding"], "minimal": None}}),
        lambda data: json.dumps({**data, "finding": {**data["finding"], "target": "other"}}),
    ],
)
def test_a_damaged_file_is_named_when_asked_for_and_skipped_among_many(tmp_path, damage):
    """A replay of one says what is wrong; a run that tries all of them goes on without it."""
    good, bad = finding("SC102"), finding("SC101")
    store.save([good, bad], tmp_path)
    path = tmp_path / ".stabcheck" / "findings" / f"{bad.id}.json"
    path.write_text(damage(json.loads(path.read_text())))
    with pytest.raises(UsageError, match=f"{bad.id}.json.*Delete it"):
        store.load(bad.id, tmp_path)
    assert [good.id] == list(store.load_known([good.id, bad.id, "0123456789"], tmp_path))


def test_inputs_are_handed_on_once(tmp_path):
    """Minimal and worst of several formats, duplicates left out, as `examples=` takes them."""
    store.save([finding("SC101"), finding("SC102")], tmp_path)
    found = store.inputs(store.load_known(store.ids(tmp_path), tmp_path).values())
    assert 2 == len(found)
    assert {"x", "y"} == set(found[0])


def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path):
    """A file is in the way of the folder."""
    (tmp_path / ".stabcheck").write_text("")
    with pytest.raises(UsageError, match="cannot create"):
        store.save([finding()], tmp_path)
