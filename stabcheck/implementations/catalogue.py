"""The catalogue: which function computes which op, and the grade it deserves in each format."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stabcheck.errors import unknown
from stabcheck.findings.codes import Grade
from stabcheck.formats import FORMATS

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Implementation:
    """One way of computing an op.

    `grades` and `reasons` hold an entry for every format: the highest level that nothing breaks over the
    default inputs ("unstable", "robust", "stable", "accurate"), and why in half a sentence. `options` are
    the op's options under which the function is run (they are passed where its signature names them).
    """

    function: Callable[..., Any]
    op: str
    grades: Mapping[str, str]
    reasons: Mapping[str, str]
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Import path: "stabcheck.implementations.softmax:naive"."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @property
    def reason(self) -> str:
        """The reasons, each once, in the order of the formats."""
        return "; ".join(dict.fromkeys(self.reasons[name] for name in FORMATS))

    @property
    def summary(self) -> str:
        """First line of the function's docstring: the formula."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


_REGISTERED: list[Implementation] = []


def implements(
    op: str,
    *,
    grade: str | None = None,
    because: str | Mapping[str, str],
    options: Mapping[str, Any] | None = None,
    **formats: str,
) -> Callable[[Function], Function]:
    """Register the function below as an implementation of `op` and return it unchanged.

    `grade` holds for every format that is not named: `@implements("softmax", grade="stable",
    bfloat16="robust", because="...")`. `because` may map formats to reasons, "" being all the others.
    Raises UsageError for an unknown grade or format, and where a format is left without a grade.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown("dtype", name, FORMATS)
    grades = {name: _grade(formats.get(name, grade)) for name in FORMATS}
    given = {"": because} if isinstance(because, str) else because
    reasons = {name: given[name] if name in given else given[""] for name in FORMATS}

    def register(function: Function) -> Function:
        _REGISTERED.append(Implementation(function, op, grades, reasons, dict(options or {})))
        return function

    return register


def _grade(text: str | None) -> str:
    known = [str(grade) for grade in Grade]
    if text not in known:
        raise unknown("grade", text, known)
    return text


def all_implementations() -> tuple[Implementation, ...]:
    """Every implementation, family by family in the order in which the files write them."""
    import stabcheck.implementations as room

    for module in sorted(pkgutil.iter_modules(room.__path__), key=lambda module: module.name):
        importlib.import_module(f"{room.__name__}.{module.name}")
    lines = {id(entry): entry.function.__code__.co_firstlineno for entry in _REGISTERED}
    return tuple(sorted(_REGISTERED, key=lambda entry: (entry.function.__module__, lines[id(entry)])))


def of(op: str) -> tuple[Implementation, ...]:
    """The implementations of that op."""
    return tuple(entry for entry in all_implementations() if entry.op == op)
