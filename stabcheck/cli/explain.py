"""`stabcheck explain CODE`: what a code means, its causes, an example, what to write instead."""

from __future__ import annotations

import shutil

import click


@click.command("explain")
@click.argument("codes", nargs=-1, required=True, metavar="CODE...")
def explain(codes: tuple[str, ...]) -> None:
    """Explain a code by number or name: SC101, nan."""
    from stabcheck.explain.codes import as_text, explanation

    width = shutil.get_terminal_size(fallback=(120, 24)).columns  # COLUMNS, or the terminal's
    texts = [as_text(explanation(code), width) for code in codes]
    click.echo("\n".join(texts), nl=False)
