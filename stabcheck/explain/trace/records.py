"""What a trace tells: one record per operation, with values, exact values and errors beside them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stabcheck.explain.trace import exact
from stabcheck.explain.trace.nodes import Node, Step, Tape, ancestry
from stabcheck.explain.trace.places import Place

#: Elements of one operation that a record shows.
SHOWN = 16
#: Operations for which there are records: the turns of a long loop are all alike.
LISTED = 1000


@dataclass(frozen=True)
class Record:
    """One operation. Errors are in ulps of the operation's format, the largest over its elements:
    `carried` against the exact run, `local` against the exact operation on the actual operands.

    `label` tells about NaN and infinity: "born" (none of the operands had it), "propagated", "killed"
    (an operand had it, the result does not), or "". `exact` holds the exact values as text of 17 digits.
    """

    operation: str
    place: Place
    format: str
    computed: tuple[float, ...]
    exact: tuple[str, ...]
    carried: float
    local: float
    label: str
    shadowed: bool
    note: str = ""


@dataclass(frozen=True)
class Trace:
    """One traced call. `faithful` says that the result was bitwise that of the untraced call; otherwise
    `notes` say why there are no records. `tape` and `outputs` are what `cause` works on: `outputs` holds
    (shape, nodes) for each array of the result, nodes None where the result was not followed.
    """

    records: tuple[Record, ...] = ()
    faithful: bool = False
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    raised: BaseException | None = None
    tape: Tape | None = field(default=None, repr=False)
    outputs: tuple[tuple[tuple[int, ...], tuple[Node, ...] | None], ...] = field(default=(), repr=False)
    truths: dict[int, Any] = field(default_factory=dict, repr=False)


def truths(mp: Any, ends: Sequence[Node], until: float, known: dict[int, Any]) -> dict[int, Any]:
    """serial -> exact value, for these nodes and their ancestors; what is not reached in time is left out."""
    for node in ancestry(ends):
        if node.serial in known:
            continue
        if time.thread_time() > until:
            break
        if node.rule is None or node.step is None:
            known[node.serial] = mp.mpf(node.actual)
        else:
            known[node.serial] = evaluated(mp, node, [known[parent.serial] for parent in node.parents])
    return known


def evaluated(mp: Any, node: Node, operands: Sequence[Any]) -> Any:
    """The node's rule on these operands; NaN where real arithmetic has no answer."""
    assert node.rule is not None
    try:
        value = node.rule(mp, operands)
        return value if isinstance(value, mp.mpf) else mp.mpf(value)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError, ArithmeticError):
        return mp.nan


def local_truth(mp: Any, node: Node) -> Any:
    """The exact operation on the actual operands."""
    return evaluated(mp, node, [mp.mpf(parent.actual) for parent in node.parents])


def records(mp: Any, tape: Tape, known: dict[int, Any], until: float) -> tuple[Record, ...]:
    """A record per step, in the order of time, as far as the time allows."""
    done = []
    for step in tape.steps[:LISTED]:
        if time.thread_time() > until:
            break
        done.append(_record(mp, tape, step, known))
    return tuple(done)


def _record(mp: Any, tape: Tape, step: Step, known: dict[int, Any]) -> Record:
    fmt = step.fmt or tape.format
    carried = local = 0.0
    for node in step.nodes[:SHOWN]:
        truth = known.get(node.serial)
        if node.rule is not None and truth is not None:
            got = mp.mpf(node.actual)
            carried = max(carried, exact.ulps(mp, got, truth, fmt))
            local = max(local, exact.ulps(mp, got, local_truth(mp, node), fmt))
    shown = step.nodes[:SHOWN]
    return Record(
        operation=step.operation,
        place=step.place,
        format=fmt.name,
        computed=tuple(node.actual for node in shown),
        exact=tuple(mp.nstr(known[n.serial], 17) if n.serial in known else "?" for n in shown),
        carried=carried,
        local=local,
        label=label(step.nodes),
        shadowed=step.kind != "opaque",
        note=step.note,
    )


def label(nodes: Sequence[Node]) -> str:
    """ "born", "propagated", "killed" or "" for the NaN and infinities of one operation."""
    found = set()
    for node in nodes:
        before = {_special(parent.actual) for parent in node.parents} - {""}
        now = _special(node.actual)
        if now and node.step is not None:
            found.add("propagated" if now in before else "born")
        elif before:
            found.add("killed")
    return next((word for word in ("born", "propagated", "killed") if word in found), "")


def _special(value: float) -> str:
    return "nan" if math.isnan(value) else "inf" if math.isinf(value) else ""
