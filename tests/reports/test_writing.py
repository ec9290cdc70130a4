"""The door to all formats: names, plug-ins, files that are never there by half, listings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from io import StringIO
from pathlib import Path

import pytest

from stabcheck import reports
from stabcheck.errors import UsageError
from stabcheck.findings import Report
from stabcheck.reports import listing
from stabcheck.reports.terminal import make_console

BUILT_IN = ["table", "concise", "json", "markdown", "github", "junit", "sarif", "html"]


def test_eight_formats() -> None:
    """In the order of the documentation; each has a file of its own name."""
    assert list(reports.FORMATS)[:8] == BUILT_IN
    assert len({reports.file_name(name) for name in BUILT_IN}) == 8


@pytest.mark.parametrize("name", BUILT_IN)
def test_write_stores_what_render_gives(passing: Report, tmp_path: Path, name: str) -> None:
    """Byte for byte in UTF-8, and nothing else is left in the folder."""
    place = reports.write(passing, name, tmp_path / "report")

    assert reports.render(passing, name) == place.read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_unknown_formats_are_named(passing: Report) -> None:
    """With the nearest match."""
    with pytest.raises(UsageError, match="Did you mean 'sarif'"):
        reports.render(passing, "sarrif")


def test_a_missing_folder_is_a_usage_error(passing: Report, tmp_path: Path) -> None:
    """It says which, and what to do."""
    with pytest.raises(UsageError, match=r"absent.*does not exist. Create it first"):
        reports.write(passing, "json", tmp_path / "absent" / "report.json")


def test_github_is_emitted_on_stderr_the_others_on_stdout(
    failing: Report, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And the job's summary is written when there is a place for it."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    reports.emit(failing, "github")
    github = capsys.readouterr()
    reports.emit(failing, "concise")
    concise = capsys.readouterr()

    assert (github.out, github.err) == ("", reports.render(failing, "github"))
    assert (concise.out, concise.err) == (reports.render(failing, "concise"), "")
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("## stabcheck: ❌ FAIL")


def test_plugins_add_formats_and_broken_ones_are_named(
    passing: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning for the broken plug-in; the other works."""
    entries = metadata.EntryPoints(
        [
            metadata.EntryPoint("shout", "tests_plugin_shout:render", reports.GROUP),
            metadata.EntryPoint("broken", "no_such_module:render", reports.GROUP),
        ]
    )
    module = type(sys)("tests_plugin_shout")
    module.render = lambda report, **context: f"{len(report.cells)} CELLS!"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tests_plugin_shout", module)
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries)
    reports._plugins.cache_clear()
    try:
        with pytest.warns(UserWarning, match="plug-in 'broken' .* is broken and left out") as caught:
            text = reports.render(passing, "shout")
        assert len(caught) == 1
        assert text == "4 CELLS!"
        assert "broken" not in reports.FORMATS
    finally:
        reports._plugins.cache_clear()


_WRITER = """
import sys
from stabcheck.files import write_text
texts = [letter * 3_000_000 for letter in "ab"]
print("ready", flush=True)
while True:
    for text in texts:
        write_text(text, sys.argv[1])
"""


def test_kill_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    """Killed at three moments while it rewrites a report, the file is one of the two, never a half."""
    place = tmp_path / "report.json"
    place.write_text("old", encoding="utf-8")
    whole = {"a" * 3_000_000, "b" * 3_000_000}
    for moment in range(3):
        process = subprocess.Popen([sys.executable, "-c", _WRITER, str(place)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.05 + 0.013 * moment)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()

        assert place.read_text(encoding="utf-8") in {"old", *whole}


@pytest.mark.parametrize("subject", listing.SUBJECTS)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_listings_fit_and_name_everything(subject: str, width: int) -> None:
    """No line is wider than the terminal, and the first column is whole."""
    stream = StringIO()
    console = make_console(file=stream, color="never")
    console.width = width

    listing.show_subject(subject, console)

    text = stream.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    for table in listing.SUBJECTS[subject]():
        assert table.rows
        assert all(row[0] in text for row in table.rows)


def test_an_unknown_listing_is_a_usage_error() -> None:
    """With the nearest match."""
    with pytest.raises(UsageError, match="Did you mean 'codes'"):
        listing.show_subject("code", make_console(file=StringIO()))


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    """Importing the door to the reports loads neither rich nor NumPy."""
    code = "import sys, stabcheck.reports; print(sorted({'rich', 'numpy', 'mpmath'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
