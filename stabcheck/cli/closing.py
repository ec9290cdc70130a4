"""What happens to a report between the engine's last event and the first reader."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from stabcheck.engine.events import Event
from stabcheck.engine.request import Task
from stabcheck.errors import StabcheckError
from stabcheck.explain import store
from stabcheck.explain.apart import annotated_apart
from stabcheck.findings import Report
from stabcheck.gate.compare import GateResult
from stabcheck.gate.gate import Gate, narrowed
from stabcheck.reports import view


@dataclass
class Closing:
    """Completes the report once: notes what was asked, lets the gate mark what is known, explains what is
    shown, stores failures.

    `planted` says that defects declared and not found count; `everything` that all findings are shown, and
    so explained; `root` is the project's folder, `tell` hears events. `result` is the gate's verdict
    afterwards.
    """

    tasks: Sequence[Task]
    planted: bool
    gate: Gate | None
    replayed: frozenset[str]
    storage: Path | None
    root: Path
    everything: bool = False
    tell: Callable[[Event], None] = lambda event: None
    result: GateResult | None = None

    def __call__(self, report: Report) -> Report:
        if not self.planted:
            report = replace(report, meta={**report.meta, "planted": "not asked"})
        if self.gate is not None:
            report, self.result = self.gate.close(
                report,
                today=date.today(),
                replayed=self.replayed,
                narrowed=narrowed(task.request for task in self.tasks),
            )
        if not report.interrupted:
            report = self._explained(report)
        if self.storage is not None:
            kept = [finding for finding in report.findings if finding.asked or finding.known]
            if kept:
                with contextlib.suppress(StabcheckError):  # a run in a read-only folder is still a run
                    store.save(kept, self.storage)
        return report

    def _explained(self, report: Report) -> Report:
        standings = view.STANDINGS if self.everything else ("failing", "known")
        shown = {finding.id for _, finding, how in view.findings(report) if how in standings}
        return annotated_apart(
            report, self.tasks, wanted=lambda finding: finding.id in shown, root=self.root, tell=self.tell
        )
