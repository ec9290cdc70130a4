"""The JSON report: text that is the same byte for byte for equal reports, and the way back."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from stabcheck.errors import UsageError
from stabcheck.findings import Report
from stabcheck.findings.serial import data_to_report, report_to_data


def render(report: Report, **_context: object) -> str:
    """Sorted keys, two spaces, a trailing newline, ASCII only (so that no reader has to guess)."""
    return json.dumps(report_to_data(report), indent=2, sort_keys=True, allow_nan=False, default=str) + "\n"


def loads(text: str, name: str = "the report") -> Report:
    """Inverse of `render`; UsageError where the text is damaged or not a report of stabcheck."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UsageError(
            f"{name} is not JSON ({error}). Give a file written by --output-format json."
        ) from None
    if not isinstance(data, dict):
        raise UsageError(f"{name} is not a stabcheck report: it holds no object.")
    try:
        return data_to_report(data)
    except UsageError as error:
        raise UsageError(f"{name}: {error} Give a file written by --output-format json.") from error


def load(path: str | Path) -> Report:
    """The report stored in a file; UsageError where there is none, or it is damaged or foreign."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"{str(path)!r} does not exist. Give a file written by --output-format json."
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{str(path)!r} is not a text file, so it is no JSON report.") from None
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror}.") from None
    return loads(text, repr(str(path)))


def schema() -> dict[str, Any]:
    """The JSON Schema of "stabcheck.report/1", as shipped."""
    text = resources.files("stabcheck.reports").joinpath("schema/report-1.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded
