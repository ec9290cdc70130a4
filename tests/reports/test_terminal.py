"""The table report: what it says, and that it fits narrow, wide and dumb terminals."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper

import pytest

from stabcheck.engine import events
from stabcheck.findings import Report, Where
from stabcheck.reports import terminal
from stabcheck.reports.terminal import TerminalReporter, make_console

Samples = Callable[[], Mapping[str, Report]]

SAMPLES = ["passing", "failing", "catalogue", "surprising", "nothing", "interrupted", "hostile", "empty"]


def lines(report: Report, **options: int) -> list[str]:
    return terminal.text(report, **{"width": 140, **options}).splitlines()


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("width", [80, 140])
def test_only_single_words_are_wider_than_the_terminal(samples: Samples, sample: str, width: int) -> None:
    """Lines are broken between words; commands to copy stay on one line, however long."""
    for verbosity in (0, 1):
        for line in terminal.text(samples()[sample], width, verbosity=verbosity).splitlines():
            longest = max(map(len, line.split()), default=0)

            assert len(line) <= max(width, longest + 17) or "stabcheck run " in line


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_numbers_and_grades_are_whole_at_any_width(failing: Report, width: int) -> None:
    """However narrow, no onset is cut and no word broken."""
    text = terminal.text(failing, width)
    table = text[: text.index("SC101 nan:")]

    for words in ("from 709.8", "from 88.8", "from 11.1", "from 96.1", "unstable", "underflow", "n/a"):
        assert words in table
    assert len(re.findall(r"\bSC\d{3}\b", table)) == 6


def test_a_cell_says_grade_code_and_onset(failing: Report) -> None:
    """A reader sees at a glance where naive softmax dies."""
    row = next(line for line in lines(failing, width=220) if "naive_softmax " in line)

    assert re.findall(r"x unstable SC101 nan from (\S+)", row) == ["709.8", "88.8", "88.8", "11.1"]


def test_signals_reasons_and_undecided_are_in_the_table(failing: Report) -> None:
    """Right through an overflow; n/a with its reason below; undecided counts."""
    text = terminal.text(failing, 220)

    assert "accurate, via overflow" in text
    assert "layers.py:lossy [bfloat16] n/a: TypeError: ufunc 'exp' not supported for bfloat16" in text
    assert "accurate, 3 undecided" in text
    assert "~ unstable SC101 nan from 88.8" in text


def test_findings_merge_formats_and_point_at_the_line(failing: Report) -> None:
    """One block per target and code, the worst first, with input, values, cause and fix."""
    text = terminal.text(failing, 100)

    assert text.count("\nSC101 nan | softmax | layers.py:naive_softmax | float32\n") == 1
    assert "also in    float64 from 709.8, bfloat16 from 88.8, float16 from 11.1" in text
    assert "input      logits = [88.8]\n  got        nan at [0]\n  expected   1\n" in text
    assert "where      layers.py:4: np.exp(x)" in text
    assert "(reached stable under" in text
    assert text.index("SC103 underflow | softmax") < text.index("SC201 inaccurate | softmax")


def test_the_guilty_line_is_quoted(failing: Report, tmp_path: object) -> None:
    """With its neighbours, marked, carets under the operation; not from files that are no Python."""
    from pathlib import Path

    source = Path(str(tmp_path)) / "layers.py"
    source.write_text(
        "import numpy as np\n\ndef naive_softmax(x):\n\te = np.exp(x)\n\treturn e\n", encoding="utf-8"
    )
    cell = failing.cells[0]
    finding = replace(cell.findings[0], where=Where(str(source), 4, "np.exp(x)"))

    text = terminal.text(replace(failing, cells=(replace(cell, findings=(finding,)),)), 200)

    assert "> 4 |     e = np.exp(x)\n" + " " * 27 + "^^^^^^^^^\n" in text
    secret = source.rename(source.with_suffix(".txt"))
    finding = replace(finding, where=Where(str(secret), 4, "np.exp(x)"))
    assert "> 4 |" not in terminal.text(replace(failing, cells=(replace(cell, findings=(finding,)),)), 200)


def test_a_catalogue_shows_surprises_and_counts_the_rest(catalogue: Report, surprising: Report) -> None:
    """Planted defects are in the table; only what is not as declared gets a block."""
    calm, loud = terminal.text(catalogue, 140), terminal.text(surprising, 140)

    assert "35 findings" not in calm  # 36: none is left out of the count
    assert "36 findings of implementations that behave as declared: -v shows them." in calm
    assert "input " not in calm
    assert calm.splitlines()[-1] == "PASS: 30 implementations behave as declared in 120 cells."
    assert "! accurate" in loud
    assert "declared unstable" in loud
    assert loud.count("  input ") == 1


def test_verbose_shows_every_finding(catalogue: Report) -> None:
    """One block each."""
    assert terminal.text(catalogue, 140, verbosity=1).count("\n  input ") == len(catalogue.findings)


def test_quiet_shows_findings_that_fail_and_the_verdict(failing: Report, passing: Report) -> None:
    """A line per finding, formats merged; nothing but the verdict when all is well."""
    assert [line.partition(":")[0][:5] for line in lines(failing, verbosity=-1, width=900)] == [
        "SC101", "SC103", "SC201", "FAIL",
    ]  # fmt: skip
    assert lines(passing, verbosity=-1) == ["PASS: 4 cells reached level stable (worst grade: accurate)."]


def test_the_summary_counts_and_the_verdict_is_last(failing: Report) -> None:
    """Cells, examples, elements by rung, audited, undecided, seed, time; then one sentence."""
    text = " ".join(terminal.text(failing, 80).split())

    assert (
        "13 cells (1 n/a) | 13,000 examples judged 1,356,173 elements certified: 1,300,000 by balls64,"
        in text
    )
    assert "| 6,656 audited | 3 undecided | seed 0 | 1.23 s FAIL: 6 findings in 5 of 12 cells" in text
    assert (
        "Reproduce with: stabcheck run layers.py:naive_softmax --op softmax --dtype float32 --dtype float64"
        in text
    )


def test_text_has_no_control_codes_without_colour(samples: Samples) -> None:
    """And with colour the words are the same."""
    for report in samples().values():
        plain, coloured = terminal.text(report, 120), terminal.text(report, 120, colour=True)

        assert "\x1b" not in plain
        assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "\x1b[" in terminal.text(samples()["failing"], 120, colour=True)


def test_a_terminal_that_knows_only_ascii_is_served(hostile: Report) -> None:
    """Names it cannot show are escaped; nothing raises."""
    raw = BytesIO()
    stream = TextIOWrapper(raw, encoding="ascii")
    report = replace(hostile, notes=("größer ✓",))

    TerminalReporter(make_console(file=stream), make_console(file=stream), 0, False).show(report)
    stream.flush()

    assert b"gr\\xf6\\xdfer \\u2713" in raw.getvalue()


def test_the_width_of_a_pipe_comes_from_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS where it is a number, otherwise wide enough for the table."""
    monkeypatch.setenv("COLUMNS", "73")
    assert make_console(file=StringIO()).width == 73
    for useless in ("", "0", "wide"):
        monkeypatch.setenv("COLUMNS", useless)
        assert make_console(file=StringIO()).width == terminal.PIPED_WIDTH >= 100


def test_events_and_a_stored_report_give_the_same_text(failing: Report) -> None:
    """The header comes with the first event and is not repeated; the rest with the last."""
    stream = StringIO()
    console = make_console(file=stream, color="never")
    console.width = 100
    reporter = TerminalReporter(console, console, 0, progress=True)
    keys = tuple(cell.key for cell in failing.cells)

    reporter.consume(events.Started(keys, 13_000, {**failing.meta, "seed": 0, "level": "stable"}))
    reporter.consume(events.CellStarted(keys[0]))
    reporter.consume(events.Progress(keys[0], 10, 100))
    reporter.consume(events.Found(keys[0], "SC101"))
    reporter.consume(events.Finished(failing))
    reporter.close()

    stored = replace(failing, meta={**failing.meta, "seed": 0, "level": "stable"})
    assert terminal.text(stored, 100) == stream.getvalue()


def test_progress_goes_to_a_terminal_on_stderr_and_away_again(failing: Report) -> None:
    """Cell, rate and what is found; nothing on stdout, nothing where stderr is no terminal."""
    out, err = StringIO(), StringIO()
    console = make_console(file=err, color="always")
    console.width = 120
    reporter = TerminalReporter(make_console(file=out), console, -1, progress=True)
    assert reporter._progress is False  # -q asks for little
    reporter = TerminalReporter(make_console(file=out), console, 0, progress=True)
    key = failing.cells[0].key

    reporter.consume(events.Started((key,), 100, {}))
    reporter.consume(events.Progress(key, 50, 500))
    reporter.consume(events.Shrinking(key, "SC101"))
    reporter.close()

    assert "logits/s" in err.getvalue()
    assert "shrinking SC101" in err.getvalue()
    assert "logits/s" not in out.getvalue()
