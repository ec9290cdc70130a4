"""Reports: consumers of the engine's events and of stored reports, one small file per format.

`render(report, "sarif")` gives the text of a format, `write(report, "html", path)` stores it whole or not
at all. Formats of others come from the entry point group `stabcheck.reports`: a name and a function
`(report, **context) -> str`. Nothing is imported before it is used.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING

from stabcheck.errors import unknown
from stabcheck.files import write_text

if TYPE_CHECKING:
    from stabcheck.findings import Report

Renderer = Callable[..., str]

GROUP = "stabcheck.reports"

#: Our own formats: name -> (function that renders it, suffix of its files).
_BUILT_IN: Mapping[str, tuple[str, str]] = {
    "table": ("stabcheck.reports.terminal:render", ".txt"),
    "concise": ("stabcheck.reports.concise:render", ".concise.txt"),
    "json": ("stabcheck.reports.json:render", ".json"),
    "markdown": ("stabcheck.reports.markdown:render", ".md"),
    "github": ("stabcheck.reports.github:render", ".github.txt"),
    "junit": ("stabcheck.reports.junit:render", ".xml"),
    "sarif": ("stabcheck.reports.sarif:render", ".sarif"),
    "html": ("stabcheck.reports.html:render", ".html"),
}


class _Formats(Mapping[str, Renderer]):
    """Name -> renderer; each is imported when it is looked up, plug-ins when an unknown name is."""

    def __getitem__(self, name: str) -> Renderer:
        if name in _BUILT_IN:
            module, _, function = _BUILT_IN[name][0].partition(":")
            renderer: Renderer = getattr(importlib.import_module(module), function)
            return renderer
        return _plugins()[name]

    def __iter__(self) -> Iterator[str]:
        yield from _BUILT_IN
        yield from (name for name in _plugins() if name not in _BUILT_IN)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in _BUILT_IN or name in _plugins()


FORMATS: Mapping[str, Renderer] = _Formats()


@cache
def _plugins() -> Mapping[str, Renderer]:
    found: dict[str, Renderer] = {}
    for entry in metadata.entry_points(group=GROUP):
        try:
            found[entry.name] = entry.load()
        except Exception as error:  # whatever a plug-in does, the other reports are written
            warnings.warn(
                f"the report plug-in {entry.name!r} ({entry.value}) is broken and left out: "
                f"{type(error).__name__}: {error}",
                stacklevel=2,
            )
    return found


def file_name(name: str) -> str:
    """What a format's file is called in a folder of reports: stabcheck.xml for "junit"."""
    return "stabcheck" + (_BUILT_IN[name][1] if name in _BUILT_IN else f".{name}")


def render(report: Report, name: str, **context: object) -> str:
    """The report as text of that format; UsageError for a format that does not exist.

    `context` is for the format: "width", "colour" and "verbosity" for the table.
    """
    if name not in FORMATS:
        raise unknown("report format", name, FORMATS)
    return FORMATS[name](report, **context)


def emit(report: Report, name: str, stdout: IO[str] | None = None, **context: object) -> None:
    """Print a report where its format belongs: "github" on stderr and in the job's summary, the others
    on stdout."""
    if name == "github":
        from stabcheck.reports import github

        github.emit(report)
        return
    stream = sys.stdout if stdout is None else stdout
    stream.write(render(report, name, **context))
    stream.flush()


def write(report: Report, name: str, path: str | Path, **context: object) -> Path:
    """Store a report: first beside its place, then renamed, so that it is never there by half.

    UsageError where the folder is missing or cannot be written.
    """
    return write_text(render(report, name, **context), path)
