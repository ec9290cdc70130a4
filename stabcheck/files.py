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
    if _is_device(given):
        try:
            given.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise _refused(path, error) from error
        return given
    place = _checked(given, f"cannot write {str(path)!r}:")
    beside = ""
    try:
        handle, beside = _beside(place)
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, _mode(place))
        os.replace(beside, place)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise _refused(path, error) from error
    return place


def check_place(path: str | Path, option: str) -> None:
    """UsageError where `write_text` would not get a file there: for whoever only writes after long work."""
    if _is_device(Path(path)):
        return
    place = _checked(Path(path), f"{option} {str(path)!r}:")
    try:
        _try_beside(place)
    except OSError as error:
        raise UsageError(f"{option} {str(path)!r}: {error.strerror}. Choose another place.") from None


def make_folder(path: str | Path, option: str) -> None:
    """The folder, if need be with those above it; UsageError where it cannot be had or written to."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        _try_beside(Path(path) / "report")
    except FileExistsError:
        raise UsageError(f"{option} {str(path)!r} is a file; name a directory.") from None
    except OSError as error:
        raise UsageError(f"{option} {str(path)!r}: {error.strerror}. Choose another place.") from None


def _is_device(path: Path) -> bool:
    """/dev/stdout, a pipe: not to be renamed."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _checked(path: Path, failure: str) -> Path:
    """The file that the path means, links followed; UsageError where there can be none."""
    place = Path(os.path.realpath(path))
    if not place.parent.is_dir():
        raise UsageError(f"{failure} its folder {str(place.parent)!r} does not exist. Create it first.")
    if place.is_dir():
        raise UsageError(f"{failure} it is a folder. Name a file in it.")
    return place


def _beside(place: Path) -> tuple[int, str]:
    """A new file in the same folder: (descriptor, name)."""
    return tempfile.mkstemp(prefix=f".{place.name[:80]}.", suffix=".part", dir=place.parent)


def _try_beside(place: Path) -> None:
    handle, name = _beside(place)
    os.close(handle)
    os.unlink(name)


def _refused(path: str | Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {str(path)!r}: {error.strerror}. Choose another place.")


def _mode(place: Path) -> int:
    """Permissions of the file that is replaced, or those of any new file."""
    if place.exists():
        return place.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
