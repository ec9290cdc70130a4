"""Writing the baseline at the end of a pytest run, from what every test checked, whatever process ran it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stabcheck.errors import UsageError

if TYPE_CHECKING:
    from stabcheck.findings import Cell
    from stabcheck.gate.gate import Gate
    from stabcheck.pytest_plugin.session import Session


class Recorder:
    """A plugin of its own, registered where a baseline is to be written."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._cells: dict[tuple[str, str, str, str], Cell] = {}
        self._outcome = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        from stabcheck.findings.serial import data_to_report

        for data in getattr(report, "stabcheck", ()):
            for cell in data_to_report(data).cells:
                self._cells[cell.key] = cell

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """A run that was interrupted or went wrong records nothing."""
        from datetime import date

        from stabcheck.findings import Report

        gate = self._session.gate
        if gate is None or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        try:
            gate.close(Report(tuple(self._cells.values())), today=date.today())
            self._outcome = f"stabcheck: {_what_changed(gate)}"
        except UsageError as error:
            self._outcome = f"stabcheck: {error}"
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._outcome:
            terminalreporter.write_line(self._outcome)


def _what_changed(gate: Gate) -> str:
    """What the file holds now that it did not hold before, and the other way round."""
    from stabcheck.gate.file import read
    from stabcheck.gate.record import forgotten, recorded
    from stabcheck.reports.numbers import count

    now = read(gate.path)
    cells, findings = recorded(gate.baseline, now), forgotten(gate.baseline, now)
    changes = [f"{count(len(cells), 'cell')} recorded in"] if cells else []
    changes += [f"{count(len(findings), 'finding')} forgotten by"] if findings else []
    return f"{' and '.join(changes)} {gate.path}" if changes else f"nothing has changed in {gate.path}"
