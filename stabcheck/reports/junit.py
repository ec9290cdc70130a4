"""JUnit XML: a test case per cell, named `op[target-dtype]`."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from stabcheck.findings import Cell, Finding, Report
from stabcheck.findings.records import UNDECIDED_LIMIT
from stabcheck.reports import excerpt, names, numbers, outcome, reproduce, view


def render(report: Report, **_context: object) -> str:
    """Findings that count are `failure`, known to the baseline or n/a `skipped`, trouble of ours `error`."""
    suite = ET.Element("testsuite", name="stabcheck")
    properties = ET.SubElement(suite, "properties")
    for name, value in {**report.meta, "seed": report.seed, "level": report.level}.items():
        ET.SubElement(properties, "property", name=names.printable(name), value=names.printable(str(value)))
    unfound = {cell.key for cell in outcome.unfound(report)}
    for cell in report.cells:
        _case(suite, cell, report, cell.key in unfound)
    if report.interrupted:
        case = ET.SubElement(suite, "testcase", classname="stabcheck", name="run")
        ET.SubElement(case, "error", message="interrupted: the cells that follow were not judged")
    ET.SubElement(suite, "system-out").text = "\n".join(
        [*view.summary(report), *map(names.printable, report.notes), str(outcome.verdict(report))]
    )
    counts = {
        "tests": len(suite.findall("testcase")),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
        "skipped": len(suite.findall("testcase/skipped")),
    }
    for name, count in counts.items():
        suite.set(name, str(count))
    suite.set("time", f"{report.elapsed:.3f}")
    suites = ET.Element("testsuites", dict(suite.attrib))
    suites.append(suite)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="utf-8"?>\n', "\n")
    )


def _case(suite: ET.Element, cell: Cell, report: Report, unfound: bool) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=f"stabcheck.{names.printable(cell.op)}", name=names.case(cell)
    )
    if cell.location is not None:
        case.set("file", names.printable(cell.location.file))
        case.set("line", str(cell.location.line))
    failing = [f for f in cell.findings if view.standing(cell, f) == "failing"]
    known = [f for f in cell.findings if view.standing(cell, f) == "known"]
    if cell.undecided > UNDECIDED_LIMIT * max(cell.judged, 1):
        share = f"{cell.undecided} of {cell.judged} elements are undecided"
        ET.SubElement(case, "error", type="SC902", message=share)
    elif failing:
        # One element for all: several readers keep only the first `failure` of a case.
        worst = min(failing, key=view.severity)
        message = f"{names.label(worst)}: {view.message(worst)}"
        failure = ET.SubElement(case, "failure", type=worst.code, message=message)
        failure.text = "\n\n".join(_text(finding, report) for finding in failing)
    elif unfound:
        planted = f"grade {cell.grade}, declared {cell.declared}: a planted defect was not found"
        ET.SubElement(case, "failure", type="declared", message=planted)
    elif cell.state != "judged":
        ET.SubElement(case, "skipped", message=f"n/a: {names.printable(cell.reason)}")
    elif known:
        told = "; ".join(f"{names.label(f)} is known: {names.printable(f.known)}" for f in known)
        ET.SubElement(case, "skipped", message=told)


def _text(finding: Finding, report: Report) -> str:
    lines = [f"{names.label(finding)} {view.message(finding)}"]
    for title, example in (("minimal", finding.minimal), ("worst", finding.worst)):
        given = ", ".join(f"{name} = {text}" for name, text in numbers.inputs(example, finding.dtype))
        lines.append(f"{title}: {names.printable(given)} {numbers.error(example)}".rstrip())
    if finding.where is not None:
        lines += [f"at {names.place(finding.where)}", *excerpt.lines(finding.where)]
    if finding.fix is not None:
        reached = f" (reached {finding.fix.grade} under stabcheck)" if finding.fix.grade else ""
        fix = f"{finding.fix.title}: {finding.fix.formula}{reached}"
        lines.append(f"fix: {names.printable(fix)}")
        lines += names.printable_lines(finding.fix.snippet)
    return "\n".join([*lines, reproduce.command(finding, report)])
