"""SARIF 2.1.0, for GitHub's code scanning and editors: a result per finding that fails or is known."""

from __future__ import annotations

import json
from typing import Any

from stabcheck.explain.codes import as_text, explanation
from stabcheck.findings import CODES, Cell, Code, Finding, Report
from stabcheck.reports import names, numbers, outcome, paths, reproduce, view

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

#: Name of our fingerprint; without one GitHub shows a moved finding as a new one.
FINGERPRINT = "stabcheckFinding/v1"

Data = dict[str, Any]


def render(report: Report, **_context: object) -> str:
    shown = [(c, f, how) for c, f, how in view.findings(report) if how in ("failing", "known")]
    used = sorted({finding.code for _, finding, _ in shown})
    run = {
        "tool": {"driver": _driver(report, used)},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the project"}}},
        "invocations": [{"executionSuccessful": not report.interrupted}],
        "results": [_result(c, f, how == "known", used.index(f.code), report) for c, f, how in shown],
        "properties": {
            "verdict": str(outcome.verdict(report)),
            "seed": report.seed,
            "level": str(report.level),
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _driver(report: Report, used: list[str]) -> Data:
    driver: Data = {"name": "stabcheck", "rules": [_rule(CODES[code]) for code in used]}
    if version := report.meta.get("stabcheck"):
        driver |= {"version": str(version), "semanticVersion": str(version)}
    return driver


def _rule(code: Code) -> Data:
    explained = explanation(code.code)
    return {
        "id": code.code,
        "name": "".join(word.capitalize() for word in code.name.split("-")),
        "shortDescription": {"text": f"{code.name}: {code.meaning}"},
        "fullDescription": {"text": f"{explained.what}\n\nThis {_consequence(code)}."},
        "help": {"text": as_text(explained), "markdown": explained.markdown},
        "defaultConfiguration": {"level": "error" if code.breaks is not None else "note"},
        "properties": {"tags": ["numerical-stability"]},
    }


def _consequence(code: Code) -> str:
    return "is a note" if code.breaks is None else f"breaks the level {code.breaks!s}"


def _result(cell: Cell, finding: Finding, known: bool, rule: int, report: Report) -> Data:
    subject = f"{names.label(finding)} in {names.printable(finding.target)} [{finding.dtype}]"
    result: Data = {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": f"{subject}: {view.message(finding)}"},
        "locations": [_location(cell, finding)],
        "partialFingerprints": {FINGERPRINT: finding.id},
        "properties": {
            "op": finding.op,
            "options": finding.options,
            "argument": finding.argument,
            "target": finding.target,
            "dtype": finding.dtype,
            "regimes": list(finding.regimes),
            "reproduce": reproduce.command(finding, report),
        },
    }
    if finding.onset is not None:
        result["properties"]["onset"] = numbers.onset(finding.onset)
    if finding.fix is not None:
        result["properties"]["fix"] = f"{finding.fix.title}: {finding.fix.formula}"
        result["properties"]["snippet"] = finding.fix.snippet
    if finding.cause is not None:
        result["properties"]["cause"] = finding.cause.kind
    if known:
        result["suppressions"] = [{"kind": "external", "justification": finding.known}]
    return result


def _location(cell: Cell, finding: Finding) -> Data:
    location: Data = {"logicalLocations": [{"fullyQualifiedName": finding.target, "kind": "function"}]}
    where = paths.location(cell, finding)
    if where is not None:
        artifact = {"uri": paths.uri(where.file)}
        if not artifact["uri"].startswith("file:"):
            artifact["uriBaseId"] = "%SRCROOT%"
        region = {"startLine": max(1, where.line)}
        location["physicalLocation"] = {"artifactLocation": artifact, "region": region}
    return location
