"""GitHub Actions: an annotation per finding on stderr, and the job's summary in Markdown."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import IO

from stabcheck.errors import UsageError
from stabcheck.findings import Report
from stabcheck.reports import markdown, names, paths, view

#: GitHub drops a summary that is larger than this, the whole of it.
SUMMARY_LIMIT = 1 << 20

_CUT = "\n**Cut here**: the rest does not fit into a job summary. The JSON or HTML report holds all of it.\n"


def render(report: Report, **_context: object) -> str:
    """`::error` for what fails, `::notice` for what the baseline knows."""
    lines = []
    for cell, finding, how in view.findings(report):
        if how not in ("failing", "known"):
            continue
        properties = {"title": f"stabcheck ({finding.code})"}
        where = paths.location(cell, finding)
        if where is not None:
            properties |= {"file": paths.relative(where.file), "line": str(where.line)}
        listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
        subject = f"{names.label(finding)} in {names.printable(finding.target)} [{finding.dtype}]"
        words = f"{subject}: {view.message(finding)}"
        lines.append(f"::{'error' if how == 'failing' else 'notice'} {listed}::{_data(words)}")
    return "".join(line + "\n" for line in lines)


def emit(report: Report, stderr: IO[str] | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Annotations to stderr; the Markdown report appended to $GITHUB_STEP_SUMMARY where that is set."""
    stream = sys.stderr if stderr is None else stderr
    stream.write(render(report))
    stream.flush()
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        append_summary(report, path)


def append_summary(report: Report, path: str) -> None:
    """Append the Markdown report, cut between two sections where the file would pass the limit.

    UsageError where the file cannot be written.
    """
    try:
        with open(path, "ab") as stream:
            stream.write(summary(report, SUMMARY_LIMIT - 1 - stream.tell()))
    except OSError as error:
        raise UsageError(f"cannot append to GITHUB_STEP_SUMMARY {path!r}: {error.strerror}.") from error


def summary(report: Report, room: int) -> bytes:
    """The Markdown report in at most `room` bytes; nothing where not even the verdict fits."""
    pieces = [(piece + "\n").encode("utf-8") for piece in markdown.sections(report)]
    if sum(map(len, pieces)) <= room:
        return b"".join(pieces)
    cut = _CUT.encode("utf-8")
    kept, left = b"", room - len(cut)
    for piece in pieces:
        if len(piece) > left:
            break
        kept, left = kept + piece, left - len(piece)
    return kept + cut if kept else b""


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    text = "".join(c if c in "\r\n" else names.printable(c) for c in text)
    return _data(text).replace(":", "%3A").replace(",", "%2C")
