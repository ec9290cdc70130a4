"""Every option of a run, declared once: the command line, the configuration's keys, the environment and
pytest derive theirs from this table."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stabcheck.config.kinds import (
    Choice,
    Codes,
    Count,
    Expectation,
    Flag,
    Interval,
    Kind,
    Names,
    Number,
    Pairs,
    Size,
    Text,
    Workers,
)
from stabcheck.errors import UsageError


# eq and repr would only cost time, at the start of every pytest run of anybody.
@dataclass(frozen=True, eq=False, repr=False)
class Option:
    """One option. `name` is the key in TOML, `--name` on the command line, STABCHECK_NAME in the
    environment and, where `pytest` is set, `--stabcheck-name` there.

    `section` groups the help. `per_target` options may also stand in a target's table. `negative` is the
    flag that says no (--no-rows). `default` is what holds where nothing is said (tests compare it with
    `Request`'s), None where there is nothing to show.
    """

    name: str
    kind: Kind
    section: str
    help: str
    short: str = ""
    metavar: str = ""
    per_target: bool = False
    pytest: bool = False
    negative: str = ""
    default: Any = None

    @property
    def field(self) -> str:
        """The name in Python: a field of `Request`, an argument of `check`."""
        return self.name.replace("-", "_")

    @property
    def meaning(self) -> str:
        """The help, with the default."""
        if self.default is None:
            return self.help
        shown = ", ".join(self.default) if isinstance(self.default, tuple) else f"{self.default}"
        shown = shown.removesuffix(".0")
        return f"{self.help[:-1]} (default {shown})."

    @property
    def check_argument(self) -> bool:
        """Whether `stabcheck.check` takes it, under its name in Python."""
        return (self.per_target or self.name == "seed") and self.name not in _NOT_OF_CHECK

    @property
    def environment(self) -> str:
        return f"STABCHECK_{self.field.upper()}"

    def parse(self, text: str) -> Any:
        """The value given as text; UsageError shows it and says what is right."""
        try:
            return self.kind.check(self.kind.read(text))
        except ValueError:
            raise UsageError(self._wrong(text)) from None

    def check(self, value: Any, place: str) -> Any:
        """The value found in a file at `place`; UsageError names key, value and what is right."""
        try:
            return self.kind.check(value)
        except ValueError:
            raise UsageError(f"{place}: {self.name}: {self._wrong(value)}") from None

    def _wrong(self, value: object) -> str:
        near = difflib.get_close_matches(str(value), self.kind.choices, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return f"{value!r} is not {self.kind.expected}.{hint}"


#: The op is `check`'s second argument; limits belong to runs in processes of their own.
_NOT_OF_CHECK = ("op", "time-limit", "memory-limit")

ASKED = "What is asked"
EFFORT = "Effort"
CALLING = "How the target is called"
GUARD = "Frameworks and isolation"
COUNTING = "Which findings count"
OUTPUT = "Output"
BASELINE = "Baseline"

OPTIONS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option(
            "op",
            Names(),
            ASKED,
            "What the target claims to compute (a filter of the catalogue without a target).",
            metavar="OP",
            per_target=True,
        ),
        Option(
            "dtype",
            Names(),
            ASKED,
            "Format to check; repeat or use commas; the catalogue is checked in all four.",
            default=("float32", "float64"),
            metavar="FORMAT",
            per_target=True,
            pytest=True,
        ),
        Option(
            "level",
            Choice("robust", "stable", "accurate"),
            ASKED,
            "How much is asked: robust, stable or accurate.",
            default="stable",
            metavar="LEVEL",
            per_target=True,
            pytest=True,
        ),
        Option(
            "option",
            Pairs(),
            ASKED,
            "Option of the op, such as reduction=mean; repeat.",
            metavar="K=V",
            per_target=True,
        ),
        Option(
            "grad",
            Flag(),
            ASKED,
            "Differentiate the target with its own autograd and judge the gradient too.",
            per_target=True,
        ),
        Option(
            "max-examples",
            Count(),
            EFFORT,
            "Examples per cell.",
            default=1000,
            short="-n",
            metavar="N",
            per_target=True,
            pytest=True,
        ),
        Option(
            "max-time",
            Number(),
            EFFORT,
            "Stop searching after that many seconds, shared by all cells; such a run is not reproducible.",
            metavar="SECONDS",
        ),
        Option(
            "max-classes",
            Count(),
            EFFORT,
            "Longest row to draw.",
            default=4096,
            metavar="N",
            per_target=True,
            pytest=True,
        ),
        Option("seed", Count(0), EFFORT, "Seed of all draws.", metavar="N", pytest=True, default=0),
        Option(
            "workers",
            Workers(),
            EFFORT,
            "Worker processes; the report does not depend on it.",
            default="auto",
            short="-w",
            metavar="N|auto",
        ),
        Option(
            "arguments",
            Names(),
            CALLING,
            "Order in which the target takes the op's arguments: targets,logits.",
            metavar="NAMES",
            per_target=True,
        ),
        Option(
            "kwargs",
            Pairs(),
            CALLING,
            "Keyword argument for the target alone; repeat.",
            metavar="K=V",
            per_target=True,
        ),
        Option(
            "range",
            Interval(),
            CALLING,
            "Where finite logits live.",
            metavar="LO,HI",
            per_target=True,
        ),
        Option(
            "specials",
            Choice("finite", "masked", "extended"),
            CALLING,
            "Special values: finite, masked (-inf logits) or extended.",
            default="masked",
            metavar="KIND",
            per_target=True,
        ),
        Option(
            "regimes",
            Names(),
            CALLING,
            "Only these families of inputs (see `stabcheck list regimes`).",
            metavar="NAMES",
            per_target=True,
        ),
        Option(
            "gate-factor",
            Number(),
            CALLING,
            "Widen or narrow every gate by this factor.",
            default=1.0,
            metavar="X",
            per_target=True,
        ),
        Option(
            "rows",
            Flag(),
            CALLING,
            "Call the target row by row / never do (default: as the target works).",
            per_target=True,
            negative="--no-rows",
        ),
        Option(
            "backend",
            Choice("auto", "numpy", "torch", "jax"),
            GUARD,
            "Arrays that the target works on: auto, numpy, torch or jax.",
            default="auto",
            metavar="NAME",
            per_target=True,
        ),
        Option("device", Text(), GUARD, "Device for the arrays of a framework.", per_target=True),
        Option(
            "isolate",
            Flag(),
            GUARD,
            "Call the target in a process of its own / in the worker.",
            per_target=True,
            negative="--no-isolate",
        ),
        Option(
            "time-limit",
            Number(),
            GUARD,
            "Seconds for one call of an isolated target.",
            default=10.0,
            metavar="SECONDS",
            per_target=True,
        ),
        Option(
            "memory-limit",
            Size(64),  # our own threads need some of it
            GUARD,
            "Memory of an isolated target, such as 512MiB.",
            default="4GiB",
            metavar="SIZE",
            per_target=True,
        ),
        Option(
            "signals",
            Choice("report", "fail", "ignore"),
            COUNTING,
            "Overflow on the way to a right answer: report, fail or ignore.",
            default="report",
            metavar="WHAT",
            per_target=True,
            pytest=True,
        ),
        Option(
            "select",
            Names(),
            COUNTING,
            "Only these codes count (SC101, nan, SC1).",
            metavar="CODES",
            per_target=True,
            pytest=True,
        ),
        Option(
            "ignore",
            Codes(),
            COUNTING,
            "These codes do not count.",
            metavar="CODES",
            per_target=True,
            pytest=True,
        ),
        Option("exit-zero", Flag(), COUNTING, "Exit 0 even with findings (never hides 2)."),
        Option(
            "output-format",
            Text(),
            OUTPUT,
            "What to print: table, concise, json, markdown, github, junit, sarif or html.",
            default="table",
            metavar="FORMAT",
        ),
        Option(
            "output-file", Text(), OUTPUT, "Write it there instead of stdout.", short="-o", metavar="FILE"
        ),
        Option(
            "report",
            Names(),
            OUTPUT,
            "Write these reports as well, into --report-dir: json,junit.",
            metavar="LIST",
        ),
        Option("report-dir", Text(), OUTPUT, "Where --report writes.", metavar="DIR", default="."),
        Option(
            "color",
            Choice("auto", "always", "never"),
            OUTPUT,
            "Colour: always, never, or auto: on a terminal, obeying NO_COLOR and FORCE_COLOR.",
            default="auto",
            metavar="WHEN",
        ),
        Option("no-progress", Flag(), OUTPUT, "No progress on stderr."),
        Option(
            "baseline", Text(), BASELINE, "Findings recorded there do not count.", metavar="FILE", pytest=True
        ),
        Option("baseline-update", Flag(), BASELINE, "Record what this run found.", pytest=True),
        Option("baseline-prune", Flag(), BASELINE, "Forget recorded findings that are gone.", pytest=True),
    )
}

#: Keys that only a target's table has.
TARGET_KEYS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option("target", Text('a target: "package.module:function" or "file.py:function"'), ASKED, "Target."),
        Option("name", Text(), ASKED, "Name of the target in reports, findings and the baseline."),
        Option("expect", Expectation(), ASKED, "Grade the target is expected to reach; less is a failure."),
    )
}
