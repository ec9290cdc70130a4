"""Hostile callables, one file each in tests/hostile: every one gets a clear verdict, in one command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HOSTILE = Path(__file__).parent / "hostile"

#: File -> the code of its verdict. Those with SC101 are naive on top of what they do around themselves:
#: the mischief must not hide the defect.
VERDICTS = {
    "changes_everything": "SC101",
    "deletes_itself": "SC101",
    "depends_on_order": "SC405",
    "eats_memory": "SC401",
    "eats_memory_bit_by_bit": "SC401",
    "exits_at_once": "SC407",
    "forgets_modules": "SC101",
    "forks": "SC101",
    "has_no_name": "SC101",
    "interrupts": "SC401",
    "interrupts_in_its_text": "SC401",
    "leaves": "SC401",
    "leaves_threads": "SC101",
    "loops_forever": "SC406",
    "mutates_input": "SC404",
    "raises_sometimes": "SC401",
    "recurses": "SC401",
    "removes_its_folder": "SC101",
    "returns_a_liar": "SC403",
    "returns_generator": "SC403",
    "returns_integers": "SC403",
    "returns_list": "SC403",
    "returns_none": "SC403",
    "returns_objects": "SC403",
    "returns_text": "SC403",
    "returns_wrong_shape": "SC402",
    "segfaults": "SC407",
    "shares_a_buffer": "SC404",
    "sleeps_always": "SC406",
    "talks": "SC101",
}


def verdicts(names, *options):
    """The codes found in each of these files, and the finished process."""
    command = [sys.executable, "-m", "stabcheck", "run", *(f"hostile/{name}.py" for name in names)]
    command += ["--output-format", "json", "--max-classes", "16", "--no-progress", *options]
    done = subprocess.run(command, cwd=HOSTILE.parent, capture_output=True, text=True, timeout=500)
    assert "Traceback" not in done.stderr
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    cells = {}
    for cell in report["cells"]:
        name = Path(cell["target"].partition(":")[0]).stem
        assert cell["state"] == "judged"
        cells[name, cell["dtype"]] = set()
    for finding in report["findings"]:
        cells[Path(finding["target"].partition(":")[0]).stem, finding["dtype"]].add(finding["code"])
    return cells, done


def test_every_hostile_file_has_a_verdict_to_reach():
    """The table and the folder hold the same files, at least twenty."""
    assert {path.stem for path in HOSTILE.glob("*.py")} == VERDICTS.keys()
    assert len(VERDICTS) >= 20


def test_a_crash_and_an_interrupt_beside_an_innocent():
    """A worker that dies takes no other target's cells with it; KeyboardInterrupt of a target's own is a
    finding, not the end of the run; and what one writes to file descriptors is not in the report."""
    names = ("exits_at_once", "interrupts", "forks", "returns_none", "talks")
    cells, done = verdicts(names, "-n", "40", "--dtype", "float32")
    assert 1 == done.returncode
    assert {(name, "float32") for name in names} == cells.keys()
    assert all(VERDICTS[name] in codes for (name, _), codes in cells.items()), cells


@pytest.mark.slow
def test_all_of_them_in_one_command():
    """Twenty and more clear verdicts in both default formats, no traceback, exit 1."""
    cells, done = verdicts(VERDICTS, "-n", "60")
    assert 1 == done.returncode
    assert {(name, dtype) for name in VERDICTS for dtype in ("float32", "float64")} == cells.keys()
    missing = {key: codes for key, codes in cells.items() if VERDICTS[key[0]] not in codes}
    assert {} == missing
