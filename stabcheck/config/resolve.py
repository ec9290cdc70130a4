"""From settings to the engine's words: checked values become a `Request`, targets become tasks.

Imported only when something is to be run: here the numeric rooms are met for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stabcheck import formats, ops
from stabcheck.config.file import Config, TargetTable
from stabcheck.config.options import OPTIONS
from stabcheck.engine.request import Request, Task
from stabcheck.errors import UsageError, unknown
from stabcheck.findings import CODES, Level
from stabcheck.strategies import regimes

if TYPE_CHECKING:
    from stabcheck.targets.find import Found

_PYTHON_NAMES = [
    {"dtype": "dtypes", "option": "options"}.get(option.name, option.field)
    for option in OPTIONS.values()
    if option.per_target
]
_REQUEST_FIELDS = {field.name for field in fields(Request)}


def request(values: Mapping[str, Any], dtypes: Sequence[str] | None = None) -> Request:
    """The request that these settings make; `dtypes` are the formats where none are set.

    UsageError for an unknown format or code, with the nearest match.
    """
    given = {name.replace("-", "_"): value for name, value in values.items()}
    given["dtypes"] = tuple(dict.fromkeys(formats.get(n).name for n in given.pop("dtype", dtypes) or ()))
    if not given["dtypes"]:
        del given["dtypes"]
    if "level" in given:
        given["level"] = Level.parse(given["level"])
    if "option" in given:
        given["options"] = given.pop("option")
    for key in ("select", "ignore"):
        if key in given:
            given[key] = tuple(known_code(pattern) for pattern in given[key])
    if "regimes" in given:
        given["regimes"] = tuple(_known_regime(name) for name in given["regimes"])
    return Request(**{name: value for name, value in given.items() if name in _REQUEST_FIELDS})


def for_check(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that say how to check, as keyword arguments of `stabcheck.check`."""
    renamed = {"dtype": "dtypes", "option": "options"}
    return {
        renamed.get(name, OPTIONS[name].field): tuple(value) if name == "ignore" else value
        for name, value in values.items()
        if OPTIONS[name].check_argument
    }


def known_code(pattern: str) -> str:
    """The pattern, if some code starts with it or is called so; UsageError otherwise."""
    for code, entry in CODES.items():
        if code.startswith(pattern.upper()) or entry.name == pattern.lower():
            return pattern
    raise unknown("code", pattern, [*CODES, *(entry.name for entry in CODES.values())])


def _known_regime(name: str) -> str:
    own = (regime.name for op in ops.names() for regime in ops.get(op).regimes)
    known = {*regimes.REGIMES, *own}
    if name not in known:
        raise unknown("regime", name, known)
    return name


def named_tasks(names: Iterable[str], given: Mapping[str, Any], config: Config) -> list[Task]:
    """Tasks for targets named on the command line; a configured one keeps its table's settings."""
    tasks: list[Task] = []
    for name in names:
        tables = [table for table in config.targets if name in (table.target, table.name)]
        if not tables and config.targets and ":" not in name and not name.endswith(".py"):
            raise unknown("target", name, [table.name or table.target for table in config.targets])
        for table in tables or [TargetTable(name)]:
            tasks += table_tasks(table, given, config, anchored=bool(tables))
    return _distinct(tasks)


def catalogue_tasks(values: Mapping[str, Any]) -> list[Task]:
    """Tasks for the catalogue of reference implementations: all four formats unless some are set."""
    from stabcheck.engine.plan import catalogue_tasks as planned

    wanted = [ops.get(name).name for name in values.get("op", ())]
    return list(planned(request(values, tuple(formats.FORMATS)), wanted or None))


def configured_tasks(given: Mapping[str, Any], config: Config) -> list[Task]:
    """Tasks for the targets of the configuration; an `op` given on the command line filters them."""
    tasks = [
        task
        for table in config.targets
        for task in table_tasks(table, {k: v for k, v in given.items() if k != "op"}, config)
    ]
    wanted = given.get("op")
    if wanted:
        asked = {ops.get(name).name for name in wanted}
        tasks = [task for task in tasks if ops.get(task.op).name in asked]
        if not tasks:
            raise UsageError(f"no configured target computes {', '.join(wanted)}; leave out --op.")
    return _distinct(tasks)


def table_tasks(
    table: TargetTable, given: Mapping[str, Any], config: Config, anchored: bool = True
) -> list[Task]:
    """Tasks for one target (several where it is a whole file): settings by precedence.

    What was given on the command line or in the environment, then the target's table, then the file.
    An `anchored` target's path is relative to the configuration file.
    """
    from stabcheck.targets.find import find, find_all
    from stabcheck.targets.trial import try_import

    spec, root = _placed(table.target, config.root, anchored)
    if {**config.values, **table.values, **given}.get("isolate"):
        try_import(spec, name=table.name, root=root)
    wanted = [_known_op(name, root) for name in (given.get("op") or table.values.get("op") or ())]
    if spec.endswith(".py"):
        founds = find_all(spec, root=root)
        founds = [found for found in founds if not wanted or found.op in wanted] or founds
    else:
        founds = [find(spec, name=table.name, root=root)]
    tasks = []
    for found in founds:
        values = {**config.values, **_marked(found), **table.values, **given}
        asked = request(values)
        declared = _declared(table.expect, asked.dtypes)
        for op in wanted or [_op_of(found)]:
            tasks.append(Task(found, op, asked, name=found.name, declared=declared))
    return tasks


def _known_op(name: str, root: Path) -> str:
    """The op's name; one that a module or a file of the user's holds keeps its place, as other processes
    need it: "file.py:op" becomes "file:op", to be found where that file lies."""
    module, colon, made = name.rpartition(":")
    if not colon:
        return ops.get(name).name
    from stabcheck.targets.importing import load_module

    if module.endswith(".py"):
        file = Path(module).resolve()
        if not file.is_file():
            raise UsageError(f"op {name!r}: there is no file {str(file)!r}. Check the path.")
        module, root = file.stem, file.parent
    load_module(module, root, name)
    place = f"{module}:{made}"
    ops.get(place)  # or it says what is wrong
    return place


def _placed(spec: str, project: Path | None, anchored: bool) -> tuple[str, Path]:
    """Where a target is to be looked for, and from where it is named.

    A name in the configuration is relative to its file, one on the command line to the working directory;
    files are named relative to the project either way, so that a finding keeps its identity.
    """
    here = Path.cwd()
    if project is None or anchored:
        return spec, project or here
    file, dot, function = spec.rpartition(".py")
    return (f"{here / file}{dot}{function}", project) if dot else (spec, here)


def _marked(found: Found) -> dict[str, Any]:
    """What `@stabcheck.target(...)` says, in the configuration's keys."""
    settings = {"options": found.options, "kwargs": found.kwargs, **found.settings}
    values = {}
    for name, value in settings.items():
        key = {"dtypes": "dtype", "options": "option"}.get(name, name.replace("_", "-"))
        place = f"the mark of {found.name}"
        if key not in OPTIONS or not OPTIONS[key].per_target:
            raise UsageError(f"{place}: {unknown('setting', name, _PYTHON_NAMES)}")
        if value or value is False or value == 0:
            values[key] = OPTIONS[key].check(value, place)
    return values


def _op_of(found: Found) -> str:
    if found.op:
        return ops.get(found.op).name
    raise UsageError(
        f"which op is {found.name} to compute? Its name does not tell: add --op OP, or mark the function "
        f'with @stabcheck.target(op="..."). Known: {", ".join(ops.names())}.'
    )


def _declared(expect: str | Mapping[str, str] | None, dtypes: Sequence[str]) -> Mapping[str, str]:
    if expect is None:
        return {}
    if isinstance(expect, str):
        return dict.fromkeys(dtypes, expect)
    return {formats.get(dtype).name: grade for dtype, grade in expect.items()}


def _distinct(tasks: list[Task]) -> list[Task]:
    """Every cell once, because a finding has one identity: a task asked for twice is done once.

    UsageError where two tasks that differ would fill the same cell.
    """
    kept: list[Task] = []
    owners: dict[tuple[str | None, str, str, str], Task] = {}
    for task in tasks:
        options = repr(sorted(task.request.options.items()))
        cells = [(task.name, str(task.op), options, dtype) for dtype in task.request.dtypes]
        same = [owners[cell] for cell in cells if cell in owners]
        if any(_place(owner) != _place(task) or owner.request != task.request for owner in same):
            raise UsageError(
                f"two targets would be reported as {task.op}[{task.name}]; give one of them a name of its "
                "own, or other formats."
            )
        if not same:
            kept.append(task)
            owners |= dict.fromkeys(cells, task)
    return kept


def _place(task: Task) -> str:
    return f"{task.target.spec} {task.target.location}"
