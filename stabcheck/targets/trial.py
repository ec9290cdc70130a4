"""Importing a target in another process first, for whoever asked that nothing it does reaches this one."""

from __future__ import annotations

from pathlib import Path

from stabcheck.errors import TargetError
from stabcheck.targets.process import START_LIMIT, DeathError, Process


def try_import(spec: str, *, name: str | None = None, root: Path | None = None) -> None:
    """Returns where another process finds this target (a whole file has no function in `spec`) and lives;
    TargetError where it finds none, ends or hangs."""
    process = Process()
    try:
        where = Path.cwd() if root is None else root
        process.send({"kind": "find", "spec": spec, "name": name, "root": str(where)}, {}, START_LIMIT)
        header, _ = process.receive(START_LIMIT)
    except DeathError as death:
        raise TargetError(
            f"cannot import target {spec!r}: {death.text} while importing it. Import it by hand to see why."
        ) from None
    finally:
        process.close()
    if header["kind"] != "found":
        raise TargetError(header["text"])
