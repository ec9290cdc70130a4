"""What was asked for, normalised and validated: one frozen record shared by all doors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from stabcheck.findings import Level

if TYPE_CHECKING:
    from stabcheck.ops.op import Op

#: Examples per cell when nothing is asked.
DEFAULT_EXAMPLES = 1000
#: The same for an implementation of the catalogue: there are hundreds of cells of planted defects.
CATALOGUE_EXAMPLES = 400


@dataclass(frozen=True)
class Request:
    """How one target is to be checked. Field names are those of `stabcheck.check` and, with dashes,
    of the command line's options and the configuration's keys.

    `dtypes` are names of formats, `max_examples` is per cell (None: `DEFAULT_EXAMPLES`), `max_time` in
    seconds for the whole run, `range` bounds finite logits, `examples` are mappings from argument name
    to an array (one example each), judged first.
    """

    dtypes: tuple[str, ...] = ("float32", "float64")
    level: Level = Level.STABLE
    options: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    max_examples: int | None = None
    max_time: float | None = None
    max_classes: int = 4096
    range: tuple[float, float] | None = None
    specials: Literal["finite", "masked", "extended"] = "masked"
    examples: tuple[Mapping[str, Any], ...] = ()
    regimes: tuple[str, ...] | None = None
    gate_factor: float = 1.0
    grad: bool = False
    backend: str = "auto"
    device: str | None = None
    rows: bool | None = None
    isolate: bool = False
    time_limit: float = 10.0  # seconds for one call of an isolated target
    memory_limit: int = 4 << 30  # bytes of an isolated target
    signals: Literal["report", "fail", "ignore"] = "report"
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    seed: int = 0

    @property
    def effort(self) -> int:
        return DEFAULT_EXAMPLES if self.max_examples is None else self.max_examples

    def bounds(self, op: Op) -> dict[str, tuple[float, float]]:
        """Between which numbers each argument may lie: its domain, and for logits the range asked for."""
        allowed = {}
        for argument in op.arguments:
            low, high = argument.domain
            if self.range is not None and argument.kind == "logits":
                low, high = max(low, self.range[0]), min(high, self.range[1])
            allowed[argument.name] = (low, high)
        return allowed


@dataclass(frozen=True)
class Task:
    """One target to be checked against one op (or the name of one).

    `target` is a callable or its name ("pkg.mod:fn", "file.py:fn"); `name` overrides the name in the report.
    `declared` maps formats to the grade that an implementation of the catalogue claims, `reason` says why;
    `catalogue` marks those tasks.
    """

    target: Any
    op: str | Op
    request: Request
    name: str | None = None
    declared: Mapping[str, str] = field(default_factory=dict)
    reason: Mapping[str, str] = field(default_factory=dict)
    catalogue: bool = False
