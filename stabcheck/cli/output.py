"""Where a run's output goes: stdout, stderr, files; decided once from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import click
from rich.console import Console

from stabcheck import reports
from stabcheck.cli.commands import stdout as stdout_of
from stabcheck.cli.stdout import Stdout
from stabcheck.engine.events import Event
from stabcheck.errors import unknown
from stabcheck.files import check_place, make_folder
from stabcheck.findings import Report
from stabcheck.reports.terminal import TerminalReporter, make_console


def stdout_console(ctx: click.Context) -> Console:
    """The console of a command with --color."""
    return make_console(color=ctx.params.get("color") or "auto", file=stdout_of(ctx).stream)


@dataclass
class Output(AbstractContextManager["Output"]):
    """The consumers of one run.

    The terminal reporter prints the table to stdout when that is what was asked for; progress, warnings
    and the last word go to stderr, so that stdout holds one thing only.
    """

    stdout: Stdout
    terminal: TerminalReporter
    stderr: Console
    format: str
    file: Path | None
    extra: tuple[str, ...]
    directory: Path

    @classmethod
    def make(cls, values: Mapping[str, Any], talk: int, stdout: Stdout) -> Output:
        """From checked settings and verbosity; UsageError where a file cannot be written."""
        color = values.get("color", "auto")
        format = values.get("output-format", "table")
        file = Path(values["output-file"]) if "output-file" in values else None
        stderr = make_console(stderr=True, color=color)
        printed = format == "table" and file is None
        shown = make_console(color=color, file=stdout.stream) if printed else Console(quiet=True)
        progress = talk >= 0 and not values.get("no-progress", False)
        extra, directory = tuple(values.get("report", ())), Path(values.get("report-dir", "."))
        output = cls(
            stdout,
            TerminalReporter(shown, stderr, verbosity=talk, progress=progress),
            stderr,
            format,
            file,
            extra,
            directory,
        )
        output.check_places()
        return output

    def check_places(self) -> None:
        """Say before the run, not after it, that a report would have no place to go."""
        for name in (self.format, *self.extra):
            if name not in reports.FORMATS:
                raise unknown("report format", name, reports.FORMATS)
        if self.file is None:
            self.stdout.check()
        else:
            check_place(self.file, "--output-file")
        if self.extra:
            make_folder(self.directory, "--report-dir")

    def __enter__(self) -> Output:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminal.close()

    def consume(self, event: Event) -> None:
        self.terminal.consume(event)

    def write(self, report: Report) -> None:
        """Everything but the table on stdout, which the terminal reporter has printed."""
        if self.file is not None:
            reports.write(report, self.format, self.file)
        elif self.format != "table":
            reports.emit(report, self.format, self.stdout.stream)
        for format in self.extra:
            reports.write(report, format, self.directory / reports.file_name(format))

    def say(self, line: str) -> None:
        """One line on stderr, as it is: no markup is read into it."""
        self.stderr.print(line)
