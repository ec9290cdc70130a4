"""A verdict, and the words in which it is given: one line, numbers short enough to read."""

from __future__ import annotations

import math
import traceback
from dataclasses import dataclass
from typing import Any

from stabcheck.explain.trace.nodes import Node
from stabcheck.explain.trace.places import Place, kind_of_file
from stabcheck.targets.guard import describe

#: The words that `findings.Cause.kind` uses, and what they say.
KINDS = {
    "overflow": "an intermediate value leaves the format although the result would fit",
    "underflow": "an intermediate value becomes zero or subnormal and is needed afterwards",
    "cancellation": "nearly equal rounded numbers are subtracted",
    "absorption": "a small term is lost in a sum with a large one",
    "amplification": "a function enlarges the rounding error of its argument",
    "zero-times-inf": "0 * inf",
    "inf-minus-inf": "inf - inf",
    "inf-over-inf": "inf / inf",
    "zero-over-zero": "0 / 0",
    "stalled-accumulation": "a running sum no longer grows, or loses a digit per term",
    "clipping": "a clip or an added epsilon changes the value",
    "threshold": "a branch switches to an approximation too early",
    "format-too-small": "the same code is right one format up",
    "double-rounding": "rounded twice on the way to the format",
    "formula": "the formula gives another value even without rounding",
    "nan-killed": "an operation turns NaN into a number",
    "mutates": "an operation writes into the caller's array",
    "raises": "an operation raises",
    "unknown": "not found",
}


@dataclass(frozen=True)
class Verdict:
    """What went wrong (`kind` is a key of `KINDS`), in one line, and where."""

    kind: str
    text: str
    place: Place
    operation: str = ""


def verdict(kind: str, text: str, node: Node) -> Verdict:
    """A verdict at the place of the node's operation."""
    assert node.step is not None
    return Verdict(kind, text, node.step.place, node.step.operation)


def number(value: Any) -> str:
    """A number as one says it: up to six digits, also far outside of the range of doubles."""
    as_float = float(value)
    beyond = (as_float == 0 and value != 0) or (math.isinf(as_float) and value != as_float)
    if beyond:
        return str(value.context.nstr(value, 4))
    return "0" if as_float == 0 else f"{as_float:.6g}"


def two_numbers(a: Any, b: Any) -> tuple[str, str]:
    """Two different numbers with as many digits as tell them apart."""
    texts = number(a), number(b)
    if texts[0] != texts[1] or a == b:
        return texts
    several = ((f"{float(a):.{digits}g}", f"{float(b):.{digits}g}") for digits in range(7, 18))
    return next((pair for pair in several if pair[0] != pair[1]), texts)


#: What NumPy's methods are called in everyday words.
_NAMES = {"add.reduce": "sum", "multiply.reduce": "prod", "maximum.reduce": "max", "minimum.reduce": "min"}


def operation(node: Node) -> str:
    """The operation as a function of its first few operands."""
    assert node.step is not None
    name = _NAMES.get(node.step.operation, node.step.operation)
    shown = ", ".join(number(p.actual) for p in node.parents[:3])
    more = ", ..." if len(node.parents) > 3 or node.step.operation in _NAMES else ""
    return f"{name}({shown}{more})"


def source(node: Node) -> str:
    """The operation as it stands in the code, shortened."""
    assert node.step is not None
    text = node.step.place.source or node.step.operation
    return f"`{text}`" if len(text) <= 60 else f"`{text[:57]}...`"


def at_line(node: Node, other: Node) -> str:
    """ " (line 12)" when the node lies on another line than the other one."""
    assert node.step is not None
    assert other.step is not None
    here, there = node.step.place, other.step.place
    return "" if (here.file, here.line) == (there.file, there.line) else f" (line {here.line})"


def place_of_error(error: BaseException) -> Verdict:
    """Where an exception was raised: the innermost line of the user's files on its way."""
    summary = traceback.extract_tb(error.__traceback__)
    frames = [f for f in summary if kind_of_file(f.filename) == "user"]
    frames = frames or [f for f in summary if kind_of_file(f.filename) == "library"]
    text = describe(error)
    if not frames:
        return Verdict("raises", text, Place())
    frame = frames[-1]
    return Verdict("raises", text, Place(frame.filename, frame.lineno or 0, 0, (frame.line or "").strip()))
