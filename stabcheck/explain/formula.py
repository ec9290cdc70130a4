"""Blame where even exact arithmetic misses the truth: a clip, an epsilon, a threshold, 0 * inf, lost NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from stabcheck.explain.range_errors import birth
from stabcheck.explain.rerun import Bypass, Rerun, Site, site_of
from stabcheck.explain.trace.nodes import Node, Step, Tape
from stabcheck.explain.trace.places import Place
from stabcheck.explain.verdict import Verdict, number, source, two_numbers, verdict

#: Constants up to this size that are added to something are taken for an epsilon.
EPSILON = 1e-2
_LIMITS = {"clip", "maximum", "minimum", "fmax", "fmin", "nan_to_num"}

Right = Callable[[Any], bool]


def blame(rerun: Rerun, tape: Tape, expected: Any, right: Right) -> Verdict:
    """The verdict for an output element whose exact run misses the truth; `right` recognises the truth, which
    is `expected`, rounded to the format."""
    value = rerun.truth[rerun.end.serial]
    if rerun.mp.isnan(value):
        return _first_nan(rerun)
    derived = _derived(rerun, tape)
    for kind, bypass, sites in _suspects(rerun, derived):
        mending = [site for site in sites if right(rerun.bypassing(_only(bypass, {site})))]
        if mending:
            # Several may do by coincidence: a constant that was put in is the likelier culprit.
            constant = [s for s in mending if any(_is_constant(n, derived) for n in rerun.sites[s])]
            return _limited(rerun, kind, (constant or mending)[0], derived)
        if len(sites) > 1 and right(rerun.bypassing(_only(bypass, set(sites)))):
            # Of several that must all go the last one decides: an inner `where` often guards the outer one.
            return _limited(rerun, kind, sites[-1], derived)
    limited = _active_limit(rerun, derived)
    if limited is not None:
        return _limited(rerun, "clipping", limited, derived)
    branch = _comparison(rerun, tape)
    if branch is not None:
        return branch
    opaque = next((s for s in tape.steps if s.kind == "opaque"), None)
    if opaque is not None:
        return Verdict(
            "unknown",
            f"{opaque.operation} is one step here: nothing is known of what it does inside",
            opaque.place,
            opaque.operation,
        )
    given, wanted = two_numbers(value, expected)
    text = f"even without any rounding this formula gives {given}, not {wanted}"
    return verdict("formula", text, rerun.end) if rerun.end.step else Verdict("formula", text, Place())


def _only(bypass: Bypass, sites: set[Site]) -> Bypass:
    return lambda node: bypass(node) if node.step is not None and site_of(node.step) in sites else None


def _suspects(rerun: Rerun, derived: set[int]) -> Iterable[tuple[str, Bypass, list[Site]]]:
    """(kind, what to hand on instead, the sites of that kind), the likeliest kind first."""

    def constant(node: Node) -> bool:
        return node.serial not in derived

    def unlimited(node: Node) -> Node | None:
        if node.step is None or node.step.operation not in _LIMITS:
            return None
        free = [p for p in node.parents if not constant(p)]
        return free[0] if len(free) == 1 else None

    def without_epsilon(node: Node) -> Node | None:
        if node.step is None or node.step.operation not in ("add", "subtract") or len(node.parents) != 2:
            return None
        small = [p for p in node.parents if constant(p) and 0 < abs(p.actual) <= EPSILON]
        return next((p for p in node.parents if p not in small), None) if small else None

    def other_branch(node: Node) -> Node | None:
        return node.parents[1] if node.step is not None and node.step.kind == "choice" else None

    for kind, bypass in (("clipping", unlimited), ("clipping", without_epsilon), ("threshold", other_branch)):
        sites = [s for s, nodes in rerun.sites.items() if any(bypass(n) is not None for n in nodes)]
        yield kind, bypass, sites


def _derived(rerun: Rerun, tape: Tape) -> set[int]:
    """The serials of everything that depends on an input; what is left are constants, casts of them too."""
    found = {node.serial for nodes in tape.inputs.values() for node in nodes}
    for node in rerun.nodes:
        if any(parent.serial in found for parent in node.parents):
            found.add(node.serial)
    return found


def _active_limit(rerun: Rerun, derived: set[int]) -> Site | None:
    """The last clip at a constant other than 0 that changed its value; what it hides may be infinite, so
    that leaving it out does not help by itself."""
    found = None
    for site, nodes in rerun.sites.items():
        for node in nodes:
            limits = [p.actual for p in node.parents if p.serial not in derived]
            changed = any(p.actual != node.actual for p in node.parents if p.serial in derived)
            near = 2 * rerun.format.u * abs(node.actual)  # the limit may have been rounded to the format
            held = any(abs(limit - node.actual) <= near for limit in limits)
            if site[3] in _LIMITS and changed and held and node.actual != 0:
                found = site
    return found


def _is_constant(node: Node, derived: set[int]) -> bool:
    """A choice that took a constant where the other branch is no such constant."""
    return (
        node.step is not None
        and node.step.kind == "choice"
        and node.parents[0].serial not in derived
        and node.parents[0].actual != node.parents[1].actual
    )


def _limited(rerun: Rerun, kind: str, site: Site, derived: set[int]) -> Verdict:
    nodes = rerun.sites[site]
    changed = next((n for n in nodes if n.parents[0].actual != n.actual), nodes[0])
    if kind == "threshold":
        told = next((n for n in nodes if _is_constant(n, derived)), changed)
        taken, other = two_numbers(told.parents[0].actual, told.parents[1].actual)
        if _is_constant(told, derived) and not math.isfinite(told.parents[1].actual):
            return verdict("clipping", f"{source(told)} puts {taken} in place of {other}", told)
        return verdict(kind, f"{source(told)} takes {taken}, the other branch ({other}) is right", told)
    if changed.step is not None and changed.step.operation in ("add", "subtract"):
        small, rest = sorted(changed.parents, key=lambda p: p.serial in derived)
        text = f"{source(changed)} adds the constant {number(small.actual)} to {number(rest.actual)}"
        return verdict(kind, text, changed)
    given = next((p for p in changed.parents if p.serial in derived), changed.parents[0])
    before, after = two_numbers(given.actual, changed.actual)
    return verdict(kind, f"{source(changed)} changes {before} into {after}", changed)


def _first_nan(rerun: Rerun) -> Verdict:
    """Exact arithmetic has no answer: the first operation without one."""
    mp = rerun.mp
    for node in rerun.nodes:
        if mp.isnan(rerun.truth[node.serial]) and not any(
            mp.isnan(rerun.truth[p.serial]) for p in node.parents
        ):
            if node.step is None:
                return Verdict("unknown", "NaN came in from outside", Place())
            shown = Node(node.serial, math.nan, node.step, node.parents, node.rule)
            return birth(shown, node.step.fmt or rerun.format)
    return Verdict("unknown", "no operation with an error was found", Place())


def _comparison(rerun: Rerun, tape: Tape) -> Verdict | None:
    """A comparison with a constant decided which formula was used: the last such one."""
    ours = {node.serial for node in rerun.nodes}
    derived = _derived(rerun, tape)

    def threshold(step: Step) -> float | None:
        constants = [n.actual for n in step.operands if n.step is None and n.serial not in derived]
        about_us = any(n.serial in ours for n in step.operands)
        return constants[-1] if step.kind == "comparison" and constants and about_us else None

    decided = [(step, limit) for step in tape.steps if (limit := threshold(step)) is not None]
    # A threshold at 0 is where textbook formulas split, too; any other one is the likelier culprit.
    decided = [entry for entry in decided if entry[1] != 0 and math.isfinite(entry[1])] or decided
    if not decided:
        return None
    step, limit = decided[-1]
    text = f"`{step.place.source}` at {number(limit)} switches to a formula that is not good enough yet"
    return Verdict("threshold", text, step.place, step.operation)


def hidden_nan(rerun: Rerun, tape: Tape) -> Verdict:
    """The operation that turned NaN into a number."""
    for node in reversed(rerun.nodes):
        if not math.isnan(node.actual) and any(math.isnan(p.actual) for p in node.parents):
            return verdict("nan-killed", f"{source(node)} turns NaN into {number(node.actual)}", node)
    for step in tape.steps:
        if any(math.isnan(n.actual) for n in step.operands):
            text = f"`{step.place.source}` is false for NaN"
            return Verdict("nan-killed", text, step.place, step.operation)
    return Verdict("unknown", "no operation that drops NaN was found", Place())
