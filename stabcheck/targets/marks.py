"""The decorator `@stabcheck.target(op="softmax")`: a note on a function, nothing more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stabcheck.errors import UsageError
from stabcheck.targets.guard import attribute

#: The attribute that carries the mark.
ATTRIBUTE = "__stabcheck_target__"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Mark:
    """What the decorator was told: the op, its options, the target's own kwargs, and the rest
    (`settings`: dtypes, level, range, ... with the names of `stabcheck.check`)."""

    op: str
    options: Mapping[str, Any] = field(default_factory=dict)
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def target(
    op: str,
    *,
    options: Mapping[str, Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Callable[[F], F]:
    """Mark a function as an implementation of `op`, for `stabcheck run file.py`.

    The function is returned unchanged; UsageError where it cannot carry an attribute.
    """
    if not isinstance(op, str):
        raise UsageError(f'stabcheck.target needs an op, got {op!r}. Write @stabcheck.target(op="softmax").')
    mark = Mark(op, dict(options or {}), dict(kwargs or {}), settings)

    def note(function: F) -> F:
        try:
            setattr(function, ATTRIBUTE, mark)
        except (AttributeError, TypeError):
            raise UsageError(
                f"{function!r} cannot be marked (it takes no attributes). Wrap it in a function of your own."
            ) from None
        return function

    return note


def mark_of(function: Any) -> Mark | None:
    """The mark of a callable, None when it has none."""
    found = attribute(function, ATTRIBUTE)
    return found if isinstance(found, Mark) else None
