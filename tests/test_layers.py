"""The house: a room imports only from rooms named before it, function-level imports included."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import stabcheck

PACKAGE = Path(stabcheck.__file__).parent

#: From the ground up. `errors`, `files` and `lastwords` lie below everything, the doors stand at the top.
ROOMS = (
    "errors",
    "files",
    "lastwords",
    "formats",
    "findings",
    "ops",
    "oracle",
    "strategies",
    "implementations",
    "targets",
    "judge",
    "engine",
    "explain",
    "gate",
    "reports",
    "config",
    "api",
    "cli",
    "pytest_plugin",
    "__init__",
    "__main__",
)

#: The doors: nothing below them may import them, and they may use one another.
DOORS = ROOMS[ROOMS.index("api") :]


def room_of(module: str) -> str:
    """stabcheck.ops.rows -> ops; the package itself is the room __init__."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def modules() -> Iterator[tuple[str, Path]]:
    """(dotted name, file) of every module of the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        yield ".".join(p for i, p in enumerate(parts) if p != "__init__" or i == 0), path


def imports_of(source: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import from the package, at whatever depth it stands.

    Strings given to `import_module` count too. Imports for the type checker alone do not run.
    """
    tree = ast.parse(source)
    unseen = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                home = module.split(".")[: len(module.split(".")) - node.level + is_package]
                base = ".".join([*home, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" if base == "stabcheck" else base for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            given = node.args[0]
            names = [given.value] if isinstance(given, ast.Constant) and isinstance(given.value, str) else []
        for name in names:
            if name == "stabcheck" or name.startswith("stabcheck."):
                yield node.lineno, name


def breaks(module: str, imported: str) -> bool:
    """Whether this import goes up. `from stabcheck import __version__` is open to everyone."""
    here, there = room_of(module), room_of(imported)
    if there == "__version__" or here == there or (here in DOORS and there in DOORS):
        return False
    return ROOMS.index(there) > ROOMS.index(here)


ALL_MODULES = dict(modules())


@pytest.mark.parametrize("module", sorted(ALL_MODULES))
def test_every_module_stands_in_a_known_room(module):
    """A new room must be given its place in the order."""
    assert room_of(module) in ROOMS


@pytest.mark.parametrize("module", sorted(ALL_MODULES))
def test_imports_go_down_only(module):
    """No module imports from a room above its own."""
    path = ALL_MODULES[module]
    found = imports_of(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    upward = [f"line {line}: {name}" for line, name in found if breaks(module, name)]
    assert upward == []


@pytest.mark.parametrize(
    ("module", "source", "upward"),
    [
        ("stabcheck.ops.rows", "from stabcheck.oracle.intervals import Interval", True),
        ("stabcheck.ops.rows", "def f():\n    from stabcheck.engine import run", True),
        ("stabcheck.ops.rows", "import stabcheck.reports.table as table", True),
        ("stabcheck.ops.rows", "from ..judge import scoring", True),
        ("stabcheck.ops.rows", "from stabcheck import cli", True),
        ("stabcheck.ops.rows", "import stabcheck", True),
        ("stabcheck.formats", "importlib.import_module('stabcheck.gate')", True),
        ("stabcheck.errors", "from stabcheck import formats", True),
        ("stabcheck.engine.run", "from stabcheck.api import check", True),
        ("stabcheck.ops.rows", "from .op import Op\nfrom stabcheck.formats import Format", False),
        ("stabcheck.ops.rows", "from stabcheck import __version__, formats", False),
        ("stabcheck.ops.rows", "if TYPE_CHECKING:\n    from stabcheck.engine import run", False),
        ("stabcheck.api", "from stabcheck.cli import main", False),
    ],
)
def test_the_rule_sees_every_way_to_import(module, source, upward):
    """The test of the test: plain, nested, relative, dynamic and type-checking imports."""
    found = [name for _, name in imports_of(source, module, is_package=False)]
    assert upward == any(breaks(module, name) for name in found)
