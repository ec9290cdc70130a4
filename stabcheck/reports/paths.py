"""File names in reports: relative to the project where they lie in it, with forward slashes."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from stabcheck.findings import Cell, Finding, Where
from stabcheck.reports import view


def root() -> Path:
    """The folder that annotations are relative to: the checkout on GitHub, else the working directory."""
    return Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())


def relative(file: str, base: Path | None = None) -> str:
    """`file` relative to `base` (default `root()`), or as it is where it lies elsewhere."""
    base = root() if base is None else base
    path = Path(file)
    if path.is_absolute():
        for given, parent in ((path, base), (path.resolve(), base.resolve())):
            if given.is_relative_to(parent):
                return given.relative_to(parent).as_posix()
    return path.as_posix()


def uri(file: str) -> str:
    """The name as a URI reference: relative inside the project, file:// outside of it."""
    name = relative(file)
    quoted = quote(name, safe="/", errors="backslashreplace")
    return f"file://{quoted}" if PurePosixPath(name).is_absolute() else quoted


def location(cell: Cell, finding: Finding) -> Where | None:
    """The guilty line, or the target's definition, or the file that its name names (line 1)."""
    known = view.location(cell, finding)
    if known is not None:
        return known
    file, separator, _ = finding.target.rpartition(":")
    return Where(file, 1, "") if separator and file.endswith(".py") else None
