"""The traced computation once more in exact arithmetic, with the errors of one operation put back in.

What an operation is to blame for is not its local error but what that error does to the result: everything
is computed exactly, except that one operation errs as it did in the actual run (relative error put back;
overflow to infinity, underflow to zero and NaN put back as such). This is the "one operation at a time"
experiment of delta debuggers (pLiner, Verificarlo) on top of Herbgrind's local errors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Set
from functools import cached_property
from typing import Any

from stabcheck.explain.trace.exact import ulps
from stabcheck.explain.trace.nodes import Node, Step, ancestry
from stabcheck.explain.trace.records import evaluated, local_truth
from stabcheck.formats import Format

#: A site is one operation in the text of the program: all turns of a loop are one site.
Site = tuple[str, int, int, str]
#: node -> the parent that is passed on instead of computing the node, or None to compute it.
Bypass = Callable[[Node], Node | None]


def site_of(step: Step) -> Site:
    return (step.place.file, step.place.line, step.place.column, step.operation)


class Rerun:
    """Exact reruns of everything that leads to one output element."""

    def __init__(self, mp: Any, end: Node, fmt: Format, until: float) -> None:
        self.mp = mp
        self.end = end
        self.format = fmt
        self.nodes = ancestry([end])
        self.until = until
        self._ideals: dict[int, Any] = {}

    @cached_property
    def truth(self) -> Mapping[int, Any]:
        """serial -> exact value of every node, nothing put back in."""
        return self._run(lambda node, operands: self._exact(node, operands))

    @cached_property
    def sites(self) -> Mapping[Site, list[Node]]:
        """The computed nodes by site, in the order of time."""
        found: dict[Site, list[Node]] = {}
        for node in self.nodes:
            if node.step is not None and node.rule is not None:
                found.setdefault(site_of(node.step), []).append(node)
        return found

    def ideal(self, node: Node) -> Any:
        """The exact operation on the node's actual operands."""
        if node.serial not in self._ideals:
            self._ideals[node.serial] = local_truth(self.mp, node)
        return self._ideals[node.serial]

    def errs(self, node: Node) -> bool:
        """Whether the node has a local error at all. An operation on NaN or infinity that gives what exact
        arithmetic gives errs no more: it only carries."""
        ideal = self.ideal(node)
        return bool(self.mp.isfinite(ideal)) and ideal != node.actual

    def with_errors_of(self, *sites: Site) -> Mapping[int, Any]:
        """The values when only these sites err as they did."""
        return self.with_errors_at({n.serial for site in sites for n in self.sites[site] if self.errs(n)})

    def with_errors_at(self, chosen: Set[int]) -> Mapping[int, Any]:
        """The values when only the nodes of these serials err as they did."""
        return self._run(
            lambda node, operands: (
                self._erring(node, operands) if node.serial in chosen else self._exact(node, operands)
            )
        )

    def bypassing(self, bypass: Bypass) -> Any:
        """The exact result when some nodes hand on one of their parents instead of computing."""
        values: dict[int, Any] = {}
        for node in self.nodes:
            passed = bypass(node)
            if passed is not None:
                values[node.serial] = values[passed.serial]
            else:
                values[node.serial] = self._exact(node, [values[p.serial] for p in node.parents])
        return values[self.end.serial]

    def error(self, value: Any) -> float:
        """Error of a value of the output element against the exact one, in ulps of the format."""
        return ulps(self.mp, value, self.truth[self.end.serial], self.format)

    def effect(self, *sites: Site) -> float:
        """What the errors of these sites alone do to the output element, in ulps."""
        if not any(self.errs(node) for site in sites for node in self.sites[site]):
            return 0.0
        return self.error(self.with_errors_of(*sites)[self.end.serial])

    def effects(self) -> dict[Site, float]:
        """The effect of every site, as far as the time allows (earlier sites first)."""
        found = {}
        for site in self.sites:
            found[site] = self.effect(site)
            if time.thread_time() > self.until:
                break
        return found

    def _run(self, value_of: Callable[[Node, list[Any]], Any]) -> dict[int, Any]:
        values: dict[int, Any] = {}
        for node in self.nodes:
            values[node.serial] = value_of(node, [values[parent.serial] for parent in node.parents])
        return values

    def _exact(self, node: Node, operands: list[Any]) -> Any:
        return self.mp.mpf(node.actual) if node.rule is None else evaluated(self.mp, node, operands)

    def _erring(self, node: Node, operands: list[Any]) -> Any:
        mp, actual, ideal = self.mp, self.mp.mpf(node.actual), self.ideal(node)
        value = self._exact(node, operands)
        if not mp.isfinite(actual) or actual == 0:
            return actual
        return value + actual if ideal == 0 else value * (actual / ideal)
