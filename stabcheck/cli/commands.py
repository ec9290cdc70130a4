"""How commands take their options: from the declaration in `stabcheck.config`, help in sections."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from stabcheck.cli.stdout import Stdout
from stabcheck.config.file import Config, load
from stabcheck.config.kinds import Codes, Flag, Names, Pairs
from stabcheck.config.options import OPTIONS, Option
from stabcheck.errors import UsageError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

USUAL = "The usual"


@dataclass
class Invocation:
    """What the whole command line knows of one call: where it prints, and how much to say when it goes
    wrong."""

    stdout: Stdout = field(default_factory=lambda: Stdout(sys.stdout))
    verbosity: int = 0


class Value(click.ParamType[Any]):
    """A declared option as a type of click."""

    def __init__(self, option: Option) -> None:
        self.option = option
        self.name = option.metavar or option.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.option.parse(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)

    def split_envvar_value(self, rv: str) -> list[str]:
        """Lists in the environment are read like lists on the command line: commas, not blanks."""
        return [rv]


class DeclaredOption(click.Option):
    """A click option that knows its section of the help."""

    def __init__(self, *args: Any, section: str = USUAL, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help groups the options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", USUAL), []).append(record)
        for section in sorted(sections, key=lambda name: name == USUAL):
            with formatter.section(section):
                formatter.write_dl(sections[section])


def declared(names: Iterable[str]) -> Callable[[Decorated], Decorated]:
    """Decorator: the declared options of these names."""

    def decorate(command: Decorated) -> Decorated:
        for name in reversed(list(names)):
            command = _click_option(OPTIONS[name])(command)
        return command

    return decorate


def usual(command: Decorated) -> Decorated:
    """Decorator: --config-file, -q and -v."""
    for option in (
        click.option(
            "-v", "--verbose", count=True, cls=DeclaredOption, envvar="STABCHECK_VERBOSE", help="Say more."
        ),
        click.option(
            "-q", "--quiet", count=True, cls=DeclaredOption, envvar="STABCHECK_QUIET", help="Say less."
        ),
        click.option(
            "--config-file",
            metavar="FILE",
            cls=DeclaredOption,
            envvar="STABCHECK_CONFIG_FILE",
            help="Settings (default: stabcheck.toml or pyproject.toml, found upward).",
        ),
    ):
        command = option(command)
    return command


def _click_option(option: Option) -> Callable[[Decorated], Decorated]:
    names = [n for n in (option.short, f"--{option.name}") if n]
    if isinstance(option.kind, Flag):
        if option.negative:
            names[-1] += f"/{option.negative}"
        return click.option(
            *names,
            option.field,
            cls=DeclaredOption,
            section=option.section,
            is_flag=True,
            default=None,
            envvar=option.environment,
            help=option.meaning,
        )
    return click.option(
        *names,
        option.field,
        cls=DeclaredOption,
        section=option.section,
        type=Value(option),
        multiple=_repeats(option),
        default=None,
        envvar=option.environment,
        metavar=option.metavar or None,
        help=option.meaning,
    )


def _repeats(option: Option) -> bool:
    return isinstance(option.kind, Names | Codes | Pairs)


def given(ctx: click.Context) -> dict[str, Any]:
    """What was set on the command line or in the environment, by option name, in normal form."""
    values: dict[str, Any] = {}
    for option in OPTIONS.values():
        value = ctx.params.get(option.field)
        if ctx.get_parameter_source(option.field) in (
            ParameterSource.COMMANDLINE,
            ParameterSource.ENVIRONMENT,
        ):
            values[option.name] = _joined(value or ()) if _repeats(option) else value
    return values


def _joined(parts: Iterable[Any]) -> Any:
    """Repeated lists are one list, repeated pairs one table."""
    parts = list(parts)
    if parts and all(isinstance(part, Mapping) for part in parts):
        return {name: value for part in parts for name, value in part.items()}
    return tuple(name for part in parts for name in part)


def configuration(ctx: click.Context) -> Config:
    """The configuration file that applies to this call."""
    path = ctx.params.get("config_file")
    return load(None if path is None else Path(path))


def stdout(ctx: click.Context) -> Stdout:
    """Where this call prints."""
    return ctx.ensure_object(Invocation).stdout


def verbosity(ctx: click.Context) -> int:
    """-v minus -q; remembered for the error that may follow."""
    level = int(ctx.params.get("verbose") or 0) - int(ctx.params.get("quiet") or 0)
    ctx.ensure_object(Invocation).verbosity = level
    return level
