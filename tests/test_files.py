"""Writing beside and renaming: a reader sees the old text or the new one, never a half."""

import os
import subprocess
import sys
import time

import pytest

from stabcheck.errors import UsageError
from stabcheck.files import check_place, make_folder, write_text


def test_text_is_stored_as_utf_8_with_unix_newlines(tmp_path):
    """The same bytes on every machine; a lone surrogate is escaped, not fatal."""
    path = write_text("größer\nals \udc80\n", tmp_path / "a b.json")
    assert b"gr\xc3\xb6\xc3\x9fer\nals \\udc80\n" == path.read_bytes()


def test_a_new_file_replaces_the_old_one_and_keeps_its_permissions(tmp_path):
    """Nothing is left beside it."""
    path = tmp_path / "r.json"
    path.write_text("old")
    path.chmod(0o640)
    write_text("new", path)
    assert "new" == path.read_text()
    assert 0o640 == path.stat().st_mode & 0o777
    assert ["r.json"] == [p.name for p in tmp_path.iterdir()]


def test_a_link_is_followed(tmp_path):
    """The link stays a link."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text("new", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert "new" == (tmp_path / "real").read_text()


@pytest.mark.parametrize(("place", "why"), [("missing/r.json", "does not exist"), (".", "is a folder")])
def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path, place, why):
    """The message names the place and what to do."""
    with pytest.raises(UsageError, match=why):
        write_text("x", tmp_path / place)


@pytest.mark.parametrize(("place", "why"), [("missing/r.json", "does not exist"), (".", "is a folder")])
def test_a_place_is_checked_without_writing(tmp_path, place, why):
    """The same is told beforehand, with the option; a good place holds afterwards what it held."""
    with pytest.raises(UsageError, match=f"--baseline .*{why}"):
        check_place(tmp_path / place, "--baseline")
    (tmp_path / "r.json").write_text("old")
    check_place(tmp_path / "r.json", "--baseline")
    assert [tmp_path / "r.json"] == list(tmp_path.iterdir())
    assert "old" == (tmp_path / "r.json").read_text()


def test_a_folder_is_made_or_refused(tmp_path):
    """With those above it; a file in its place, and a place that takes no folder, are usage errors."""
    make_folder(tmp_path / "a" / "b", "--report-dir")
    assert [] == list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"--report-dir .* is a file; name a directory"):
        make_folder(tmp_path / "file", "--report-dir")
    with pytest.raises(UsageError, match=r"--report-dir .*Choose another place"):
        make_folder(tmp_path / "file" / "c", "--report-dir")


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="no /dev/stdout here")
def test_a_device_is_written_to_and_not_replaced():
    """-o /dev/stdout works."""
    code = "from stabcheck.files import write_text; write_text('through', '/dev/stdout')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "through" == done.stdout


def test_kill_9_at_any_moment_leaves_the_old_or_the_new_text(tmp_path):
    """A process that rewrites a 2 MB file over and over is killed twenty times."""
    path = tmp_path / "baseline.json"
    texts = {letter * 2_000_000 for letter in "ab"}
    path.write_text("a" * 2_000_000)
    code = (
        "import sys\nfrom stabcheck.files import write_text\nprint(flush=True)\n"
        "while True:\n for c in 'ab': write_text(c * 2_000_000, sys.argv[1])"
    )
    for attempt in range(20):
        writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.003 * attempt)
        writer.kill()
        writer.communicate()
        assert path.read_text() in texts
