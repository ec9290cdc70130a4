"""The HTML report: one file that needs no network, no script and no second file, in light and dark.

Every text goes through `elements.tag`, which escapes it; the page forbids by its own policy whatever is
not the one script and the one style sheet that it carries.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources

from stabcheck.findings import CODES, Cell, Example, Finding, Report
from stabcheck.reports import excerpt, names, numbers, outcome, paths, pictures, reproduce, view
from stabcheck.reports.cells import CellText, cell_text, footnotes
from stabcheck.reports.elements import Markup, join, lines, tag

_SIGNS = {"PASS": "✓", "FAIL": "✗", "INTERRUPTED": "‖", "NOTHING JUDGED": "?"}
_HOW = {
    "failing": "",
    "known": "known to the baseline",
    "declared": "as declared",
    "unasked": "not asked for",
}


def render(report: Report, **_context: object) -> str:
    verdict = outcome.verdict(report)
    style, script = _asset("report.css"), _asset("report.js")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"stabcheck: {verdict.state}"),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        _header(report, verdict),
        tag("main", _matrix(report), _findings(report), _cells(report), _environment(report)),
        tag("script", Markup(script)),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _asset(name: str) -> str:
    return resources.files("stabcheck.reports").joinpath("assets", name).read_text(encoding="utf-8")


def _policy(script: str) -> str:
    """Nothing is loaded from anywhere, and no script runs but ours, byte for byte."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


# -- the top --------------------------------------------------------------------------------------


def _header(report: Report, verdict: outcome.Verdict) -> Markup:
    kind = {"PASS": "pass", "FAIL": "fail"}.get(verdict.state, "other")
    tiles = [tag("li", part) for part in view.summary(report)]
    return tag(
        "header",
        tag("p", "stabcheck", class_="brand"),
        tag(
            "div",
            tag(
                "h1",
                tag("span", _SIGNS[verdict.state], class_="sign", aria_hidden="true"),
                f" {verdict.state}",
            ),
            tag("p", verdict.text),
            class_=f"verdict {kind}",
        ),
        tag("ul", *tiles, class_="summary"),
        *(tag("p", note, class_="note") for note in report.notes),
        *(tag("p", line, class_="versions") for line in view.header(report, report.meta)),
    )


def _environment(report: Report) -> Markup:
    rows = [
        tag("tr", tag("th", str(key), scope="row"), tag("td", str(value)))
        for key, value in {**report.meta, "seed": report.seed, "level": report.level}.items()
    ]
    return tag(
        "section", tag("h2", "Environment"), tag("table", *rows, class_="environment"), id="environment"
    )


# -- the matrix -----------------------------------------------------------------------------------


def _matrix(report: Report) -> Markup | None:
    groups = view.groups(report)
    if not groups:
        return None
    tables = [_group(group, number, report) for number, group in enumerate(groups)]
    return tag("section", tag("h2", "Grades"), _legend(report), *tables, id="grades")


def _legend(report: Report) -> Markup:
    codes = sorted({f.code for cell in report.cells if (f := view.leading(cell, report.level))})
    told = [tag("li", tag("b", f"{c} {CODES[c].name}"), f" {CODES[c].meaning}") for c in codes]
    return tag("ul", *told, class_="legend")


def _group(group: view.Group, number: int, report: Report) -> Markup:
    head = tag("tr", tag("th", "implementation" if outcome.is_catalogue(report) else "target", scope="col"),
               *(tag("th", dtype, scope="col") for dtype in group.dtypes))  # fmt: skip
    rows = []
    for row, (target, cells) in enumerate(group.rows):
        shown = []
        for dtype in group.dtypes:
            cell = cells.get(dtype)
            words = cell_text(cell, report, "two")
            content: Markup = _grade(words)
            if cell is not None and cell.state == "judged":
                content = tag("a", content, href=f"#{_anchor(number, row)}")
            shown.append(tag("td", content, data_format=dtype, class_=_grade_class(cell)))
        rows.append(tag("tr", tag("th", _breakable(names.short(target)), scope="row"), *shown))
    notes = [tag("li", note) for note in footnotes([c for _, cs in group.rows for c in cs.values()])]
    return join(
        tag("h3", group.title),
        tag("table", tag("thead", head), tag("tbody", *rows), class_="matrix"),
        tag("ul", *notes, class_="notes") if notes else None,
    )


def _anchor(group: int, row: int) -> str:
    return f"cell-{group + 1}-{row + 1}"


def _grade(words: CellText) -> Markup:
    signs = {"x": "✗ ", "!": "! ", "~": "known: ", " ": ""}
    first, *more = words.lines
    return join(tag("b", signs[words.mark] + first), *(tag("span", line) for line in more))


def _grade_class(cell: Cell | None) -> str:
    return "none" if cell is None or cell.grade is None else str(cell.grade)


def _breakable(name: str) -> Markup:
    """A name that may be broken after its separators."""
    parts: list[str | None] = []
    word = ""
    for character in name:
        word += character
        if character in "._/:":
            parts += [word, Markup("<wbr>")]
            word = ""
    return join(*parts, word)


# -- the findings ---------------------------------------------------------------------------------


def _findings(report: Report) -> Markup | None:
    parts = [_block(block, report) for block in view.blocks(report)]
    for how, title in (
        ("declared", "of implementations that behave as declared"),
        ("unasked", "not asked for"),
    ):
        rest = [_block(block, report) for block in view.blocks(report, (how,))]  # type: ignore[arg-type]
        if rest:
            count = view.left_out(report)[how]  # type: ignore[index]
            words = f"{numbers.count(count, 'finding')} {title}"
            parts.append(tag("details", tag("summary", words), *rest, class_="rest"))
    return tag("section", tag("h2", "Findings"), *parts, id="findings") if parts else None


def _block(block: view.Block, report: Report) -> Markup:
    finding = block.lead
    title = tag(
        "h3",
        tag("span", names.label(finding), class_=f"code {block.how}"),
        tag("span", names.op(finding.op, finding.options, finding.argument)),
        tag("span", _breakable(names.short(finding.target)), class_="target"),
    )
    how = (
        tag("p", _HOW[block.how] + (f": {finding.known}" if finding.known else ""))
        if _HOW[block.how]
        else None
    )
    others = [
        tag("details", tag("summary", _shared(other)), _facts(other, report), data_finding=other.id)
        for other in block.others
    ]
    meaning = tag("p", CODES[finding.code].meaning, class_="meaning")
    return tag(
        "article", title, meaning, how, _facts(finding, report),
        *_explanation(finding), *others, data_finding=finding.id,
    )  # fmt: skip


def _shared(finding: Finding) -> str:
    return f"also in {finding.dtype}" + (
        f", from {numbers.onset(finding.onset)}" if finding.onset is not None else ""
    )


def _facts(finding: Finding, report: Report) -> Markup:
    """Format, onset, the minimal and the worst example side by side, and the command that repeats it."""
    said = [("format", finding.dtype)]
    if finding.onset is not None:
        said.append(("onset", f"from {numbers.onset(finding.onset)}"))
    said += [("what", finding.text), ("regimes", view.regimes(finding))]
    if finding.share > 0:
        said.append(("share", f"{numbers.percent(finding.share)} of the examples"))
    told = [tag("div", tag("dt", title), tag("dd", value)) for title, value in said if value]
    examples = [
        _example("Minimal", finding.minimal, finding.dtype),
        _example("Worst", finding.worst, finding.dtype),
    ]
    command = tag("pre", tag("code", reproduce.command(finding, report)), class_="command")
    return join(
        tag("dl", *told, class_="facts"),
        tag("div", *examples, class_="examples"),
        tag("div", command, class_="reproduce"),
    )


def _example(title: str, example: Example, dtype: str) -> Markup:
    rows = [(f"{name} =", value) for name, value in numbers.inputs(example, dtype)]
    if example.got is not None:
        rows.append(("got", numbers.number(example.got, dtype) + numbers.place(example.index)))
    if example.expected is not None:
        rows.append(("expected", numbers.number(example.expected, dtype)))
    rows += [("error", numbers.error(example)), ("regime", example.regime)]
    told = [tag("div", tag("dt", name), tag("dd", tag("code", value))) for name, value in rows if value]
    return tag("div", tag("h4", title), tag("dl", *told), class_="example")


def _explanation(finding: Finding) -> list[Markup]:
    parts = []
    if finding.cause is not None:
        words = [tag("code", text) if code else text for text, code in view.quoted(finding.cause.text)]
        parts.append(tag("p", tag("b", "Cause "), *words))
    if finding.where is not None:
        file = paths.relative(finding.where.file)
        place = f"{file}:{finding.where.line}"
        parts.append(
            tag("p", tag("b", "Where "), tag("code", place), " ", tag("code", finding.where.operation))
        )
        if source := excerpt.lines(finding.where):
            shown = [tag("span", line, class_="guilty" if line.startswith(">") else None) for line in source]
            parts.append(tag("pre", lines(shown), class_="excerpt"))
    if finding.fix is not None:
        fix = finding.fix
        grade = f" (reached {fix.grade} under stabcheck)" if fix.grade else ""
        parts.append(tag("p", tag("b", "Fix "), f"{fix.title}: ", tag("code", fix.formula), grade))
        if fix.snippet:
            snippet = names.printable_lines(fix.snippet.strip("\n"))
            parts.append(tag("pre", tag("code", lines(snippet)), class_="snippet"))
        told = (("Safe for ", fix.safe_range), ("Source: ", fix.source))
        parts += [tag("p", title, line, class_="source") for title, line in told if line]
    return parts


# -- the cells ------------------------------------------------------------------------------------


def _cells(report: Report) -> Markup | None:
    rows = []
    for number, group in enumerate(view.groups(report)):
        for row, (target, cells) in enumerate(group.rows):
            judged = [cells[d] for d in group.dtypes if d in cells and cells[d].state == "judged"]
            if judged:
                rows.append(_row(_anchor(number, row), group.title, target, judged, report))
    return tag("section", tag("h2", "Errors by input"), _key(), *rows, id="cells") if rows else None


def _key() -> Markup:
    """What the marks of the pictures mean."""
    return tag(
        "ul",
        tag("li", tag("span", class_="key ratio"), "error / gate (ratio)"),
        tag("li", tag("span", "✕", class_="key beyond"), "ratio above 1: a finding"),
        tag("li", tag("span", class_="key ulps"), "error in ulps"),
        tag("li", tag("span", class_="key cliff"), "cliff: where exp overflows, underflows or is absorbed"),
        class_="key-list",
    )


def _row(anchor: str, op: str, target: str, cells: Sequence[Cell], report: Report) -> Markup:
    grades = ", ".join(f"{cell.dtype} {cell.grade}" for cell in cells)
    name = tag("b", _breakable(names.short(target)))
    summary = tag("summary", tag("span", op), " ", name, " ", tag("span", grades, class_="grades"))
    return tag(
        "details", summary, tag("div", *(_cell(cell, report) for cell in cells), class_="figures"), id=anchor
    )


def _cell(cell: Cell, report: Report) -> Markup:
    words = " ".join(cell_text(cell, report, "line").lines)
    return tag(
        "figure",
        tag("figcaption", tag("b", cell.dtype), f" {words}"),
        pictures.error_picture(cell),
        pictures.histogram(cell),
        tag("dl", *(tag("div", tag("dt", k), tag("dd", v)) for k, v in _measures(cell)), class_="facts"),
        class_=f"cell {_grade_class(cell)}",
    )


def _measures(cell: Cell) -> list[tuple[str, str]]:
    rungs = ", ".join(f"{numbers.count(n)} by {rung}" for rung, n in cell.counts.rungs.items() if n)
    said = [
        ("largest ratio", f"{numbers.away(cell.max_ratio)} (gate: 1)"),
        ("largest error", f"{numbers.away(cell.max_ulps)} ulps"),
        ("99 % below", f"{numbers.away(cell.p99_ulps)} ulps"),
        ("judged", f"{numbers.count(cell.judged, 'element')} of {numbers.count(cell.examples, 'example')}"),
        ("certified", rungs),
        ("undecided", numbers.count(cell.undecided) if cell.undecided else ""),
        ("declared", f"{cell.declared} {cell.reason_declared}".strip() if cell.declared is not None else ""),
        ("called as", cell.call_form),
        ("notes", "; ".join(cell.notes)),
    ]
    return [(title, value) for title, value in said if value]
