"""All formats of one report agree, and nothing that a name holds breaks any of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from stabcheck import reports
from stabcheck.errors import UsageError
from stabcheck.findings import CODES, Report
from stabcheck.reports import github, outcome, view

Samples = Callable[[], Mapping[str, Report]]
Count = Counter[tuple[str, str]]


def counted(report: Report, standings: Iterable[str] = ("failing",)) -> Count:
    """How often each (code, format) stands so in the report."""
    return Counter((f.code, f.dtype) for _, f, how in view.findings(report) if how in standings)


def in_json(report: Report) -> Count:
    data = json.loads(reports.render(report, "json"))
    return Counter((f["code"], f["dtype"]) for f in data["findings"])


def in_sarif(report: Report) -> Count:
    (run,) = json.loads(reports.render(report, "sarif"))["runs"]
    live = [r for r in run["results"] if "suppressions" not in r]
    return Counter((r["ruleId"], r["properties"]["dtype"]) for r in live)


def in_lines(text: str, pattern: str) -> Count:
    return Counter((m[1], m[2]) for line in text.splitlines() if (m := re.search(pattern, line)))


_DTYPE = r"(float64|float32|bfloat16|float16)"


@pytest.mark.parametrize(
    "sample", ["passing", "failing", "catalogue", "surprising", "interrupted", "hostile"]
)
def test_formats_hold_the_same_findings(samples: Samples, sample: str) -> None:
    """Every format that lists findings one by one lists the same that count, element for element."""
    report = samples()[sample]
    expected = counted(report)

    concise = [x for x in reports.render(report, "concise").splitlines() if "(known)" not in x]
    annotations = reports.render(report, "github").replace("::notice", "\n#")

    assert expected == in_sarif(report)
    assert expected == in_lines("\n".join(concise), rf"(SC\d{{3}}) \S+ \S+ .*\[{_DTYPE}\]")
    assert expected == in_lines(annotations, rf"^::error title=stabcheck \((SC\d{{3}})\).*\[{_DTYPE}\]")
    assert in_json(report) == Counter((f.code, f.dtype) for f in report.findings)


def test_merged_formats_name_every_dtype(failing: Report) -> None:
    """Table, Markdown and JUnit merge findings, but each (code, format) that counts is in them."""
    expected = counted(failing)

    suite = ET.fromstring(reports.render(failing, "junit"))
    in_junit: Count = Counter()
    for case in suite.iter("testcase"):
        for failure in case.iter("failure"):
            dtype = case.attrib["name"].rpartition("-")[2].rstrip("]")
            in_junit.update(
                (code, dtype) for code in re.findall(r"^(SC\d{3})", failure.text or "", re.MULTILINE)
            )

    assert expected == in_junit
    for name in ("table", "markdown"):
        text = reports.render(failing, name)
        for block in view.blocks(failing):
            for finding in (block.lead, *block.others):
                assert finding.code in text
                assert finding.dtype in text


def test_verbose_formats_hold_every_finding(catalogue: Report) -> None:
    """With verbosity 1 the concise format and the table show planted defects and notes as well."""
    expected = Counter((f.code, f.dtype) for f in catalogue.findings)

    concise = reports.render(catalogue, "concise", verbosity=1)
    table = reports.render(catalogue, "table", verbosity=1, width=200)

    assert expected == in_lines(concise, rf"^(SC\d{{3}}) \S+ \S+ .*\[{_DTYPE}\]")
    assert expected == in_lines(table, rf"^(SC\d{{3}}) .*\| {_DTYPE}$")


def test_hostile_names_stay_on_their_line(hostile: Report) -> None:
    """No format lets a name start a line, a control sequence or a workflow command."""
    for name in ("table", "concise", "markdown", "github", "junit", "sarif"):
        text = reports.render(hostile, name)

        assert "\x1b" not in text
        assert "\x00" not in text
        assert not re.search(r"^line two", text, re.MULTILINE)
    assert len(reports.render(hostile, "github").splitlines()) == 1
    assert len(reports.render(hostile, "concise").splitlines()) == 2


def test_markdown_keeps_hostile_names_as_text(hostile: Report) -> None:
    """Outside of code spans and fences no angle bracket, and every table row has the same cells."""
    text = reports.render(hostile, "markdown")
    outside = re.sub(r"^(`{3,})\w*\n.*?\n\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)

    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}
    assert re.findall(r"<(?!/?sub>|br>)", outside) == []


def test_junit_counts_and_roles(failing: Report, nothing: Report, interrupted: Report) -> None:
    """Failing cells are failures, known and n/a ones skipped, an interruption an error; counts agree."""
    suite = ET.fromstring(reports.render(failing, "junit"))

    assert ("13", "5", "0", "2") == tuple(suite.attrib[k] for k in ("tests", "failures", "errors", "skipped"))
    names = [case.attrib["name"] for case in suite.iter("testcase")]
    assert "softmax[layers.py:naive_softmax-float32]" in names
    assert ET.fromstring(reports.render(nothing, "junit")).attrib["skipped"] == "4"
    assert ET.fromstring(reports.render(interrupted, "junit")).attrib["errors"] == "1"


def test_junit_calls_undecided_cells_an_error(passing: Report) -> None:
    """More than 0.1 % undecided is trouble of ours, not of the target."""
    cells = (replace(passing.cells[0], undecided=500), *passing.cells[1:])

    suite = ET.fromstring(reports.render(replace(passing, cells=cells), "junit"))

    assert suite.attrib["errors"] == "1"
    assert suite.attrib["failures"] == "0"


def test_github_escapes_as_the_runner_unescapes(hostile: Report) -> None:
    """Properties lose no colon, comma, percent sign or line break on their way."""
    where = hostile.cells[0].findings[0].where
    assert where is not None
    cell = hostile.cells[0]
    finding = replace(cell.findings[0], where=replace(where, file="a,b:c%d\ne.py"))

    line = reports.render(replace(hostile, cells=(replace(cell, findings=(finding,)),)), "github")

    assert "file=a%2Cb%3Ac%25d%0Ae.py,line=7::" in line


def test_github_summary_is_appended_and_stays_below_its_limit(failing: Report, tmp_path: Path) -> None:
    """What is there stays; past 1 MiB the summary is cut between sections and says so."""
    path = tmp_path / "summary.md"
    path.write_bytes(b"before\n" + b"x" * (github.SUMMARY_LIMIT - 2000) + b"\n")

    github.append_summary(failing, str(path))

    written = path.read_bytes()
    assert written.startswith(b"before\n")
    assert len(written) < github.SUMMARY_LIMIT
    assert written.endswith(github._CUT.encode())
    assert written.count(b"```") % 2 == 0


def test_github_summary_is_whole_where_it_fits(failing: Report, tmp_path: Path) -> None:
    """A small report is appended as the Markdown format renders it."""
    path = tmp_path / "summary.md"

    github.append_summary(failing, str(path))

    assert reports.render(failing, "markdown").split() == path.read_text(encoding="utf-8").split()


def test_github_summary_that_cannot_be_written_is_a_usage_error(failing: Report, tmp_path: Path) -> None:
    """The message names the variable."""
    with pytest.raises(UsageError, match="GITHUB_STEP_SUMMARY"):
        github.append_summary(failing, str(tmp_path / "absent" / "summary.md"))


def test_sarif_points_at_the_guilty_line(failing: Report) -> None:
    """Relative location, rule with help, fingerprint from the identity, known findings suppressed."""
    (run,) = json.loads(reports.render(failing, "sarif"))["runs"]
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    rules = run["tool"]["driver"]["rules"]

    assert {"uri": "layers.py", "uriBaseId": "%SRCROOT%"} == place["artifactLocation"]
    assert {"startLine": 4} == place["region"]
    assert {"stabcheckFinding/v1": failing.findings[0].id} == first["partialFingerprints"]
    assert CODES["SC101"].meaning in rules[0]["shortDescription"]["text"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    known = [r["suppressions"] for r in run["results"] if "suppressions" in r]
    assert [[{"kind": "external", "justification": "tracked since 2024"}]] == known


def test_verdicts(samples: Samples) -> None:
    """The state of the last line, which is also the exit code."""
    states = {name: outcome.verdict(report).state for name, report in samples().items()}

    assert states == {
        "passing": "PASS",
        "failing": "FAIL",
        "catalogue": "PASS",
        "surprising": "FAIL",
        "nothing": "NOTHING JUDGED",
        "interrupted": "INTERRUPTED",
        "hostile": "FAIL",
        "empty": "NOTHING JUDGED",
    }


def test_a_missed_planted_defect_counts_only_when_it_was_asked_for(surprising: Report) -> None:
    """`meta["planted"] = "not asked"` (little effort, filters) silences it; worse than declared remains."""
    asked = str(outcome.verdict(surprising))
    weak = str(outcome.verdict(replace(surprising, meta={**surprising.meta, "planted": "not asked"})))

    assert "planted" in asked
    assert "planted" not in weak
    assert weak.startswith("FAIL: 1 cell worse than declared")
