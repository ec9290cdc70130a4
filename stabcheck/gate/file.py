"""The baseline's file: sorted, one field a line, so that two branches merge and a reviewer can read it.

Schema "stabcheck.baseline/1": `cells` by target, op (with its options) and format; `findings` by id.
Numbers are JSON numbers, infinity is the string "inf". A file that is not exactly this is refused and
left untouched.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from stabcheck import formats
from stabcheck.errors import UsageError, unknown
from stabcheck.files import write_text
from stabcheck.findings import CODES, Grade
from stabcheck.gate.baseline import Baseline, CellKey, CellRecord, Entry

FAMILY = "stabcheck.baseline/"
SCHEMA = FAMILY + "1"

#: Where the baseline lies when nothing else is said: at the project's root, committed.
DEFAULT_NAME = "stabcheck-baseline.json"

Data = dict[str, Any]

_ENTRY_KEYS = (
    "target",
    "op",
    "options",
    "argument",
    "dtype",
    "code",
    "onset",
    "share",
    "reason",
    "expires",
)


def write(baseline: Baseline, path: str | Path) -> Path:
    """Store the baseline whole or not at all; UsageError where that is impossible."""
    return write_text(dumps(baseline), path)


def read(path: str | Path) -> Baseline:
    """The baseline of that file; UsageError where it is missing, damaged, foreign or newer."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(
            f"the baseline {str(path)!r} does not exist. Create it with --baseline-update."
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"the baseline {str(path)!r} is not a text file; it is left as it is.") from None
    except OSError as error:
        raise UsageError(f"the baseline {str(path)!r} cannot be read: {error.strerror}.") from None
    try:
        return loads(text)
    except UsageError as error:
        raise UsageError(
            f"the baseline {str(path)!r} cannot be used, and is left as it is: {error} "
            "Mend it by hand, take it from version control, or record a new one under another name."
        ) from error


# -- writing ---------------------------------------------------------------------------------------


def dumps(baseline: Baseline) -> str:
    """The text of a baseline: equal baselines give equal text."""
    cells: Data = {}
    for (target, op, options, dtype), record in sorted(baseline.cells.items()):
        formats_of_op = cells.setdefault(target, {}).setdefault(f"{op} {options}".strip(), {})
        formats_of_op[dtype] = {
            "grade": str(record.grade),
            "examples": record.examples,
            "ratio": _ratios_to_data(record.ratios),
        }
    entries = sorted(baseline.entries.values(), key=lambda e: (e.cell, e.argument, e.code))
    data = {"schema": SCHEMA, "cells": cells, "findings": {e.id: _entry_to_data(e) for e in entries}}
    return json.dumps(data, indent=2, allow_nan=False) + "\n"


def _entry_to_data(entry: Entry) -> Data:
    return {
        "target": entry.target,
        "op": entry.op,
        **({"options": entry.options} if entry.options else {}),
        **({"argument": entry.argument} if entry.argument else {}),
        "dtype": entry.dtype,
        "code": entry.code,
        "onset": None if entry.onset is None else _number_to_data(entry.onset),
        "share": entry.share,
        "reason": entry.reason,
        "expires": None if entry.expires is None else entry.expires.isoformat(),
    }


def _ratios_to_data(ratios: Mapping[str, float]) -> Data:
    return {platform: _number_to_data(ratio) for platform, ratio in sorted(ratios.items())}


def _number_to_data(value: float) -> float | str:
    return value if math.isfinite(value) else ("inf" if value > 0 else "-inf")


# -- reading ---------------------------------------------------------------------------------------


def loads(text: str) -> Baseline:
    """Inverse of `dumps`; UsageError for anything else."""
    try:
        data = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except UsageError:
        raise
    except (ValueError, RecursionError) as error:
        raise UsageError(f"it is not JSON ({error}).") from None
    if not isinstance(data, dict) or not isinstance(data.get("schema"), str):
        raise UsageError(f"it is no baseline: there is no schema {SCHEMA!r} in it.")
    schema = data["schema"]
    if schema != SCHEMA and schema.startswith(FAMILY):
        raise UsageError(f"its schema is {schema!r}, this version knows {SCHEMA!r}: update stabcheck.")
    if schema != SCHEMA:
        raise UsageError(f"it is no baseline: its schema is {schema!r}, expected {SCHEMA!r}.")
    _keys(data, ("schema", "cells", "findings"), "the baseline")
    entries = [_entry(id_, fields) for id_, fields in _mapping(data, "findings", "the baseline").items()]
    by_id = {entry.id: entry for entry in entries}
    if len(by_id) < len(entries):
        raise UsageError("two findings have the same target, op, options, argument, dtype and code.")
    return Baseline(by_id, dict(_cells(_mapping(data, "cells", "the baseline"))))


def _without_doubles(pairs: list[tuple[str, Any]]) -> Data:
    """A key that stands twice is a merge gone wrong; JSON readers keep the last without a word."""
    data = dict(pairs)
    if len(data) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"the key {double!r} stands twice in one object.")
    return data


def _no_constant(name: str) -> NoReturn:
    raise UsageError(f'{name} is not JSON; an infinity is written as "inf".')


def _cells(data: Data) -> list[tuple[CellKey, CellRecord]]:
    found = []
    for target, ops in data.items():
        for op, dtypes in _mapping(data, target, "cells").items():
            for dtype, record in _mapping(ops, op, f"cells of {target!r}").items():
                where = f"the cell {target!r} {op!r} {dtype!r}"
                _keys(_mapping(dtypes, dtype, where), ("grade", "examples", "ratio"), where)
                name, _, options = op.partition(" ")
                examples = record["examples"]
                if type(examples) is not int or examples < 0:
                    raise UsageError(f"{where}: examples is {examples!r}, expected a count.")
                found.append(
                    (
                        (target, name, options, formats.get(dtype).name),
                        CellRecord(_grade(record["grade"], where), examples, _ratios(record, where)),
                    )
                )
    return found


def _entry(id_: str, data: Any) -> Entry:
    where = f"the finding {id_!r}"
    if not isinstance(data, dict):
        raise UsageError(f"{where} is {data!r}, expected an object.")
    full = {"options": "", "argument": "", **data}
    _keys(full, _ENTRY_KEYS, where)
    texts = {name: full[name] for name in _ENTRY_KEYS if name not in ("onset", "share", "expires")}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise UsageError(f"{where}: {name} is {value!r}, expected a text.")
    if full["code"] not in CODES:
        raise unknown("code", full["code"], CODES)
    formats.get(full["dtype"])
    share = _number(full["share"], f"{where}: share")
    if not 0 <= share <= 1:
        raise UsageError(f"{where}: share is {share!r}, expected a number from 0 to 1.")
    return Entry(
        onset=None if full["onset"] is None else _number(full["onset"], f"{where}: onset"),
        share=share,
        expires=_date(full["expires"], where),
        **texts,
    )


def _mapping(data: Any, key: str, where: str) -> Data:
    if not isinstance(data, dict) or not isinstance(data.get(key), dict):
        raise UsageError(f"{where}: {key!r} is not an object.")
    found: Data = data[key]
    return found


def _keys(data: Data, expected: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in expected:
            raise UsageError(f"{where}: {unknown('key', key, expected)}")
    for key in expected:
        if key not in data:
            raise UsageError(f"{where}: the key {key!r} is missing.")


def _ratios(data: Data, where: str) -> dict[str, float]:
    ratios = {
        name: _number(value, f"{where}: ratio") for name, value in _mapping(data, "ratio", where).items()
    }
    if any(ratio < 0 for ratio in ratios.values()):
        raise UsageError(f"{where}: a ratio is negative.")
    return ratios


def _number(value: Any, where: str) -> float:
    if value in ("inf", "-inf"):
        return float(value)
    if type(value) is int and abs(value) < 2**53:
        return float(value)
    if type(value) is not float or not math.isfinite(value):
        raise UsageError(f'{where} is {value!r}, expected a number or "inf".')
    return value


def _grade(text: Any, where: str) -> Grade:
    names = {str(grade): grade for grade in Grade}
    if not isinstance(text, str) or text not in names:
        raise UsageError(f"{where}: {unknown('grade', text, names)}")
    return names[text]


def _date(text: Any, where: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        raise UsageError(
            f"{where}: expires is {text!r}, expected a date such as 2026-12-31, or null."
        ) from None
