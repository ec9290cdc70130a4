"""The lines around a guilty line, the guilty one marked."""

from __future__ import annotations

from pathlib import Path

from stabcheck.findings import Where
from stabcheck.reports import names

#: Lines shown before and after.
_AROUND = 2

#: Larger files are not read: a report only quotes source code.
_LIMIT = 4 << 20


def lines(where: Where) -> list[str]:
    """Source lines with their numbers, `>` before the guilty one and carets under the operation.

    Empty where the file is not there any more, is not Python, or has no such line: a stored report can
    come from another machine.
    """
    path = _found(where)
    try:
        if path.suffix != ".py" or path.stat().st_size > _LIMIT:
            return []
        source = names.printable_lines(path.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError):
        return []
    if not 1 <= where.line <= len(source):
        return []
    first, last = max(1, where.line - _AROUND), min(len(source), where.line + _AROUND)
    while not source[first - 1].strip() and first < where.line:
        first += 1
    while not source[last - 1].strip() and last > where.line:
        last -= 1
    shown = []
    for number in range(first, last + 1):
        mark = ">" if number == where.line else " "
        shown.append(f"{mark} {number:>{len(str(last))}} | {source[number - 1]}".rstrip())
        column = source[number - 1].find(where.operation) if where.operation else -1
        if number == where.line and column >= 0:
            shown.append(" " * (len(str(last)) + 5 + column) + "^" * len(names.printable(where.operation)))
    return shown


def _found(where: Where) -> Path:
    """The file: names are relative to the project, and we may be in one of its folders."""
    path = Path(where.file)
    if path.is_absolute():
        return path
    try:
        here = Path.cwd()
    except OSError:  # the directory we are in was deleted
        return path
    places = (folder / path for folder in (here, *here.parents))
    return next((place for place in places if place.is_file() and _holds(place, where)), path)


def _holds(path: Path, where: Where) -> bool:
    """Whether the file has the operation in that line: another one may have the same name."""
    try:
        if path.suffix != ".py" or path.stat().st_size > _LIMIT:
            return False
        source = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except (OSError, ValueError):
        return False
    return 1 <= where.line <= len(source) and where.operation in source[where.line - 1]
