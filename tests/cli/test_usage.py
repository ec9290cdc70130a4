"""What bad input gets: exit 2, the value, the nearest match, the next step."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import stabcheck

Call = Callable[..., object]

HEAVY = ("numpy", "mpmath", "hypothesis", "rich", "ml_dtypes", "scipy", "torch", "jax")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "-h"], ["--version"], ["init"]])
def test_light(here: Path, arguments: list[str]) -> None:
    """Help, version and the start of a configuration import nothing heavy."""
    program = (
        "import sys\nfrom stabcheck.cli.app import invoke\n"
        f"code = invoke({arguments!r})\n"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "0 []" == done.stderr.strip()
    assert done.stdout


def test_sections(call: Call) -> None:
    """The help of run names every section, every option once, and has examples."""
    result = call("run", "--help")

    for heading in ("What is asked:", "Effort:", "Output:", "Baseline:", "The usual:", "Examples:"):
        assert heading in result.out
    assert 1 == result.out.count("-n, --max-examples N")
    assert 0 == result.code


def test_version(call: Call) -> None:
    """--version prints name and version."""
    assert f"stabcheck, version {stabcheck.__version__}\n" == call("--version").out


USAGE = [
    (["rum"], "No such command 'rum'. Did you mean 'run'?"),
    (["run", "--levl", "robust"], "--level"),
    (["run", "--level", "robus"], "'robus' is not one of robust, stable, accurate. Did you mean 'robust'?"),
    (["run", "--max-examples", "many"], "'many' is not a whole number, at least 1."),
    (["run", "--range", "5"], "'5' is not two numbers LO,HI"),
    (["run", "--op", "sotfmax"], "unknown op 'sotfmax'. Did you mean 'softmax'?"),
    (["run", "--dtype", "flaot16"], "unknown dtype 'flaot16'. Did you mean 'float16'?"),
    (["run", "--select", "SC9999"], "unknown code 'SC9999'."),
    (["run", "--regimes", "modrate", "--op", "sigmoid"], "'modrate'"),
    (["run", "--output-format", "jsn"], "unknown report format 'jsn'. Did you mean 'json'?"),
    (["run", "--report", "tabel"], "unknown report format 'tabel'. Did you mean 'table'?"),
    (["run", "-o", "no/such/place.json"], "does not exist. Create it first."),
    (["run", "--config-file", "nothere.toml"], "'nothere.toml' does not exist"),
    (["run", "--config-file", "."], "configuration file '.' is a directory; name a file in it."),
    (["run", "math:tanh", "--regimes", ""], "regimes is empty: name at least one"),
    (["run", "math:tanh", "--memory-limit", "1"], "'1' is not a size in bytes"),
    (["run", "math:tanh", "--memory-limit", "63MiB"], "at least 64MiB"),
    (["run", "nothere.py", "--report", "json", "--report-dir", "/proc/foo"], "--report-dir '/proc/foo'"),
    (["run", "nothere.py", "--baseline", "no/b.json", "--baseline-update"], "--baseline 'no/b.json'"),
    (["run", "nothere.py:softmax"], "there is no file"),
    (["run", "no.such.package:softmax"], "No module named"),
    (["run", "math"], "names no function"),
    (["run", "math:pi", "--op", "sigmoid"], "is a float, not a function"),
    (["run", "math:expp", "--op", "sigmoid"], "'expp'"),
    (["run", "math:exp"], "which op is math:exp to compute?"),
    (["list", "opps"], "unknown list 'opps'. Did you mean 'ops'?"),
    (["explain", "nam"], "unknown code 'nam'. Did you mean 'nan'?"),
    (["explain"], "Missing argument"),
    (["report", "nothere.json"], "does not exist"),
    (["compare", "nothere.json", "nothere.json"], "does not exist"),
    (["compare", "a.json", "b.json", "--fail-on", "wors"], "unknown --fail-on 'wors'. Did you mean 'worse'?"),
    (["replay"], "no findings are stored in .stabcheck"),
    (["replay", "0123456789"], "no finding '0123456789' is stored"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE, ids=[" ".join(a) for a, _ in USAGE])
def test_wrong(call: Call, arguments: list[str], message: str) -> None:
    """Exit 2, nothing on stdout, one message on stderr without a traceback."""
    result = call(*arguments)

    assert message in result.err
    assert "Traceback" not in result.err
    assert (2, "") == (result.code, result.out)


def test_environment(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables are checked like options."""
    monkeypatch.setenv("STABCHECK_LEVEL", "stabel")

    result = call("run")

    assert "Did you mean 'stable'?" in result.err
    assert 2 == result.code


def test_configuration(call: Call, here: Path) -> None:
    """An unknown key of the configuration is exit 2 and names the nearest key."""
    (here / "stabcheck.toml").write_text("sede = 3")

    result = call("run")

    assert "unknown key 'sede'. Did you mean 'seed'?" in result.err
    assert 2 == result.code


def test_import_error(call: Call, here: Path) -> None:
    """A module that cannot be imported: the error in one line, the traceback with -v."""
    (here / "broken.py").write_text("def softmax(x):\n    return x\n\nraise RuntimeError('on the way')\n")

    short, long = call("run", "broken.py:softmax"), call("run", "broken.py:softmax", "-v")

    assert "RuntimeError: on the way" in short.err
    assert "Traceback" not in short.err
    assert "-v shows the traceback" in short.err
    assert "raise RuntimeError('on the way')" in long.err
    assert (2, 2) == (short.code, long.code)


def test_internal_error(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of ours is exit 2 with one line, never 1."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("stabcheck.cli.run.configuration", broken)

    result = call("run")

    assert "stabcheck: internal error: ZeroDivisionError: oh (-v shows the traceback)\n" == result.err
    assert 2 == result.code


@pytest.mark.parametrize("columns", [50, 80])
def test_explain_fits(call: Call, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Prose is as wide as COLUMNS says; code is left as it is."""
    monkeypatch.setenv("COLUMNS", str(columns))

    result = call("explain", *(f"SC{n}" for n in (101, 102, 103, 401, 501, 903)))

    indented = [(len(line) - len(line.lstrip()), line) for line in result.out.splitlines()]
    prose = [line for indent, line in indented if indent < 4 or indent == 5]
    assert columns >= max(len(line) for line in prose)


def test_implementations_are_told_apart(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function that stands twice for one op shows the options under which it is run."""
    monkeypatch.setenv("COLUMNS", "300")

    lists = call("list", "implementations").out.split("implementations of ")[1:]

    for rows in lists:
        assert len(rows.splitlines()) == len(set(rows.splitlines())), rows


def test_explain(call: Call) -> None:
    """A code is explained by number or name."""
    by_number, by_name = call("explain", "SC101"), call("explain", "nan")

    assert by_number == by_name
    assert by_number.out.startswith("SC101 nan: ")
    assert 0 == by_number.code
