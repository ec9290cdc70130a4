"""A board that a process leaves behind for its parent."""

import subprocess
import sys

from stabcheck import lastwords

#: In a process of its own: one that has threads, as a worker of the tests may, had better not fork.
PARENT = """
import os
from stabcheck import lastwords
board = lastwords.shared()
child = os.fork()
if child == 0:
    with lastwords.noted("cannot do it", "while trying. Stop."):
        os._exit(0)
os.waitpid(child, 0)
print(repr((board.text, board.code)))
"""


def test_what_a_child_noted_is_read_by_its_parent():
    """Failure and next step while the block lasts, nothing after it; no code without an end."""
    done = subprocess.run([sys.executable, "-c", PARENT], capture_output=True, text=True, check=True)
    assert repr(("cannot do it\nwhile trying. Stop.", None)) == done.stdout.strip()


def test_noted_is_forgotten():
    """The text is that of the innermost block."""
    board = lastwords.shared()
    with lastwords.noted("outer", "a"):
        with lastwords.noted("inner", "b"):
            assert "inner\nb" == board.text
        assert "outer\na" == board.text
    assert "" == board.text
    board.finish(130)
    assert 130 == board.code


def test_a_long_text_is_cut_between_characters():
    """A target may be called anything."""
    board = lastwords.shared()
    board.text = "é" * 10_000
    assert set(board.text) == {"é"}


def test_endings():
    """Status and signal, in words."""
    assert "the process exited with status 0" == lastwords.ending(0)
    assert "the process was killed by SIGSEGV" == lastwords.ending(-11)
    assert "the process was killed by signal 99" == lastwords.ending(-99)
