"""Numbers that leave the range: overflow, underflow, and the NaN and infinities that they lead to."""

from __future__ import annotations

import math
from typing import Any

from stabcheck.explain.rerun import Rerun
from stabcheck.explain.trace.nodes import Node
from stabcheck.explain.verdict import Verdict, at_line, number, operation, source, verdict
from stabcheck.formats import Format


def format_of(rerun: Rerun, node: Node) -> Format:
    assert node.step is not None
    return node.step.fmt or rerun.format


def exception_kind(node: Node, ideal: Any, fmt: Format) -> str:
    if math.isinf(node.actual):
        return "overflow"
    if node.actual == 0 or (
        abs(node.actual) < fmt.tiny and abs(ideal - node.actual) > 4 * fmt.u * abs(ideal)
    ):
        return "underflow"
    return ""


def exception(rerun: Rerun, node: Node) -> Verdict:
    """Overflow or underflow at a node; the text follows it to where it surfaces as NaN or infinity."""
    base = birth(node, format_of(rerun, node), rerun.ideal(node))
    surfaced = next(
        (
            n
            for n in rerun.nodes
            if n.serial > node.serial
            and n.step is not None
            and (math.isnan(n.actual) or math.isinf(n.actual))
            and not any(math.isnan(p.actual) or p.actual == n.actual for p in n.parents)
        ),
        None,
    )
    if surfaced is None:
        return base
    form = _indeterminate(surfaced)
    how = f"{form} = NaN" if form else number(surfaced.actual)
    text = f"{base.text}; {source(surfaced)}{at_line(surfaced, node)} then gives {how}"
    return Verdict(base.kind, text, base.place, base.operation)


def birth(node: Node, fmt: Format, ideal: Any = None) -> Verdict:
    """The verdict on an operation that made an infinity, a zero or a NaN out of ordinary numbers."""
    assert node.step is not None
    name = node.step.operation
    made = operation(node)
    if math.isnan(node.actual):
        known = _indeterminate(node)
        return verdict(_nan_kind(node), f"{made} is NaN{f' ({known})' if known else ''}", node)
    exact = f" = {number(ideal)}" if ideal is not None else ""
    if math.isinf(node.actual):
        if any(p.actual == 0 for p in node.parents) and name in (
            "log",
            "divide",
            "log2",
            "log10",
            "reciprocal",
        ):
            return verdict("underflow", f"{made} is {number(node.actual)}", node)
        limit = f"the largest {fmt.name} is {fmt.max:.4g}"
        return verdict("overflow", f"{made}{exact} overflows: {limit}", node)
    what = "underflows to 0" if node.actual == 0 else f"underflows to the subnormal {number(node.actual)}"
    return verdict("underflow", f"{made}{exact} {what} in {fmt.name}", node)


def _indeterminate(node: Node) -> str:
    """ "inf / inf" and the like, "" otherwise, for a NaN made of operands that are not NaN."""
    kind = _nan_kind(node) if math.isnan(node.actual) else ""
    return {
        "inf-minus-inf": "inf - inf",
        "zero-times-inf": "0 * inf",
        "inf-over-inf": "inf / inf",
        "zero-over-zero": "0 / 0",
    }.get(kind, "")


def _nan_kind(node: Node) -> str:
    assert node.step is not None
    name = node.step.operation
    values = [p.actual for p in node.parents]
    if name == "divide" and len(values) == 2:
        return "zero-over-zero" if values[0] == 0 else "inf-over-inf"
    if name in (
        "multiply",
        "dot",
        "inner",
        "matmul",
        "einsum",
        "vecdot",
        "matvec",
        "vecmat",
        "multiply.reduce",
    ):
        return "zero-times-inf" if 0.0 in values else "inf-minus-inf"
    if name in ("add", "subtract", "add.reduce", "sum", "mean", "add.accumulate"):
        return "inf-minus-inf"
    return "unknown"


def undeserved_nan(rerun: Rerun) -> Verdict | None:
    """0 * inf where the 0 is exact: the product should not count at all, whatever its other factor."""
    for node in rerun.nodes:
        if math.isnan(node.actual) and node.parents and not any(math.isnan(p.actual) for p in node.parents):
            zeros = [p for p in node.parents if p.actual == 0 and rerun.truth[p.serial] == 0]
            infinite = [p for p in node.parents if math.isinf(p.actual)]
            if not (zeros and infinite and _nan_kind(node) == "zero-times-inf"):
                return None
            origin = infinite[0]
            made = f", the infinity comes from {source(origin)}{at_line(origin, node)}" if origin.step else ""
            return verdict(
                "zero-times-inf", f"0 * {number(origin.actual)} = NaN in {source(node)}{made}", node
            )
    return None
