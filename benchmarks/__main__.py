"""One command: the tables side by side, on one core but for the catalogue.

Rates are in processor time, so that they mean something on a machine that others use too; whole commands
are in time of day.
"""

from __future__ import annotations

import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks import neighbours, scaling, side_by_side, start_up
from benchmarks.tables import show
from benchmarks.workload import TARGETS

PARTS = ("rates", "neighbours", "scaling", "start-up")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only these (default: all).")
@click.option("--op", "ops", multiple=True, type=click.Choice(list(TARGETS)), help="Only these ops.")
@click.option("-n", "--examples", default=400_000, help="Examples that stabcheck judges per op and format.")
@click.option("--by-hand", default=300, help="Examples of the hand-written loop.")
@click.option("--times", default=3, help="Repetitions; medians are shown.")
@click.option("--catalogue/--no-catalogue", default=True, help="Time `stabcheck run` too (both cores).")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the numbers here as well.")
def main(
    parts: tuple[str, ...],
    ops: tuple[str, ...],
    examples: int,
    by_hand: int,
    times: int,
    catalogue: bool,
    json_file: Path | None,
) -> None:
    """Measure stabcheck against a hand-written loop, bare imports and its neighbours."""
    console = Console(width=None if os.isatty(1) else 150)
    cores = os.sched_getaffinity(0)
    chosen = parts or PARTS
    names = ("stabcheck", "numpy", "mpmath", "hypothesis", "ml_dtypes")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    console.print(f"Python {platform.python_version()}, {versions}")
    results: dict[str, Any] = {"versions": versions}
    os.sched_setaffinity(0, {max(cores)})  # ratios are taken on one core
    if "rates" in chosen:
        rows = side_by_side.measure(ops or tuple(TARGETS), examples, by_hand, times)
        results["rates"] = show(console, "Logits judged a second, one core (a/b: stabcheck / by hand)", rows)
    if "neighbours" in chosen:
        results["neighbours"] = show(console, "Neighbours", neighbours.measure())
    if "scaling" in chosen:
        rows = scaling.measure("softmax", ("float64", "float32"))
        results["scaling"] = show(console, "Cost per logit and memory as work grows", rows)
    if "start-up" in chosen:
        results["start-up"] = show(console, "Start-up", start_up.measure(max(times, 5)))
        if catalogue:
            os.sched_setaffinity(0, cores)
            results["catalogue"] = show(console, "The whole catalogue", [start_up.catalogue()])
    if json_file is not None:
        json_file.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
