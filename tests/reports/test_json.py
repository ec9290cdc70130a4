"""The JSON report: stable bytes, a schema, a way back, and clear words for damaged files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from stabcheck import reports
from stabcheck.errors import UsageError
from stabcheck.findings import Report
from stabcheck.reports import json as stored

Samples = Callable[[], Mapping[str, Report]]


def test_every_sample_fits_the_shipped_schema(samples: Samples) -> None:
    """What is written validates against schema/report-1.json, which is itself a valid schema."""
    schema = stored.schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    for report in samples().values():
        some = replace(report, cells=report.cells[:6])  # of a catalogue, the first are like the others
        jsonschema.Draft202012Validator(schema).validate(json.loads(reports.render(some, "json")))


def test_schema_refuses_what_is_not_in_the_records(failing: Report) -> None:
    """A number that is not a hex string, a missing field and an unknown field are all refused."""
    validator = jsonschema.Draft202012Validator(stored.schema())
    for damage in ({"elapsed": 1.5}, {"seed": None}, {"surprise": 1}):
        data = {**json.loads(reports.render(failing, "json")), **damage}

        assert not validator.is_valid(data)


def test_equal_reports_give_equal_bytes_and_come_back(samples: Samples) -> None:
    """Written, read and written again, a report is the same byte for byte."""
    for report in samples().values():
        text = reports.render(report, "json")

        assert text == reports.render(stored.loads(text), "json")
        assert text.endswith("}\n")
        assert text.isascii()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "is not JSON"),
        (b"[]", "holds no object"),
        (b'{"schema": "other/1"}', "schema is 'other/1'"),
        (b'{"schema": "stabcheck.report/1"}', "damaged stabcheck report: 'findings' is missing. Give"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_damaged_and_foreign_files_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    """`load` says which file, what is wrong with it and what to give instead."""
    path = tmp_path / "report.json"
    path.write_bytes(content)

    with pytest.raises(UsageError, match=words) as caught:
        stored.load(path)

    assert "report.json" in str(caught.value)


def test_a_missing_file_and_a_folder_are_usage_errors(tmp_path: Path) -> None:
    """No traceback for a path that is not there, or is no file."""
    with pytest.raises(UsageError, match="does not exist"):
        stored.load(tmp_path / "absent.json")
    with pytest.raises(UsageError, match="cannot be read"):
        stored.load(tmp_path)


def test_a_truncated_report_is_refused_at_any_length(failing: Report, tmp_path: Path) -> None:
    """Cut anywhere, a stored report is refused rather than half believed."""
    text = reports.render(failing, "json").rstrip()
    for length in range(0, len(text), len(text) // 37):
        with pytest.raises(UsageError):
            stored.loads(text[:length])
