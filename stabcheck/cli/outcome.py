"""From a report to the exit code, and the lines that say why beside the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stabcheck.config.file import Config
from stabcheck.engine.request import CATALOGUE_EXAMPLES, Request, Task
from stabcheck.findings import CODES, Cell, Report, selected
from stabcheck.gate.compare import GateResult
from stabcheck.reports import outcome

#: Exit code of each verdict. The reports print the verdict, so that both can never differ.
CODE_OF = {"PASS": 0, "FAIL": 1, "NOTHING JUDGED": 2, "INTERRUPTED": 130}


def code(report: Report, gate: GateResult | None = None, exit_zero: bool = False) -> int:
    """0 clean, 1 findings, 2 nothing was tested, 130 interrupted; `exit_zero` hides findings only.

    What the gate says of a cell as a whole (its largest ratio) no finding shows: it counts by itself.
    """
    result = CODE_OF[outcome.verdict(report).state]
    if result == 0 and gate is not None and not gate.ok:
        result = 1
    return 0 if exit_zero and result == 1 else result


def planted_must_show(tasks: Sequence[Task]) -> bool:
    """Whether a planted defect that does not show is a failure: default effort or more, no filter."""
    plain = Request()
    return all(
        task.request.effort >= CATALOGUE_EXAMPLES
        and task.request.max_classes >= plain.max_classes
        and task.request.gate_factor <= plain.gate_factor
        and task.request.specials != "finite"
        and task.request.max_time is None
        and task.request.regimes is None
        and task.request.range is None
        for task in tasks
    )


def remarks(report: Report, config: Config, catalogue: bool) -> list[str]:
    """What else is to be said: reasons of a run without a verdict, expectations, idle settings."""
    lines = [*_reasons(report), *_expectations(report, catalogue)]
    return lines if report.interrupted else [*lines, *_idle_ignores(report, config)]


def _reasons(report: Report) -> Iterator[str]:
    if report.judged_cells or report.interrupted:
        return
    reasons: dict[str, list[str]] = {}
    for cell in report.cells:
        reasons.setdefault(f"{cell.target}: {cell.reason}", []).append(cell.dtype)
    yield "nothing was tested, because no cell could be judged:"
    for reason, dtypes in reasons.items():
        yield f"  {reason} ({', '.join(dtypes)})"


def _expectations(report: Report, catalogue: bool) -> Iterator[str]:
    for cell in report.cells:
        name = f"{cell.op}[{cell.target}-{cell.dtype}]"
        if cell.worse_than_declared and not catalogue:
            yield f"{name} is {cell.grade}, expected {cell.declared}."
        elif cell.better_than_declared and not catalogue:
            yield f"note: {name} is {cell.grade}, better than expected ({cell.declared}): raise `expect`."


def _idle_ignores(report: Report, config: Config) -> Iterator[str]:
    """Codes that the configuration ignores and that no finding of this run has."""
    for pattern in config.values.get("ignore", ()):
        if not _matches(report.cells, pattern):
            yield f"warning: {config.path}: ignore = {pattern!r} matches no finding; remove it."
    for table in config.targets:
        cells = [c for c in report.cells if c.target in (table.name, table.target)]
        for pattern in table.values.get("ignore", ()) if cells else ():
            if not _matches(cells, pattern):
                yield (
                    f"warning: {config.path}: ignore = {pattern!r} of target {cells[0].target} matches no "
                    "finding; remove it."
                )


def _matches(cells: Sequence[Cell], pattern: str) -> bool:
    return any(selected(CODES[finding.code], [pattern], None) for cell in cells for finding in cell.findings)
