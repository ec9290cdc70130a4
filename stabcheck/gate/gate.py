"""The gate as a door uses it: opened before a run, so that bad files stop it early, and closed after it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from stabcheck.engine.request import Request
from stabcheck.files import check_place
from stabcheck.findings import Report
from stabcheck.gate.baseline import Baseline
from stabcheck.gate.compare import GateResult, compare
from stabcheck.gate.file import dumps, read, write
from stabcheck.gate.marks import mark
from stabcheck.gate.platforms import platform_key
from stabcheck.gate.record import prune, update


@dataclass(frozen=True)
class Gate:
    """A baseline file and what was asked for: to record what a run found, to forget what is gone."""

    path: Path
    baseline: Baseline
    updating: bool = False
    pruning: bool = False

    @classmethod
    def open(cls, path: str | Path, *, updating: bool = False, pruning: bool = False) -> Gate:
        """Read the baseline; with `updating` a missing file is an empty one. UsageError for a bad file, and
        for a place where none can be written if one is to be."""
        place = Path(path)
        if updating or pruning:
            check_place(place, "--baseline")
        baseline = Baseline() if updating and not place.exists() else read(place)
        return cls(place, baseline, updating, pruning)

    def close(
        self,
        report: Report,
        *,
        today: date,
        platform: str | None = None,
        replayed: Collection[str] = (),
        narrowed: bool = False,
    ) -> tuple[Report, GateResult]:
        """The report with its findings marked, and what the gate says; writes the file if asked to.

        What an update has recorded is known from then on and does not fail this run. An interrupted run
        writes nothing, and neither does one that changes nothing. UsageError where it cannot be written.
        """
        key = platform or platform_key()

        def judge(baseline: Baseline) -> GateResult:
            return compare(report, baseline, platform=key, today=today, replayed=replayed, narrowed=narrowed)

        result = judge(self.baseline)
        changed = self.baseline
        if self.updating:
            changed = update(changed, report, platform=key)
        if self.pruning:
            changed = prune(changed, result)
        if not report.interrupted and (dumps(changed) != dumps(self.baseline) or not self.path.exists()):
            write(changed, self.path)
        if self.updating:
            after = judge(changed)
            result = GateResult(after.known, after.failures, result.better, after.unobserved, after.note)
        return mark(report, result), result


def narrowed(requests: Iterable[Request]) -> bool:
    """Whether a run looks at less than everything, so that what does not show need not be gone."""
    plain = Request()
    return any(
        request.regimes is not None
        or request.range is not None
        or request.max_time is not None
        or request.specials == "finite"
        or request.signals == "ignore"
        or request.gate_factor > plain.gate_factor
        or request.max_classes < plain.max_classes
        for request in requests
    )
