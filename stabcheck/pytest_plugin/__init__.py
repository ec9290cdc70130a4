"""pytest: the fixture `assert_stable`, the marker `stabcheck`, and configured targets with `--stabcheck`.

Every pytest run of anybody imports this file, used or not: nothing numeric is imported before something
is to be checked.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stabcheck.config.kinds import Flag
from stabcheck.config.options import OPTIONS, Option
from stabcheck.errors import StabcheckError, UnstableError, UsageError
from stabcheck.pytest_plugin.marks import settings_of, target_wanted
from stabcheck.pytest_plugin.session import SESSION, Session

if TYPE_CHECKING:
    from stabcheck.findings import Report

_MARKER = (
    "stabcheck(op=..., target=..., **settings): settings for the fixture assert_stable; with a target, and "
    "without the fixture, the target is checked before the body of the test runs."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("stabcheck", "numerical stability (stabcheck)")
    group.addoption("--stabcheck", action="store_true", help="Collect the targets of [tool.stabcheck].")
    group.addoption("--stabcheck-config-file", metavar="FILE", help="Settings (default: found upward).")
    for option in OPTIONS.values():
        if option.pytest:
            flag = f"--stabcheck-{option.name}"
            if isinstance(option.kind, Flag):
                group.addoption(flag, action="store_true", default=None, help=option.meaning)
            else:
                group.addoption(flag, metavar=option.metavar, type=_reader(option), help=option.meaning)


def _reader(option: Option) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return option.parse(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    session = config.stash[SESSION] = Session(config)
    if session.records:
        from stabcheck.pytest_plugin.recorder import Recorder

        config.pluginmanager.register(Recorder(session), "stabcheck-recorder")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Seed and settings, in projects that use stabcheck."""
    return config.stash[SESSION].header()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Settings that do not exist and a baseline that cannot be used stop the run before it starts."""
    ours = session.config.stash[SESSION]
    try:
        ours.check_given()
        if ours.asks_for_baseline:
            _ = ours.gate
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The configuration is collected like a test file where it is among the paths."""
    ours = parent.config.stash[SESSION]
    if not ours.collects or file_path.suffix != ".toml":
        return None
    from stabcheck.pytest_plugin.items import ConfiguredTargets

    if file_path != _file_of(ours):
        return None
    made: pytest.Collector = ConfiguredTargets.from_parent(parent, path=file_path)
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Configured targets come last, before anybody deselects; the file of the configuration need not be
    among the collected paths for that."""
    ours = config.stash[SESSION]
    if not ours.collects:
        return
    from stabcheck.pytest_plugin.items import ConfiguredTargets, TargetItem

    path = _file_of(ours)
    if not any(isinstance(item, TargetItem) for item in items):
        items.extend(ConfiguredTargets.from_parent(session, path=path).collect())


def _file_of(ours: Session) -> Path:
    try:
        path = ours.file.path
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    if path is None:
        raise pytest.UsageError("--stabcheck: no [tool.stabcheck] found; `stabcheck init` prints one.")
    return path


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Check the target of a marked test that does not do so itself."""
    failure = ""
    try:
        settings = settings_of(item)
        if target_wanted(item, settings):
            item.config.stash[SESSION].assert_stable(settings)
    except (UnstableError, StabcheckError) as error:
        failure = str(error)
    if failure:  # outside of the handler: pytest would show what was being handled, too
        pytest.fail(failure, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What was checked travels with the test's report, also from the workers of xdist."""
    report = yield
    ours = item.config.stash[SESSION]
    if call.when == "call" and ours.checked:
        # Attributes of plug-ins travel with the report: pytest's own serialisation takes them along.
        vars(report)["stabcheck"] = [checked.to_json() for checked in ours.checked]
        ours.checked.clear()
    return report


@pytest.fixture
def assert_stable(request: pytest.FixtureRequest) -> Callable[..., Report]:
    """`stabcheck.assert_stable` with the settings of the project, the command line and the marker."""
    __tracebackhide__ = True
    ours = request.config.stash[SESSION]
    failure, defaults = "", {}
    try:
        defaults = settings_of(request.node)
    except UsageError as error:
        failure = str(error)
    if failure:
        pytest.fail(failure, pytrace=False)

    def assert_stable(*args: Any, **settings: Any) -> Report:
        __tracebackhide__ = True
        if len(args) > 2:
            raise TypeError("assert_stable takes a target and an op; the settings have names.")
        named = dict(zip(("target", "op"), args, strict=False))
        try:
            return ours.assert_stable({**defaults, **named, **settings})
        except (UnstableError, StabcheckError) as error:
            raise error.with_traceback(None) from None

    return assert_stable
