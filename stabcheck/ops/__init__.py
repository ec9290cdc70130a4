"""WHAT is to be computed: one small file per family; an op is declared once and picked up by everything.

Families are imported on first use of the registry; plug-ins add theirs through the entry-point group
`stabcheck.ops` (a module that declares ops, or a callable that does).
"""

from __future__ import annotations

import importlib
import sys
import warnings
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from stabcheck.errors import UsageError, unknown
from stabcheck.ops.op import AXIS, Argument, GateConstants, Gates, Op, Option

FAMILIES = (
    "rows",
    "elementwise",
    "neighbours",
    "elementwise_gradients",
    "row_gradients",
    "binary",
    "divergences",
    "losses",
    "layers",
    "linear",
)

_OPS: dict[str, Op] = {}


def register(op: Op) -> Op:
    """Add an op to the registry (a later op of the same name replaces the earlier) and return it."""
    _OPS[op.name] = op
    return op


@cache
def _load() -> None:
    for family in FAMILIES:
        importlib.import_module(f"stabcheck.ops.{family}")
    for plugin in entry_points(group="stabcheck.ops"):
        try:
            loaded = plugin.load()
            if callable(loaded):
                loaded()
        except Exception as error:
            warnings.warn(f"stabcheck plug-in {plugin.name!r} did not load: {error}", stacklevel=2)


def names() -> tuple[str, ...]:
    """Names of all ops, in the order of their declaration."""
    _load()
    return tuple(_OPS)


def get(name: str | Op) -> Op:
    """The op of that name, or of that place ("package.module:op", made with `@stabcheck.op`); UsageError
    names the nearest match, or why it cannot be imported."""
    if isinstance(name, Op):
        return name
    _load()
    module, colon, attribute = name.partition(":")
    if colon:
        return _imported(module, attribute)
    if name not in _OPS:
        raise unknown("op", name, _OPS)
    return _OPS[name]


def _imported(module: str, attribute: str) -> Op:
    try:
        made = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise UsageError(f"op '{module}:{attribute}' cannot be imported: {error}.") from error
    if not isinstance(made, Op):
        raise UsageError(f"op '{module}:{attribute}': no op; make one there with @stabcheck.op.")
    return made


def spec(op: Op) -> str:
    """What the command line knows the op by: its name, or the user's module or file that holds it."""
    module = op.formula.__module__
    file = Path(getattr(sys.modules.get(module), "__file__", None) or "")
    nameless = module == "__main__" and file.suffix != ".py"  # typed in, or python -c
    if module.partition(".")[0] == "stabcheck" or nameless or "<" in op.formula.__qualname__:
        return op.name
    by_file = file.suffix == ".py" and file.stem not in (module.rpartition(".")[2], "__init__")
    return f"{file if by_file else module}:{op.formula.__qualname__}"


__all__ = ["AXIS", "Argument", "GateConstants", "Gates", "Op", "Option", "get", "names", "register", "spec"]
