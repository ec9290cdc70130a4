"""The grade that a proposed snippet reaches under stabcheck itself: no fix is shown on trust."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stabcheck.engine.events import Finished
from stabcheck.engine.request import Request, Task
from stabcheck.engine.run import run
from stabcheck.findings import Grade

#: Effort of a grading: the snippets were graded thoroughly when the catalogue was tested.
EXAMPLES, CLASSES = 60, 64

_KNOWN: dict[tuple[bytes, str, tuple[str, ...], str], str] = {}


def graded(
    function: Callable[..., Any],
    op: str,
    dtypes: tuple[str, ...],
    example: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> str:
    """The worst grade of the function over these formats, "" where nothing could be judged; "unstable"
    where it fails on the example (arguments of the op), or cannot be used under these options.

    Remembered by the code of the function, because one run proposes the same fix many times.
    """
    options = options or {}
    if example is not None and _grade(function, op, dtypes, 1, options, (example,)) == str(Grade.UNSTABLE):
        return str(Grade.UNSTABLE)
    code = function.__code__
    # The names too: np.exp(x) and np.tanh(x) are the same instructions.
    key = (
        code.co_code + repr((code.co_consts, code.co_names)).encode(),
        op,
        dtypes,
        repr(sorted(options.items())),
    )
    if key not in _KNOWN:
        _KNOWN[key] = _grade(function, op, dtypes, EXAMPLES, options)
    return _KNOWN[key]


def _grade(
    function: Callable[..., Any],
    op: str,
    dtypes: tuple[str, ...],
    count: int,
    options: Mapping[str, Any],
    examples: tuple[Mapping[str, Any], ...] = (),
) -> str:
    request = Request(
        dtypes=dtypes, max_examples=count, max_classes=CLASSES, examples=examples, options=options
    )
    last = list(run([Task(function, op, request, name="fix")]))[-1]
    assert isinstance(last, Finished)
    grade = last.report.grade
    if grade is None:
        return str(Grade.UNSTABLE) if options else ""
    return str(grade)
