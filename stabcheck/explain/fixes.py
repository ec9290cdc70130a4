"""What to write instead: a catalogue of rewrites by op and cause, one Markdown text per op.

Each rewrite has a formula, a snippet in plain NumPy that runs as it is, its source (a paper, a book, an
issue) and where it is safe. `verified` runs the snippet through stabcheck itself; until that was done a fix
has no grade and should not be shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from stabcheck import formats
from stabcheck.findings import Fix, Grade
from stabcheck.formats import Format

#: (function, op, formats, an example that it must stand, options of the op) -> grade as text:
#: `grading.graded`.
Check = Callable[[Callable[..., Any], str, tuple[str, ...], Mapping[str, Any] | None, Mapping[str, Any]], str]

#: Rewrites that are not bound to an op.
GENERAL = "general"

_HEADER = re.compile(r"^(Formats|Causes|Line|Formula|Source|Safe): (.*)$", re.MULTILINE)
_CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)
#: What a naive exp does to the range of an op, in words; the cliff is that of the format.
_RANGE = {
    "softmax": "finite for max(x) <= {top}",
    "log_softmax": "finite for max(x) <= {top}",
    "logsumexp": "finite for max(x) <= {top}",
    "logsumexp_grad": "finite for max(x) <= {top}",
    "cross_entropy": "finite for max(x) <= {top}",
    "cross_entropy_grad": "finite for max(x) <= {top}",
    "softplus": "finite for x <= {top}",
    "logaddexp": "finite for max(a, b) <= {top}",
    "log_sigmoid": "finite for x >= -{top}",
}


@dataclass(frozen=True)
class Rewrite:
    """One entry of the catalogue. `formats` and `causes` empty mean all of them; `line` is what the guilty
    line must contain (a regular expression)."""

    op: str
    title: str
    formats: frozenset[str]
    causes: frozenset[str]
    line: str
    formula: str
    source: str
    safe: str
    snippet: str

    def fits(self, cause: str, fmt: Format, line: str) -> bool:
        """Whether it is of use for this kind of cause, in this format, at this line of code."""
        if self.formats and fmt.name not in self.formats:
            return False
        return (not self.causes or cause in self.causes) and bool(re.search(self.line, line))


@cache
def rewrites(op: str) -> tuple[Rewrite, ...]:
    """The rewrites for an op, the most specific first; none where there is no text."""
    text = files("stabcheck.explain").joinpath(f"texts/fixes/{op}.md")
    if not re.fullmatch(r"\w+", op) or not text.is_file():
        return ()
    parts = re.split(r"^## (.+)\n", text.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return tuple(_read(op, title, body) for title, body in zip(parts[1::2], parts[2::2], strict=True))


def proposals(
    op: str, cause: str, dtype: str | Format, onset: float | None = None, line: str = ""
) -> Iterator[Fix]:
    """The fixes for this op and kind of cause (a word of `verdict.KINDS`), the most specific first, not
    yet graded. `onset` is the finding's, `line` the guilty line."""
    fmt = formats.get(dtype)
    present = _present_range(op, cause, fmt, onset)
    for rewrite in (*rewrites(op), *rewrites(GENERAL)):
        if rewrite.fits(cause, fmt, line):
            safe = f"{rewrite.safe} (the present code: {present})" if present else rewrite.safe
            yield Fix(rewrite.title, rewrite.formula, rewrite.snippet, rewrite.source, safe_range=safe)


def propose(
    op: str,
    cause: str,
    dtype: str,
    onset: float | None = None,
    check: Check | None = None,
    example: Mapping[str, Any] | None = None,
    *,
    line: str = "",
    options: Mapping[str, Any] | None = None,
) -> Fix | None:
    """The first fix that stands the check (all do where there is none); None where there is no such fix.

    `example` are the arguments on which the present code fails, `line` is the guilty one, `options` are
    those of the op that differ from their defaults.
    """
    for fix in proposals(op, cause, dtype, onset, line):
        graded = fix if check is None else verified(fix, op, (dtype,), check, example, options)
        if graded.grade != str(Grade.UNSTABLE):
            return graded
    return None


def function_of(snippet: str) -> Callable[..., Any]:
    """The function that a snippet of this catalogue defines. Only the catalogue's own text is executed."""
    namespace: dict[str, Any] = {"__name__": "stabcheck_fix"}
    exec(compile(snippet, "<fix>", "exec"), namespace)
    defined = [v for v in namespace.values() if getattr(v, "__module__", "") == "stabcheck_fix"]
    function: Callable[..., Any] = defined[-1]
    return function


def verified(
    fix: Fix,
    op: str,
    dtypes: tuple[str, ...],
    check: Check,
    example: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Fix:
    """The fix with the grade that its own snippet reaches under stabcheck; "" where it is not of this op."""
    if not any(fix.snippet == rewrite.snippet for rewrite in rewrites(op)):
        return fix
    return replace(fix, grade=check(function_of(fix.snippet), op, dtypes, example, options or {}))


def _present_range(op: str, cause: str, fmt: Format, onset: float | None) -> str:
    if cause == "overflow" and op in _RANGE and (onset is None or onset <= 2 * fmt.log_max):
        # Rounded towards zero: one unit further would be a promise that exp does not keep.
        top = f"{int(fmt.log_max * 100) / 100:g}"
        return f"{_RANGE[op].format(top=top)} in {fmt.name}"
    if onset is not None:
        return f"fails from magnitude {onset:.4g} on in {fmt.name}"
    return ""


def _read(op: str, title: str, body: str) -> Rewrite:
    header = dict(_HEADER.findall(body))
    code = _CODE.search(body)
    if code is None or not {"Causes", "Formula", "Source", "Safe"} <= header.keys():
        raise ValueError(f"incomplete rewrite {title!r} of {op}")
    causes = frozenset(header["Causes"].split(", ")) - {"any"}
    wanted = frozenset(header["Formats"].split(", ")) if "Formats" in header else frozenset()
    formula, source, safe = header["Formula"], header["Source"], header["Safe"]
    return Rewrite(
        op, title, wanted, causes, header.get("Line", ""), formula, source, safe, code.group(1).strip() + "\n"
    )
