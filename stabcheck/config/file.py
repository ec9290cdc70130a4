"""What `[tool.stabcheck]` or stabcheck.toml say, checked key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stabcheck.config.locate import find, table_of
from stabcheck.config.options import OPTIONS, TARGET_KEYS, Option
from stabcheck.errors import UsageError, unknown


@dataclass(frozen=True)
class TargetTable:
    """One `[[tool.stabcheck.target]]`: `values` holds the checked keys other than these three."""

    target: str
    name: str | None = None
    expect: str | Mapping[str, str] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """What a file says. Without a file: no path, nothing set."""

    path: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[TargetTable, ...] = ()

    @property
    def root(self) -> Path | None:
        """The project's root: file targets and the baseline are relative to it."""
        return None if self.path is None else self.path.parent


def load(path: Path | None = None, start: Path | None = None) -> Config:
    """The configuration of that file, or of the one found from `start` (default: here) upward.

    UsageError where the file is not TOML, a key is unknown (with the nearest one) or a value is wrong.
    """
    if path is None:
        path = find((start or Path.cwd()).resolve())
        if path is None:
            return Config()
    elif path.is_dir():
        raise UsageError(f"configuration file {str(path)!r} is a directory; name a file in it.")
    elif not path.is_file():
        raise UsageError(f"configuration file {str(path)!r} does not exist.")
    table = table_of(path)
    if table is None:
        raise UsageError(f"{path} has no [tool.stabcheck] table; `stabcheck init` prints one.")
    return _checked(table, path.resolve())


def _checked(table: Mapping[str, Any], path: Path) -> Config:
    tables = table.get("target", [])
    if isinstance(tables, dict) or not isinstance(tables, list):
        raise UsageError(f"{path}: target is not a list of tables; write [[tool.stabcheck.target]].")
    own = {key: value for key, value in table.items() if key != "target"}
    values = _values(own, OPTIONS, f"{path}", extra=("target",))
    return Config(path, values, tuple(_target(t, f"{path}: target {i}") for i, t in enumerate(tables, 1)))


def _target(table: Any, place: str) -> TargetTable:
    if not isinstance(table, dict):
        raise UsageError(f"{place} is not a table; write [[tool.stabcheck.target]].")
    known = {name: option for name, option in OPTIONS.items() if option.per_target} | dict(TARGET_KEYS)
    values = _values(table, known, place)
    if "target" not in values:
        raise UsageError(f'{place} has no target key: target = "package.module:function".')
    rest = {name: value for name, value in values.items() if name not in TARGET_KEYS}
    return TargetTable(values["target"], values.get("name"), values.get("expect"), rest)


def _values(
    table: Mapping[str, Any], known: Mapping[str, Option], place: str, extra: tuple[str, ...] = ()
) -> dict[str, Any]:
    for key in table:
        if key not in known:
            raise UsageError(f"{place}: {unknown('key', key, [*known, *extra])}")
    return {key: known[key].check(value, place) for key, value in table.items()}
