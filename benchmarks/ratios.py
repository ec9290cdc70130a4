"""The largest ratio of every correct implementation and the smallest worst ratio of every broken one.

    python benchmarks/ratios.py --seeds 200 -n 300 --ops softmax,sigmoid --output docs/ratios.md

Every implementation of the catalogue is run over many seeds. A correct one (declared stable or better)
must show no finding at its level under any seed; its largest error / gate says how much of the gate it
needs (0.2 to 1 is a gate that means something). A broken one must show a finding under every seed; the
smallest of its worst ratios says how far from the gate it stays.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from stabcheck import ops
from stabcheck.engine.events import CellFinished
from stabcheck.engine.plan import catalogue_tasks
from stabcheck.engine.request import Request, Task
from stabcheck.engine.run import run
from stabcheck.findings import Cell, Grade
from stabcheck.formats import FORMATS

Key = tuple[str, str, str, str]


@dataclass
class Record:
    """One cell over all seeds."""

    declared: Grade
    ratios: list[float] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)  # seeds on which the grade was not as declared

    @property
    def correct(self) -> bool:
        return self.declared >= Grade.STABLE

    @property
    def figure(self) -> float:
        return max(self.ratios) if self.correct else min(self.ratios)


def main() -> int:
    """Run, print a line per surprise, write the table; exit 1 when anything was not as declared."""
    options = _options()
    records: dict[Key, Record] = {}
    for seed in range(options.seeds):
        correct_only = seed >= options.broken_seeds
        for cell in _cells(options, seed, correct_only):
            _take(records, cell, seed)
        print(f"seed {seed}: {len(records)} cells", flush=True)
    text = _table(records, options)
    if options.output:
        options.output.write_text(text)
    print(text)
    return int(any(record.wrong for record in records.values()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--broken-seeds", type=int, default=5, help="seeds under which broken ones run too")
    parser.add_argument("-n", type=int, default=300, help="examples per cell")
    parser.add_argument("--ops", default=",".join(ops.names()))
    parser.add_argument("--workers", default="auto")
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def _cells(options: argparse.Namespace, seed: int, correct_only: bool) -> Iterable[Cell]:
    request = Request(dtypes=tuple(FORMATS), max_examples=options.n, seed=seed)
    tasks = catalogue_tasks(request, options.ops.split(","))
    if correct_only:
        tasks = [kept for task in tasks if (kept := _correct_part(task)) is not None]
    for event in run(tasks, workers=options.workers):
        if isinstance(event, CellFinished) and event.cell.state == "judged":
            yield event.cell


def _correct_part(task: Task) -> Task | None:
    """The task in the formats in which it is declared stable or better."""
    kept = tuple(d for d in task.request.dtypes if task.declared[d] in ("stable", "accurate"))
    return replace(task, request=replace(task.request, dtypes=kept)) if kept else None


def _take(records: dict[Key, Record], cell: Cell, seed: int) -> None:
    assert cell.declared is not None
    record = records.setdefault(cell.key, Record(cell.declared))
    record.ratios.append(cell.max_ratio)
    surprise = cell.worse_than_declared or (not record.correct and cell.better_than_declared)
    if surprise:
        record.wrong.append(seed)
        codes = " ".join(f.code for f in cell.findings)
        print(f"seed {seed}: {cell.key}: {cell.grade}, declared {cell.declared}: {codes}", flush=True)


def _table(records: dict[Key, Record], options: argparse.Namespace) -> str:
    rows: dict[tuple[str, str, str], dict[str, Record]] = defaultdict(dict)
    for (target, op, settings, dtype), record in records.items():
        rows[(op, settings, target.rpartition(":")[2])][dtype] = record
    lines = [
        "# Ratios of the catalogue",
        "",
        f"`python benchmarks/ratios.py --seeds {options.seeds} -n {options.n} --ops {options.ops}`",
        "",
        "Error / gate at the stable level. Correct cells (declared stable or accurate): the largest ratio "
        f"over {options.seeds} seeds. Broken cells, in brackets: the smallest of the worst ratios over "
        f"{min(options.broken_seeds, options.seeds)} seeds. A `!` marks a cell that was not as declared "
        "under some seed.",
        "",
        "| op | implementation | " + " | ".join(FORMATS) + " |",
        "|---|---|" + "---|" * len(FORMATS),
    ]
    for (op, settings, name), by_format in rows.items():
        label = f"{op} ({settings})" if settings else op
        shown = " | ".join(_shown(by_format.get(dtype)) for dtype in FORMATS)
        lines.append(f"| {label} | {name} | {shown} |")
    return "\n".join(lines) + "\n"


def _shown(record: Record | None) -> str:
    if record is None:
        return ""
    figure = "inf" if math.isinf(record.figure) else f"{record.figure:.3g}"
    mark = " !" if record.wrong else ""
    return f"{figure}{mark}" if record.correct else f"[{figure}]{mark}"


if __name__ == "__main__":
    raise SystemExit(main())
