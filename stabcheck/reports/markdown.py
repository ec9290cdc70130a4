"""The Markdown report: verdict, a table per op, the findings. Whatever a name holds stays text."""

from __future__ import annotations

import re

from stabcheck.findings import Finding, Report
from stabcheck.reports import names, numbers, outcome, paths, reproduce, view
from stabcheck.reports.cells import cell_text, footnotes

_MARKS = {"x": "❌ ", "!": "❗ ", "~": "📌 ", " ": ""}

#: Characters that begin something in GitHub's Markdown, mentions and issue references included.
_SPECIAL = re.compile(r"[\\`*<>&#@|~$\[\]]|(?<!\w)_|_(?!\w)|:(?=//)")


def render(report: Report, **_context: object) -> str:
    return "\n".join(sections(report))


def sections(report: Report) -> list[str]:
    """The report in pieces, each of them whole Markdown, the most important first."""
    verdict = outcome.verdict(report)
    sign = {"PASS": "✅", "FAIL": "❌"}.get(verdict.state, "⚠️")
    pieces = [f"## stabcheck: {sign} {verdict.state}\n\n{escaped(verdict.text)}\n"]
    pieces += [_table(group, report) for group in view.groups(report)]
    pieces += [_block(block, report) for block in view.blocks(report)]
    hidden = sum(view.left_out(report).values())
    if hidden:
        pieces.append(f"{numbers.count(hidden, 'more finding')} that do not count are in the JSON report.\n")
    pieces += [f"{escaped(note)}\n" for note in report.notes]
    details = [*view.header(report, report.meta), " | ".join(view.summary(report))]
    pieces.append("\n".join(f"<sub>{escaped(line)}</sub><br>" for line in details) + "\n")
    return pieces


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", names.printable(text))


def code(text: str, table: bool = False) -> str:
    """A code span; its fence is longer than any run of backticks in the text."""
    shown = names.printable(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{_pipes(shown) if table else shown}{pad}{fence}"


def _pipes(text: str) -> str:
    return text.replace("|", "\\|")  # GitHub's tables take this away again, even inside code


def fenced(text: str, language: str = "") -> str:
    """A code block; its fence is longer than any run of backticks in the text."""
    lines = "\n".join(names.printable_lines(text))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", lines)), default=0))
    return f"{fence}{language}\n{lines}\n{fence}"


def _table(group: view.Group, report: Report) -> str:
    lines = [
        f"### {escaped(group.title)}\n",
        "| target | " + " | ".join(group.dtypes) + " |",
        "| --- |" + " --- |" * len(group.dtypes),
    ]
    for target, cells in group.rows:
        texts = [cell_text(cells.get(dtype), report, "line") for dtype in group.dtypes]
        shown = [_MARKS[text.mark] + escaped(text.lines[0]) for text in texts]
        lines.append(f"| {code(names.short(target), table=True)} | " + " | ".join(shown) + " |")
    notes = [f"- {escaped(note)}" for note in footnotes([c for _, cs in group.rows for c in cs.values()])]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _block(block: view.Block, report: Report) -> str:
    finding = block.lead
    title = f"{names.label(finding)}: {escaped(names.op(finding.op, finding.options, finding.argument))}"
    known = " (known to the baseline)" if block.how == "known" else ""
    lines = [f"#### {title}, {code(names.short(finding.target))}, {finding.dtype}{known}\n"]
    lines += [f"- {name}: {text}" for name, text in _facts(block)]
    if finding.fix is not None and finding.fix.snippet:
        lines += ["", fenced(finding.fix.snippet.strip("\n"), "python")]
    if block.how == "failing":
        lines += ["", fenced(reproduce.command(finding, report), "sh")]
    return "\n".join(lines) + "\n"


def _facts(block: view.Block) -> list[tuple[str, str]]:
    finding, example = block.lead, block.lead.minimal
    facts = [("input", code(f"{name} = {text}")) for name, text in numbers.inputs(example, finding.dtype)]
    if example.got is not None:
        got = numbers.number(example.got, finding.dtype)
        facts.append(("got", code(f"{got}{numbers.place(example.index)}")))
    if example.expected is not None:
        facts.append(("expected", code(numbers.number(example.expected, finding.dtype))))
    facts.append(("error", escaped(numbers.error(example))))
    facts.append(("what", escaped(finding.text)))
    if finding.onset is not None:
        facts.append(("from", numbers.onset(finding.onset)))
    facts.append(("also in", ", ".join(_also(other) for other in block.others)))
    facts.append(("regimes", escaped(view.regimes(finding))))
    if finding.cause is not None:
        words = [code(text) if quoted else escaped(text) for text, quoted in view.quoted(finding.cause.text)]
        facts.append(("cause", "".join(words)))
    if finding.where is not None:
        file = paths.relative(finding.where.file)
        facts.append(("where", f"{code(f'{file}:{finding.where.line}')} {code(finding.where.operation)}"))
    if finding.fix is not None:
        grade = f" (reached {escaped(finding.fix.grade)})" if finding.fix.grade else ""
        facts.append(("fix", f"{escaped(finding.fix.title)}: {code(finding.fix.formula)}{grade}"))
        facts.append(("safe", escaped(finding.fix.safe_range)))
    return [(name, text) for name, text in facts if text]


def _also(finding: Finding) -> str:
    return finding.dtype + (f" from {numbers.onset(finding.onset)}" if finding.onset is not None else "")
