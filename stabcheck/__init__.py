"""stabcheck: is this softmax, loss, gradient or formula of yours numerically stable?

Public names are loaded on first use, so that `import stabcheck`, `stabcheck --help` and the start of
pytest cost nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "check": "stabcheck.api",
    "assert_stable": "stabcheck.api",
    "op": "stabcheck.ops.user",
    "Argument": "stabcheck.ops.op",
    "Gates": "stabcheck.ops.op",
    "Option": "stabcheck.ops.op",
    "target": "stabcheck.targets.marks",
    "UnstableError": "stabcheck.errors",
    "StabcheckError": "stabcheck.errors",
    "UsageError": "stabcheck.errors",
    "Report": "stabcheck.findings",
    "Cell": "stabcheck.findings",
    "Finding": "stabcheck.findings",
    "Example": "stabcheck.findings",
    "Level": "stabcheck.findings",
    "Grade": "stabcheck.findings",
}

__all__ = [
    "Argument",
    "Cell",
    "Example",
    "Finding",
    "Gates",
    "Grade",
    "Level",
    "Option",
    "Report",
    "StabcheckError",
    "UnstableError",
    "UsageError",
    "__version__",
    "assert_stable",
    "check",
    "op",
    "target",
]

if TYPE_CHECKING:
    from stabcheck.api import assert_stable, check
    from stabcheck.errors import StabcheckError, UnstableError, UsageError
    from stabcheck.findings import Cell, Example, Finding, Grade, Level, Report
    from stabcheck.ops.op import Argument, Gates, Option
    from stabcheck.ops.user import op
    from stabcheck.targets.marks import target


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "strategies":  # `import stabcheck; stabcheck.strategies.logits(...)`
        return importlib.import_module("stabcheck.strategies")
    raise AttributeError(f"module 'stabcheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
