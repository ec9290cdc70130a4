"""The SARIF report against the schema of SARIF 2.1.0, and against stricter constraints of our own.

`sarif-schema-2.1.0.json` is OASIS's, from its repository sarif-spec (sarif-2.1/schema), unchanged. The
constraints below are those of the standard for the properties that we write; nothing else may be written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema

from stabcheck import reports
from stabcheck.findings import Report

Samples = Callable[[], Mapping[str, Report]]
Schema = dict[str, Any]


def closed(required: Mapping[str, Any], **optional: Any) -> Schema:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


def many(items: Any, at_least: int = 0, unique: bool = False) -> Schema:
    return {"type": "array", "items": items, "minItems": at_least, "uniqueItems": unique}


TEXT = {"type": "string"}
BAG = {"type": "object", "properties": {"tags": many(TEXT, unique=True)}}
MESSAGE = closed({"text": TEXT})  # 3.11: a message has text or an id
MULTIFORMAT = closed({"text": TEXT}, markdown=TEXT)  # 3.12
LEVEL = {"enum": ["none", "note", "warning", "error"]}
URI = {"type": "string", "format": "uri-reference", "pattern": r"^[!-~]+$"}

RULE = closed(  # 3.49 reportingDescriptor
    {"id": TEXT},
    name=TEXT,
    shortDescription=MULTIFORMAT,
    fullDescription=MULTIFORMAT,
    help=MULTIFORMAT,
    defaultConfiguration=closed({"level": LEVEL}),
    properties=BAG,
)
PHYSICAL = closed(  # 3.29; a region is counted from 1
    {
        "artifactLocation": closed({"uri": URI}, uriBaseId=TEXT),
        "region": closed({"startLine": {"type": "integer", "minimum": 1}}),
    }
)
LOCATION = closed(
    {"logicalLocations": many(closed({"fullyQualifiedName": TEXT, "kind": TEXT}), unique=True)},
    physicalLocation=PHYSICAL,
)
RESULT = closed(  # 3.27
    {
        "ruleId": TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": MESSAGE,
        "locations": many(LOCATION, at_least=1),
        "partialFingerprints": {"type": "object", "additionalProperties": TEXT},
        "properties": BAG,
    },
    suppressions=many(
        closed({"kind": {"enum": ["inSource", "external"]}}, justification=TEXT), at_least=1, unique=True
    ),
)
RUN = closed(  # 3.14
    {
        "tool": closed(
            {
                "driver": closed(
                    {"name": TEXT, "rules": many(RULE, unique=True)}, version=TEXT, semanticVersion=TEXT
                )
            }
        ),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "originalUriBaseIds": {"type": "object", "additionalProperties": closed({"description": MESSAGE})},
        "invocations": many(closed({"executionSuccessful": {"type": "boolean"}}), unique=True),
        "results": many(RESULT),
        "properties": BAG,
    }
)
LOG = closed(
    {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": many(RUN, at_least=1),
    }
)


def test_every_sample_keeps_the_constraints(samples: Samples) -> None:
    """Whatever the report holds, hostile names included."""
    validator = jsonschema.Draft202012Validator(LOG, format_checker=jsonschema.FormatChecker())
    for report in samples().values():
        validator.validate(json.loads(reports.render(report, "sarif")))


def test_the_constraints_refuse_broken_logs(failing: Report) -> None:
    """A line 0, a blank in a URI, an unknown level and a missing message are all seen."""
    validator = jsonschema.Draft202012Validator(LOG)
    log = json.loads(reports.render(failing, "sarif"))
    result = log["runs"][0]["results"][0]
    place = result["locations"][0]["physicalLocation"]

    for part, damage in (
        (place["region"], {"startLine": 0}),
        (place["artifactLocation"], {"uri": "a b"}),
        (result, {"level": "fatal"}),
        (result, {"message": None}),
    ):
        kept = dict(part)
        part.update(damage)
        assert not validator.is_valid(log)
        part.update(kept)
    assert validator.is_valid(log)


def test_every_sample_fits_the_official_schema(samples: Samples) -> None:
    """The schema of the standard itself (draft 4)."""
    schema = json.loads(Path(__file__).with_name("sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    for report in samples().values():
        validator.validate(json.loads(reports.render(report, "sarif")))
