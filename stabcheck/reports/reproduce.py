"""The command that shows a finding again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from stabcheck import ops
from stabcheck.findings import Finding, Level, Report
from stabcheck.reports import names, paths

#: Options that a run notes in its header where they are not the default.
OPTIONS = ("max-examples", "max-classes", "specials", "range", "regimes", "arguments", "gate-factor")


def command(finding: Finding, report: Report, others: Iterable[Finding] = ()) -> str:
    """The command that shows this finding again, in its own format and in those of `others`."""
    by_autograd = bool(finding.argument)
    asked = _differentiated(finding.op) if by_autograd else _asked(finding.op)
    parts = ["stabcheck", "run", finding.target, "--op", asked, *(["--grad"] if by_autograd else [])]
    for dtype in dict.fromkeys([finding.dtype, *(other.dtype for other in others)]):
        parts += ["--dtype", dtype]
    for option in filter(None, finding.options.split(",")):
        parts += ["--option", option]
    if report.level != Level.STABLE:
        parts += ["--level", str(report.level)]
    for key in OPTIONS:
        if word := str(report.meta.get(key, "")):
            parts += [f"--{key}={word}"] if word.startswith("-") else [f"--{key}", word]
    parts += ["--seed", str(report.seed)]
    return " ".join(_quoted(part) for part in parts)


def _asked(name: str) -> str:
    """How to ask for the op; a report from elsewhere may name one that is not known here."""
    if name not in ops.names():
        return name
    spec = ops.spec(ops.get(name))
    file, _, made = spec.rpartition(":")
    return f"{paths.relative(file, Path.cwd())}:{made}" if file.endswith(".py") else spec


def _differentiated(gradient: str) -> str:
    """The op (the first one) whose gradient it is."""
    return next((name for name in ops.names() if ops.get(name).gradient == gradient), gradient)


def _quoted(part: str) -> str:
    """A word for the shell; control characters in $'...' form so that the command stays on one line."""
    if names.printable(part) == part:
        return shlex.quote(part)
    return "$'" + names.printable(part.replace("\\", "\\\\").replace("'", "\\'")) + "'"
