"""The JSON Schema of `[tool.stabcheck]`, made from the declaration of the options.

The file `stabcheck/config_schema.json` ships for editors; a test keeps it equal to this.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from stabcheck.config.options import OPTIONS, TARGET_KEYS, Option

Schema = dict[str, Any]


def schema() -> Schema:
    """The schema of the table itself, draft 2020-12."""
    of_targets = [*TARGET_KEYS.values(), *(option for option in OPTIONS.values() if option.per_target)]
    target = _table(of_targets) | {"required": ["target"]}
    table = _table(OPTIONS.values())
    table["properties"]["target"] = {
        "description": "Functions to check: [[tool.stabcheck.target]].",
        "type": "array",
        "items": target,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of stabcheck: [tool.stabcheck] in pyproject.toml, or stabcheck.toml",
    } | table


def text() -> str:
    """The content of the shipped file."""
    return json.dumps(schema(), indent=2) + "\n"


def _table(options: Iterable[Option]) -> Schema:
    properties = {option.name: {"description": option.help, **option.kind.schema} for option in options}
    return {"type": "object", "additionalProperties": False, "properties": properties}
