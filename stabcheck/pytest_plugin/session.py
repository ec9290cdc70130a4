"""The settings of one pytest run, read when they are first needed, and what they make of a report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stabcheck import __version__
from stabcheck.config.options import OPTIONS
from stabcheck.errors import UnstableError, UsageError

if TYPE_CHECKING:
    from stabcheck.config.file import Config
    from stabcheck.findings import Report
    from stabcheck.gate.gate import Gate

_GATE_OPTIONS = ("baseline", "baseline-update", "baseline-prune")


class Session:
    """One per pytest process. `checked` holds the reports of the test that runs now."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.checked: list[Report] = []

    @property
    def collects(self) -> bool:
        return bool(self._config.getoption("--stabcheck"))

    @property
    def asks_for_baseline(self) -> bool:
        return any(name in self.given for name in _GATE_OPTIONS)

    @property
    def records(self) -> bool:
        """Whether this process writes the baseline: not a worker of xdist."""
        asked = any(self.given.get(name) for name in ("baseline-update", "baseline-prune"))
        return asked and not hasattr(self._config, "workerinput")

    @cached_property
    def file(self) -> Config:
        """The configuration of stabcheck; UsageError where it is wrong."""
        from stabcheck.config.file import load

        path = self._config.getoption("--stabcheck-config-file")
        return load(None if path is None else Path(path), start=self._config.rootpath)

    @cached_property
    def given(self) -> Mapping[str, Any]:
        """What the pytest command line or the environment set, by option name."""
        values = {}
        for option in OPTIONS.values():
            if option.pytest:
                value = self._config.getoption(f"--stabcheck-{option.name}")
                text = os.environ.get(option.environment)
                if value is None and text:
                    try:
                        value = option.parse(text)
                    except UsageError as error:
                        raise pytest.UsageError(f"{option.environment}: {error}") from None
                if value is not None:
                    values[option.name] = value
        return values

    def check_given(self) -> None:
        """UsageError for a format or code that was asked for and does not exist: once, not in every test."""
        if any(name in self.given for name in ("dtype", "select", "ignore")):
            from stabcheck.config.resolve import request

            request(self.given)

    @cached_property
    def gate(self) -> Gate | None:
        from stabcheck.config.known import gate

        return gate(self.given, self.file)

    def header(self) -> str | None:
        """The line at the top of a run, None where nobody uses stabcheck."""
        from stabcheck.config.locate import find

        named = self._config.getoption("--stabcheck-config-file")
        try:
            if not named and not self.collects and not self.given and find(self._config.rootpath) is None:
                return None
            file = self.file
        except UsageError as error:
            return f"stabcheck: {error}"
        values = {**file.values, **self.given}
        names = ("level", "max-examples", "seed")
        shown = [f"{name} {values.get(name, OPTIONS[name].default)}" for name in names]
        where = [] if file.path is None else [f"configfile {file.path.name}"]
        return f"stabcheck: {', '.join([__version__, *shown, *where])}"

    def assert_stable(self, settings: Mapping[str, Any]) -> Report:
        """`stabcheck.assert_stable`: settings of the call win over the command line, that over the file."""
        from stabcheck.api import check
        from stabcheck.config.resolve import for_check

        if "target" not in settings:
            raise UsageError("assert_stable needs a target: assert_stable(softmax), or target= in the mark.")
        values = for_check({**self.file.values, **self.given})
        return self.judge(check(**{**values, **settings}))

    def judge(self, report: Report) -> Report:
        """The report, known findings marked; UnstableError with its tables where it is not what was asked."""
        from stabcheck.reports import outcome
        from stabcheck.reports.failure import failure

        self.checked.append(report)
        if self.gate is not None:
            report = self._known(report, self.gate)
        verdict = outcome.verdict(report)
        if verdict.state == "NOTHING JUDGED":
            reasons = sorted({f"{cell.dtype}: {cell.reason}" for cell in report.cells})
            raise UnstableError(f"nothing could be checked: {'; '.join(reasons)}")
        if verdict.state == "FAIL":
            raise UnstableError(failure(report))
        return report

    def _known(self, report: Report, gate: Gate) -> Report:
        """What the baseline knows is marked; what it is about to record does not fail."""
        from datetime import date

        from stabcheck.gate.gate import Gate
        from stabcheck.gate.platforms import platform_key
        from stabcheck.gate.record import update

        baseline = gate.baseline
        if gate.updating:
            baseline = update(baseline, report, platform=platform_key())
        return Gate(gate.path, baseline).close(report, today=date.today())[0]


SESSION = pytest.StashKey[Session]()
