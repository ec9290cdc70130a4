"""The package as a thing to install and import."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import stabcheck

ROOT = Path(stabcheck.__file__).parents[1]

HEAVY = ("numpy", "mpmath", "hypothesis", "rich", "ml_dtypes", "scipy", "torch", "jax", "_pytest")

in_checkout = pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="needs the source tree")


def loaded_after(code: str) -> list[str]:
    """Which heavy packages a fresh interpreter has loaded after running this code."""
    ask = f"import sys\n{code}\nprint(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_package_loads_nothing_heavy():
    """`import stabcheck` is free: no NumPy, mpmath, Hypothesis, rich or framework."""
    assert loaded_after("import stabcheck; stabcheck.__version__; dir(stabcheck)") == []


def test_public_names_load_on_first_use():
    """The error classes alone need no NumPy; the records do."""
    assert loaded_after("from stabcheck import UsageError") == []
    assert "numpy" in loaded_after("from stabcheck import Report")


def test_a_name_that_does_not_exist_is_an_attribute_error():
    """The lazy package answers as a plain module does."""
    with pytest.raises(AttributeError, match="no attribute 'sofmax'"):
        _ = stabcheck.sofmax


@in_checkout
@pytest.mark.parametrize("room", ["strategies", "reports"])
def test_top_level_rooms_are_links_into_the_package(room):
    """They stand at the top level to be seen; the code lives in the package."""
    link = ROOT / room
    assert link.is_symlink()
    assert Path("stabcheck", room) == link.readlink()


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The sdist and the wheel, built without a network by the build back end itself."""
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return out


@in_checkout
@pytest.mark.slow
def test_the_links_are_left_out_of_the_wheel(built):
    """A user's own `reports` package must not be shadowed by ours."""
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"stabcheck", f"stabcheck-{stabcheck.__version__}.dist-info"} == {n.split("/")[0] for n in names}
    assert "stabcheck/py.typed" in names
    assert "stabcheck/strategies/__init__.py" in names


@in_checkout
@pytest.mark.slow
def test_the_links_are_left_out_of_the_sdist(built):
    """The code is shipped once."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [n.split("/", 1)[1] for n in archive.getnames() if "/" in n]
    top = {n.split("/")[0] for n in names}
    assert set() == top & {"strategies", "reports", ".venv", ".ci"}
    assert "stabcheck/strategies/__init__.py" in names
