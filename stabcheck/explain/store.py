"""Stored findings: `.stabcheck/findings/<id>.json`, from which a failure can be run again.

The folder ignores itself (`.gitignore` with `*`): inputs are local, the committed baseline holds none.
Nothing is unpickled or evaluated; a damaged file is a UsageError, or skipped where many are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stabcheck.errors import UsageError, unknown
from stabcheck.files import write_text
from stabcheck.findings import Finding
from stabcheck.findings.serial import data_to_finding, finding_to_data

FOLDER = ".stabcheck"
SCHEMA = "stabcheck.finding/1"

_ID = re.compile(r"[0-9a-f]{10}\Z")  # an id becomes a file name, so nothing else may pass


def save(findings: Iterable[Finding], root: str | Path) -> Path:
    """Store findings under the project's root, one file each, replacing older ones; returns the folder."""
    base = Path(root) / FOLDER
    folder = base / "findings"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot create {str(folder)!r}: {error.strerror}.") from error
    if not (base / ".gitignore").exists():
        write_text("*\n", base / ".gitignore")
    for finding in findings:
        data = {"schema": SCHEMA, "finding": finding_to_data(finding)}
        text = json.dumps(data, indent=2, sort_keys=True, allow_nan=False) + "\n"
        write_text(text, folder / f"{finding.id}.json")
    return folder


def ids(root: str | Path) -> tuple[str, ...]:
    """Ids of the stored findings, sorted; none where nothing was ever stored."""
    folder = Path(root) / FOLDER / "findings"
    return tuple(sorted(p.stem for p in folder.glob("*.json") if _ID.match(p.stem)))


def load(id_: str, root: str | Path) -> Finding:
    """The stored finding of that id, or of its only stored beginning; UsageError where there is none."""
    stored = ids(root)
    fits = [known for known in stored if known.startswith(id_)] if id_ else []
    if not fits:
        if not stored:
            raise UsageError(f"no finding {id_!r} is stored in {FOLDER}: nothing is. Run `stabcheck run`.")
        raise unknown("finding", id_, stored)
    if len(fits) > 1:
        raise UsageError(f"{id_!r} fits several stored findings: {', '.join(fits)}. Give more of it.")
    path = Path(root) / FOLDER / "findings" / f"{fits[0]}.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise UsageError(f"its schema is not {SCHEMA!r}")
        finding = data_to_finding(data["finding"])
    except (OSError, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UsageError(
            f"{path.as_posix()!r} is damaged ({reason}). Delete it; the next run stores it again."
        ) from error
    if finding.id != fits[0]:
        raise UsageError(f"{path.as_posix()!r} holds the finding {finding.id}. Delete it.")
    return finding


def load_known(wanted: Iterable[str], root: str | Path) -> dict[str, Finding]:
    """Those of the wanted findings that are stored and sound: what a run tries before it searches."""
    found = {}
    stored = set(ids(root))
    for id_ in wanted:
        if id_ in stored:
            try:
                found[id_] = load(id_, root)
            except UsageError:  # a lost input is searched for again
                continue
    return found


def inputs(findings: Iterable[Finding]) -> tuple[Mapping[str, np.ndarray[Any, Any]], ...]:
    """Their minimal and worst inputs, each once, in the form of `examples=`."""
    distinct: dict[tuple[object, ...], Mapping[str, np.ndarray[Any, Any]]] = {}
    for finding in findings:
        for example in (finding.minimal, finding.worst):
            arrays = {name: np.asarray(array) for name, array in example.inputs.items()}
            key = tuple((name, a.dtype.name, a.shape, a.tobytes()) for name, a in arrays.items())
            distinct.setdefault(key, arrays)
    return tuple(distinct.values())
