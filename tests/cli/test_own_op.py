"""An op of the user's own on the command line: named by the module that holds it."""

from pathlib import Path

PROJECT = """
import numpy as np
import stabcheck

@stabcheck.op(name="test_scaled_sigmoid", kind="elementwise")
def scaled_sigmoid(m, x):
    return x / (1 + m.exp(-1.702 * x))

def gate(x):
    return x / (1 + np.exp(-1.702 * x))
"""


def test_an_op_of_a_module_is_asked_for_by_its_place(here, process):
    """It is found in the workers too, and the command to reproduce names the place, not the bare name."""
    (here / "project_of_gates.py").write_text(PROJECT)
    found = process(
        "run", "project_of_gates:gate", "--op", "project_of_gates:scaled_sigmoid",
        "--dtype", "float32", "-n", "30", "--max-classes", "8",
    )  # fmt: skip
    assert 1 == found.code, found.err
    assert "SC103 underflow | test_scaled_sigmoid" in found.out
    assert "stabcheck run project_of_gates:gate --op project_of_gates:scaled_sigmoid" in found.out


def test_an_op_of_a_file_is_asked_for_by_its_path(here, process):
    """As targets are; a file that is not there is told."""
    (here / "file_of_gates.py").write_text(PROJECT)
    asked = ("run", "file_of_gates.py:gate", "--dtype", "float32", "-n", "30", "--op")
    found = process(*asked, "file_of_gates.py:scaled_sigmoid")
    assert 1 == found.code, found.err
    assert "SC103 underflow | test_scaled_sigmoid" in found.out
    assert "stabcheck run file_of_gates.py:gate --op file_of_gates.py:scaled_sigmoid" in found.out
    missing = process(*asked, "none.py:scaled_sigmoid")
    assert 2 == missing.code
    assert "there is no file" in missing.err


def test_a_place_without_an_op_is_a_clear_error(here, call):
    """Exit 2; the message says what is expected there."""
    Path("no_ops_here.py").write_text("x = 1\n")
    refused = call("run", "no_ops_here:x", "--op", "no_ops_here:y")
    assert 2 == refused.code
    assert "op 'no_ops_here:y': no op; make one there with @stabcheck.op." in refused.err
