"""Blame for rounding, overflow and underflow: the user's formula is right, the arithmetic was not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from stabcheck.explain.range_errors import exception, exception_kind, format_of, undeserved_nan
from stabcheck.explain.rerun import Rerun, Site
from stabcheck.explain.trace.exact import ulps
from stabcheck.explain.trace.nodes import Node
from stabcheck.explain.trace.places import Place
from stabcheck.explain.trace.records import evaluated
from stabcheck.explain.verdict import Verdict, at_line, number, source, verdict

#: Effects within this factor of the largest count as equally guilty: the earliest of them is named.
COMPARABLE = 8.0
#: From this factor on a growth of the relative error is an amplification.
AMPLIFIES = 3.0
#: A term of this share of a sum is lost in it when the sum is subtracted from something of its own size.
DIRECTLY = 1 / 8
#: So many overflows and underflows of one operation are told apart by their effects.
COMPARED = 24
#: A sum that errs by more ulps than this has stalled (or lost a digit per term).
STALLED = 4.0

_SUMS = {"add.reduce", "sum", "mean", "add.accumulate", "add", "dot", "inner", "matmul", "einsum", "vecdot"}
_ADDITIONS = {"add", "subtract", "add.reduce", "sum", "mean"}
_LOGS = {"log", "log2", "log10", "xlogy"}
_COPIES = {"astype", "setitem", "array", "where", "maximum", "minimum", "clip", "positive"}


def blame(rerun: Rerun, wider_is_fine: Callable[[], bool]) -> Verdict:
    """The verdict for an output element whose exact run gives the truth."""
    nan = undeserved_nan(rerun)
    if nan is not None:
        return nan
    effects = rerun.effects()
    guilty = culprit(rerun, effects)
    if guilty is None:
        return _nothing(rerun, wider_is_fine)
    spoiled = exceptional(rerun, guilty)
    if spoiled is not None:
        return exception(rerun, spoiled)
    return _rounded(rerun, guilty, wider_is_fine)


def culprit(rerun: Rerun, effects: dict[Site, float]) -> Site | None:
    """The site with the largest effect; among comparable ones overflow and underflow first, then the
    earliest. When no site alone explains the error, the one with which the errors so far add up to it."""
    worst = max(effects.values(), default=0.0)
    total = rerun.error(rerun.mp.mpf(rerun.end.actual))
    if worst < 0.5 or worst < total / 64:
        together: list[Site] = []
        for site in effects:
            together.append(site)
            if rerun.effect(*together) >= max(total / 4, 0.5):
                return site
        return max(effects, key=lambda s: effects[s]) if worst > 0 else None
    close = [s for s, effect in effects.items() if effect >= worst / COMPARABLE]
    return next((s for s in close if exceptional(rerun, s) is not None), close[0])


def exceptional(rerun: Rerun, site: Site) -> Node | None:
    """The node of the site that left the range of its format with the gravest consequences."""
    found = [
        node
        for node in rerun.sites[site]
        if rerun.errs(node) and exception_kind(node, rerun.ideal(node), format_of(rerun, node))
    ]

    def effect(node: Node) -> float:
        return rerun.error(rerun.with_errors_at({node.serial})[rerun.end.serial])

    # Where all of them are needed together, the first one stands for the rest.
    return max(found[:COMPARED], key=effect) if len(found) > 1 else found[0] if found else None


def _rounded(rerun: Rerun, site: Site, wider_is_fine: Callable[[], bool]) -> Verdict:
    """All values in range: a sum that stalled, an absorbed term, or a carried error that was amplified."""
    nodes = [n for n in rerun.sites[site] if rerun.errs(n)]
    worst = max(nodes, key=lambda n: abs(rerun.ideal(n) / n.actual - 1) if n.actual else rerun.mp.inf)
    assert worst.step is not None
    stalled = _stalled(rerun, site, nodes)
    if stalled is not None:
        return stalled
    if worst.step.kind == "cast":
        return _cast(rerun, worst)
    values = rerun.with_errors_of(site)
    growth = _amplifier(rerun, _path(rerun, values), values)
    if growth is None:
        return _nothing(rerun, wider_is_fine, worst)
    amplifier, carrier = growth
    small = absorbed(worst)
    assert amplifier.step is not None
    if _cancels(rerun, amplifier):
        swallowed = absorbed(worst, DIRECTLY)
        if swallowed is not None and _copied_from(carrier, nodes):
            small = swallowed
            then = f"{source(amplifier)}{at_line(amplifier, worst)} then lays the loss bare"
            text = f"{_absorbs(worst, small)}; {then}"
            return verdict("absorption", text, worst)
        return verdict("cancellation", _cancelling(amplifier, worst, small), amplifier)
    name = amplifier.step.operation
    if small is not None:
        text = f"{_absorbs(worst, small)}; {source(amplifier)}{at_line(amplifier, worst)} needs what was lost"
        return verdict("absorption", text, worst)
    if name in _LOGS:
        text = (
            f"{source(worst)} rounds to {number(carrier.actual)}, and {name} next to 1 needs the digits lost"
        )
        return verdict("absorption", text, worst if worst.step.operation in _ADDITIONS else amplifier)
    text = f"{source(amplifier)} enlarges the rounding error of {source(worst)}{at_line(worst, amplifier)}"
    return verdict("amplification", text, amplifier)


def _cast(rerun: Rerun, node: Node) -> Verdict:
    fmt = format_of(rerun, node)
    if fmt.precision < rerun.format.precision:
        before, after = number(node.parents[0].actual), number(node.actual)
        text = f"{source(node)} rounds to {fmt.name}: {before} becomes {after}"
        return verdict("format-too-small", text, node)
    return verdict("double-rounding", f"{source(node)} rounds to {fmt.name} what was rounded before", node)


def _stalled(rerun: Rerun, site: Site, nodes: Sequence[Node]) -> Verdict | None:
    """A sum whose own error is beyond the rounding of its result: a reduction, or the turns of a loop."""
    last = nodes[-1]
    assert last.step is not None
    if last.step.operation not in _SUMS or _cancelled_sum(last):
        return None
    values = rerun.with_errors_of(site)
    fmt = format_of(rerun, last)
    error = max(ulps(rerun.mp, values[n.serial], rerun.truth[n.serial], fmt) for n in (nodes[0], last))
    if error < STALLED or (len(nodes) < 8 and last.step.operation in ("add", "subtract")):
        return None
    got, right = number(last.actual), number(rerun.truth[last.serial])
    text = (
        f"the sum {source(last)} reaches {got} where {right} is right: "
        f"{fmt.name} has {fmt.precision} bits, so a running sum absorbs its terms"
    )
    return verdict("stalled-accumulation", text, last)


def _cancelled_sum(node: Node) -> bool:
    """Terms of both signs: an error beyond the result's ulp is ordinary there."""
    signs = {p.actual > 0 for p in node.parents if p.actual != 0}
    return len(signs) > 1


def _path(rerun: Rerun, values: Mapping[int, Any]) -> list[Node]:
    """The way of the error to the output, backwards: at every operation the operand that matters most."""
    mp, node, path = rerun.mp, rerun.end, [rerun.end]
    while node.rule is not None:
        exact = [rerun.truth[p.serial] for p in node.parents]
        changed = [i for i, p in enumerate(node.parents) if values[p.serial] != rerun.truth[p.serial]]
        if not changed:
            break

        def damage(i: int, node: Node = node, exact: list[Any] = exact) -> Any:
            moved = [*exact[:i], values[node.parents[i].serial], *exact[i + 1 :]]
            difference = abs(evaluated(mp, node, moved) - rerun.truth[node.serial])
            return mp.inf if mp.isnan(difference) else difference

        node = node.parents[max(changed, key=damage)]
        path.append(node)
    return path


def _amplifier(rerun: Rerun, path: Sequence[Node], values: Mapping[int, Any]) -> tuple[Node, Node] | None:
    """(operation, its operand): where the relative error grows most on its way to the output."""
    best, found = AMPLIFIES, None

    def relative(node: Node) -> Any:
        truth, value = rerun.truth[node.serial], values[node.serial]
        if not rerun.mp.isfinite(truth) or truth == 0:
            return rerun.mp.zero
        # Infinity or NaN instead of a number: no digit is right.
        return abs(value - truth) / abs(truth) if rerun.mp.isfinite(value) else rerun.mp.one

    for node, operand in pairwise(path):
        before, after = relative(operand), relative(node)
        # An error below a thousandth of an ulp is no error that anybody could blame.
        if before > 0 and after > rerun.format.u / 1024 and after / before > best:
            best, found = after / before, (node, operand)
    return found


def _cancels(rerun: Rerun, node: Node) -> bool:
    assert node.step is not None
    if node.step.operation not in ("add", "subtract", "add.reduce", "sum", "mean"):
        return False
    largest = max(abs(rerun.truth[p.serial]) for p in node.parents)
    return bool(abs(rerun.truth[node.serial]) < largest / 4)


def _copied_from(node: Node, origins: Sequence[Node]) -> bool:
    """Whether the number was made by one of these, apart from casts, copies and choices."""
    known = {origin.serial for origin in origins}
    while node.serial not in known:
        if node.step is None or node.step.operation not in _COPIES or not node.parents:
            return False
        node = node.parents[0]
    return True


def absorbed(node: Node, share: float | None = None) -> Node | None:
    """The smallest nonzero term of a sum if it is at most this share of the sum; by default the share at
    which it loses at least a quarter of the format's digits."""
    assert node.step is not None
    if node.step.operation not in _ADDITIONS or node.actual == 0 or node.step.fmt is None:
        return None
    terms = [p for p in node.parents if p.actual != 0 and math.isfinite(p.actual)]
    if len(terms) < 2:
        return None
    limit = 2.0 ** (-node.step.fmt.precision / 4) if share is None else share
    small = min(terms, key=lambda p: abs(p.actual))
    return small if abs(small.actual) <= abs(node.actual) * limit else None


def _absorbs(node: Node, small: Node) -> str:
    assert node.step is not None
    fmt = node.step.fmt
    ulp = abs(node.actual) * 2 * fmt.u if fmt is not None else 0.0
    all_of_it = abs(small.actual) < ulp / 2
    few = abs(small.actual) < ulp * 256
    how = "loses all of" if all_of_it else "keeps only a few digits of" if few else "loses digits of"
    return f"{source(node)} = {number(node.actual)} {how} the term {number(small.actual)}"


def _cancelling(amplifier: Node, worst: Node, small: Node | None) -> str:
    operands = " - ".join(number(abs(p.actual)) for p in amplifier.parents[:2])
    line = at_line(worst, amplifier)
    if small is not None:
        return f"{operands} cancels in {source(amplifier)}: {_absorbs(worst, small)}{line}"
    rest = f"what is left is the rounding error of {source(worst)}{line}"
    return f"{operands} cancels in {source(amplifier)}: {rest}"


def _nothing(rerun: Rerun, wider_is_fine: Callable[[], bool], worst: Node | None = None) -> Verdict:
    """No operation stands out: perhaps the format is too small for the formula as a whole."""
    if wider_is_fine():
        place = worst.step.place if worst is not None and worst.step is not None else Place()
        text = f"small errors add up: the same code is right one format above {rerun.format.name}"
        return Verdict("format-too-small", text, place)
    if worst is not None:
        error = ulps(rerun.mp, rerun.mp.mpf(worst.actual), rerun.ideal(worst), format_of(rerun, worst))
        return verdict("unknown", f"{source(worst)} itself is off by {error:.3g} ulps", worst)
    return Verdict("unknown", "no operation with an error was found", Place())
