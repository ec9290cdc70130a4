"""The command group, and the one place where errors become exit codes."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Sequence

import click

from stabcheck import __version__
from stabcheck.cli.commands import Invocation
from stabcheck.cli.compare import compare
from stabcheck.cli.explain import explain
from stabcheck.cli.init import init
from stabcheck.cli.listing import listing
from stabcheck.cli.replay import replay
from stabcheck.cli.report import report
from stabcheck.cli.run import run
from stabcheck.cli.stdout import NobodyReadsError, Stdout
from stabcheck.errors import StabcheckError

#: Exit codes: what was asked for is clean; findings; could not do its job; interrupted.
CLEAN, FINDINGS, TROUBLE, INTERRUPTED = 0, 1, 2, 130


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 clean, 1 findings, 2 could not do its job, 130 interrupted.",
)
@click.version_option(__version__, "--version", prog_name="stabcheck")
def stabcheck() -> None:
    """Tells whether a softmax, loss, gradient or formula is numerically stable.

    \b
    stabcheck run                                  check the catalogue, or your configured targets
    stabcheck run mypkg.losses:softmax             check a function of yours
    stabcheck run file.py:f --op softmax --dtype float16
    """


for command in (run, listing, explain, init, compare, report, replay):
    stabcheck.add_command(command)


def invoke(arguments: Sequence[str] | None = None, stdout: Stdout | None = None) -> int:
    """Run the command line and return its exit code; messages go to stderr.

    Left alone, click and Python report crashes and Ctrl-C as 1, which here means findings. `stdout` is given
    where the process is ours; in somebody else's, sys.stdout is as good as any.
    """
    invocation = Invocation() if stdout is None else Invocation(stdout)
    try:
        code = stabcheck.main(
            args=None if arguments is None else list(arguments),
            prog_name="stabcheck",
            standalone_mode=False,
            obj=invocation,
        )
        invocation.stdout.stream.flush()
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        return TROUBLE
    except (click.Abort, KeyboardInterrupt):  # with a report so far it is told there
        print("stabcheck: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (BrokenPipeError, NobodyReadsError):
        return TROUBLE
    except StabcheckError as error:
        return _trouble(f"error: {error}", error, invocation.verbosity)
    except Exception as error:
        return _trouble(f"internal error: {type(error).__name__}: {error}", error, invocation.verbosity)
    return CLEAN if code is None else int(code)


def _trouble(text: str, error: BaseException, verbosity: int) -> int:
    """One line on stderr, with -v the traceback before it."""
    if verbosity <= 0 and (not isinstance(error, StabcheckError) or error.__cause__ is not None):
        text += " (-v shows the traceback)"
    with contextlib.suppress(OSError):  # nobody there to hear it either
        if verbosity > 0:
            sys.stderr.writelines(traceback.format_exception(error))
        print(f"stabcheck: {text}", file=sys.stderr)
    return TROUBLE
