"""What the marks of a test say, checked: a mark with a typo must not pass for a check."""

from __future__ import annotations

from typing import Any

import pytest

from stabcheck.errors import UsageError, unknown

NAME = "stabcheck"

#: The fixture that takes what the marks say as its defaults.
FIXTURE = "assert_stable"


def settings_of(item: pytest.Item) -> dict[str, Any]:
    """The settings of the item's marks; those nearer to the test win. UsageError for what `stabcheck.check`
    does not take, with the nearest match."""
    settings: dict[str, Any] = {}
    for mark in reversed(list(item.iter_markers(NAME))):
        if mark.args:
            raise UsageError(
                f"{item.nodeid}: the marker stabcheck takes keyword arguments only, got {mark.args[0]!r}. "
                'Write @pytest.mark.stabcheck(target=..., op="softmax").'
            )
        for key in mark.kwargs:
            if key not in (known := _keys()):
                raise UsageError(f"{item.nodeid}: the marker stabcheck: {unknown('setting', key, known)}")
        settings |= mark.kwargs
    return settings


def target_wanted(item: pytest.Item, settings: dict[str, Any]) -> bool:
    """Whether the marks name a target to check before the test's body. UsageError where a mark on the test
    itself checks nothing: on a class or a module it may be meant for others."""
    if FIXTURE in getattr(item, "fixturenames", ()):
        return False
    if "target" in settings:
        return True
    if any(mark.name == NAME for mark in getattr(getattr(item, "obj", None), "pytestmark", ())):
        raise UsageError(
            f"{item.nodeid}: the marker stabcheck checks nothing here: it names no target, and the test does "
            f"not use the fixture {FIXTURE}. Add target=..., or take the fixture as an argument."
        )
    return False


def _keys() -> list[str]:
    """What `stabcheck.check` takes; asked only where something is marked, as this imports what it needs."""
    import inspect

    from stabcheck.api import check

    return list(inspect.signature(check).parameters)
