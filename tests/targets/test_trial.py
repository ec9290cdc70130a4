"""A first import in another process: what ends there does not end here."""

import os

import pytest

import stabcheck
from stabcheck.errors import TargetError
from stabcheck.targets.trial import try_import

SOFTMAX = "def softmax(x): return x\n"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """write(text) puts it into mine.py of an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return lambda text: (tmp_path / "mine.py").write_text(text)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("os._exit(0)", "the process exited with status 0 while importing it"),
        ("os.kill(os.getpid(), 11)", "the process was killed by SIGSEGV while importing it"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
@pytest.mark.parametrize("spec", ["mine.py", "mine.py:softmax"])
def test_an_import_that_ends_the_process(write, line, why, spec):
    """TargetError with the target and how the process ended."""
    write(f"import os\n{line}\n{SOFTMAX}")
    with pytest.raises(TargetError, match=f"cannot import target '{spec}': {why}"):
        try_import(spec)


def test_check_with_isolate_outlives_its_target(write):
    """`check(..., isolate=True)` of a module that exits raises in the caller, which goes on."""
    write(f"import os\nos._exit(0)\n{SOFTMAX}")
    with pytest.raises(TargetError, match="the process exited with status 0"):
        stabcheck.check("mine.py:softmax", isolate=True)


def test_a_target_that_can_be_imported(write):
    """No complaint, and nothing is imported here; the name of one that does not exist is told."""
    write(f"import os\nos.environ['IMPORTED_HERE'] = '1'\n{SOFTMAX}")
    try_import("mine.py:softmax")
    assert "IMPORTED_HERE" not in os.environ
    with pytest.raises(TargetError, match="Did you mean 'softmax'"):
        try_import("mine.py:sofmax")
