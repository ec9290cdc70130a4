"""Errors that a user can cause. Each message shows the value and ends with the next step."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class StabcheckError(Exception):
    """Base of every error raised on purpose; the command line turns it into exit 2."""


class UsageError(StabcheckError, ValueError):
    """Something asked for does not exist or does not fit: an op, format, level, option, key."""


class TargetError(StabcheckError):
    """The target could not be found, imported or called at all."""


class OracleError(StabcheckError):
    """The truth contradicts itself (an audit failed): the run must not be believed."""


class UnstableError(AssertionError):
    """Raised by `assert_stable`: the text holds the table of findings and how to reproduce them."""


def unknown(kind: str, value: object, known: Iterable[str]) -> UsageError:
    """UsageError that names the value, its nearest match and what there is."""
    names = sorted(known)
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return UsageError(f"unknown {kind} {str(value)!r}.{hint} Known: {', '.join(names)}.")
