"""Files are never there by half: written beside their place, then renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from stabcheck.errors import UsageError


def write_text(text: str, path: str | Path) -> Path:
    """Store text at `path`, whole or not at all. A link is followed; the file it names is replaced."""
    given = Path(path)
    if (
        given.exists() and not given.is_file() and not given.is_dir()
    ):  # /dev/stdout, a pipe: not to be renamed
        given.write_text(text, encoding="utf-8", errors="backslashreplace")
        return given
    place = Path(os.path.realpath(path))
    if not place.parent.is_dir():
        raise UsageError(
            f"cannot write {str(path)!r}: the folder {str(place.parent)!r} does not exist. Create it first."
        )
    if place.is_dir():
        raise UsageError(f"cannot write {str(path)!r}: it is a folder. Name a file in it.")
    beside = ""
    try:
        handle, beside = tempfile.mkstemp(prefix=f".{place.name[:80]}.", suffix=".part", dir=place.parent)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, _mode(place))
        os.replace(beside, place)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}. Choose another place.") from error
    return place


def _mode(place: Path) -> int:
    """Permissions of the file that is replaced, or those of any new file."""
    if place.exists():
        return place.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
