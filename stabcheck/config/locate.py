"""Finding the file with our settings, and our table in it.

Apart from `file` because every pytest run looks for such a file, and most find none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stabcheck.errors import UsageError

#: The file of our own, and the shared one with our table in it.
OWN_FILE = "stabcheck.toml"
SHARED_FILE = "pyproject.toml"


def find(start: Path) -> Path | None:
    """The nearest stabcheck.toml, or pyproject.toml with our table, in `start` or a directory above."""
    for directory in (start, *start.parents):
        if (directory / OWN_FILE).is_file():
            return directory / OWN_FILE
        shared = directory / SHARED_FILE
        if shared.is_file() and _speaks_of_us(shared) and table_of(shared) is not None:
            return shared
    return None


def _speaks_of_us(path: Path) -> bool:
    """A pyproject.toml that is not TOML is for its owner to mend; it stops us only if it is about us."""
    try:
        return "stabcheck" in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def table_of(path: Path) -> dict[str, Any] | None:
    """Our table: [tool.stabcheck], or all of a file that has no [tool]; None where there is none.

    UsageError where the file cannot be read, or is not TOML.
    """
    import tomllib

    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    tool = data.get("tool")
    if path.name != SHARED_FILE and tool is None:
        return data
    table = tool.get("stabcheck") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{path}: tool.stabcheck is not a table.")
    return table
