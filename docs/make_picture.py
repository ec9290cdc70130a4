"""Draw docs/run.svg, the picture in the README: `python docs/make_picture.py`."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from stabcheck.engine.events import Finished
from stabcheck.engine.plan import catalogue_tasks
from stabcheck.engine.request import Request
from stabcheck.engine.run import run
from stabcheck.reports.terminal import TerminalReporter

OPS = ("softmax", "sigmoid")
FORMATS = ("float64", "float32", "bfloat16", "float16")


def main() -> None:
    """Grade part of the catalogue and record the terminal's picture of it."""
    console = Console(
        record=True, width=118, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    quiet = Console(file=io.StringIO())
    reporter = TerminalReporter(console, quiet, 0, False)
    for event in run(catalogue_tasks(Request(dtypes=FORMATS), OPS), workers="auto"):
        reporter.consume(event)
        if isinstance(event, Finished):
            print(event.report.grade)
    svg = console.export_svg(title="stabcheck run --op softmax --op sigmoid")
    # Without the template's web fonts: the picture must not ask anybody for anything.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    Path(__file__).with_name("run.svg").write_text(svg.replace("Fira Code", "ui-monospace, Menlo, Consolas"))


if __name__ == "__main__":
    main()
