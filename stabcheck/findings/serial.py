"""Records to plain data and back: schema "stabcheck.report/1". Nothing is evaluated or unpickled.

Floats are strings (`float.hex()`, "inf", "-inf", "nan"), so that JSON loses neither bits nor infinities.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from stabcheck import formats
from stabcheck.errors import UsageError
from stabcheck.findings.codes import CODES, Grade, Level
from stabcheck.findings.records import Cause, Cell, Counts, Example, Finding, Fix, Report, Where

SCHEMA = "stabcheck.report/1"

Data = dict[str, Any]


def float_to_text(value: float | None) -> str | None:
    """`float.hex()`, or "inf", "-inf", "nan"; None stays None."""
    if value is None:
        return None
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value.hex()


def text_to_float(text: str | None) -> float | None:
    """Inverse of `float_to_text`; UsageError for anything else."""
    if text is None:
        return None
    try:
        return float.fromhex(text)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{text!r} is not a number in the report's form (float.hex, inf, nan).") from None


def _number(text: str | None) -> float:
    value = text_to_float(text)
    return float("nan") if value is None else value


def array_to_data(array: np.ndarray[Any, Any]) -> Data:
    """{"dtype", "shape", "values"}: floats as hex strings, integers as integers."""
    if array.dtype.kind in "iub":
        return {"dtype": array.dtype.name, "shape": list(array.shape), "values": array.ravel().tolist()}
    values = [float_to_text(v) for v in array.astype(np.float64).ravel().tolist()]
    return {"dtype": array.dtype.name, "shape": list(array.shape), "values": values}


def data_to_array(data: Data) -> np.ndarray[Any, Any]:
    """Inverse of `array_to_data`."""
    name, shape, values = data["dtype"], _tuple(data["shape"], int), data["values"]
    if name in formats.FORMATS or name in formats.EXTRA_FORMATS:
        exact = np.array([_number(v) for v in values], dtype=np.float64).reshape(shape)
        return formats.get(name).round_array(exact)
    if np.dtype(name).kind not in "iub":
        raise UsageError(f"arrays of dtype {name!r} do not belong in a report.")
    return np.array(values, dtype=np.dtype(name)).reshape(shape)


# Data from a file may be anything. These readers raise TypeError or ValueError, which becomes one
# "damaged report" for the user.


def _fields(data: Data, kind: type, names: str | Iterable[str]) -> Data:
    """These fields of a record, each of exactly this type (a bool is no int)."""
    chosen = {name: data[name] for name in (names.split() if isinstance(names, str) else names)}
    wrong = [name for name, value in chosen.items() if type(value) is not kind]
    if wrong:
        raise TypeError(f"{wrong[0]} is {chosen[wrong[0]]!r}, expected {kind.__name__}")
    return chosen


def _tuple(values: object, kind: type) -> tuple[Any, ...]:
    if not isinstance(values, list) or any(type(v) is not kind for v in values):
        raise TypeError(f"{values!r} is not a list of {kind.__name__}")
    return tuple(values)


def _one_of(value: object, known: Container[object], what: str) -> Any:
    if value not in known:
        raise ValueError(f"{value!r} is no {what}")
    return value


def _where(data: Data | None) -> Where | None:
    if data is None:
        return None
    return Where(**_fields(data, str, "file operation"), **_fields(data, int, "line"))


def example_to_data(example: Example) -> Data:
    return {
        "inputs": {name: array_to_data(np.asarray(a)) for name, a in example.inputs.items()},
        "index": list(example.index),
        "got": float_to_text(example.got),
        "expected": float_to_text(example.expected),
        "ulps": float_to_text(example.ulps),
        "ratio": float_to_text(example.ratio),
        "regime": example.regime,
    }


def data_to_example(data: Data) -> Example:
    return Example(
        inputs={name: data_to_array(a) for name, a in data["inputs"].items()},
        index=_tuple(data["index"], int),
        got=text_to_float(data["got"]),
        expected=text_to_float(data["expected"]),
        ulps=_number(data["ulps"]),
        ratio=_number(data["ratio"]),
        **_fields(data, str, "regime"),
    )


def _where_to_data(where: Where | None) -> Data | None:
    return None if where is None else {"file": where.file, "line": where.line, "operation": where.operation}


def finding_to_data(finding: Finding) -> Data:
    return {
        "id": finding.id,
        "code": finding.code,
        "name": finding.name,
        "level": None if finding.level is None else str(finding.level),
        "asked": finding.asked,
        "op": finding.op,
        "options": finding.options,
        "argument": finding.argument,
        "target": finding.target,
        "dtype": finding.dtype,
        "minimal": example_to_data(finding.minimal),
        "worst": example_to_data(finding.worst),
        "onset": float_to_text(finding.onset),
        "regimes": list(finding.regimes),
        "share": float_to_text(finding.share),
        "text": finding.text,
        "cause": None if finding.cause is None else {"kind": finding.cause.kind, "text": finding.cause.text},
        "where": _where_to_data(finding.where),
        "fix": None if finding.fix is None else dict(vars(finding.fix)),
        "known": finding.known,
    }


def data_to_finding(data: Data) -> Finding:
    _one_of(data["code"], CODES, "finding code of this version")
    formats.get(data["dtype"])
    cause, fix = data["cause"], data["fix"]
    return Finding(
        **_fields(data, str, "code op options argument target dtype text known"),
        **_fields(data, bool, "asked"),
        minimal=data_to_example(data["minimal"]),
        worst=data_to_example(data["worst"]),
        onset=text_to_float(data["onset"]),
        regimes=_tuple(data["regimes"], str),
        share=_number(data["share"]),
        cause=None if cause is None else Cause(**_fields(cause, str, "kind text")),
        where=_where(data["where"]),
        fix=None if fix is None else Fix(**_fields(fix, str, [f.name for f in fields(Fix)])),
    )


def cell_to_data(cell: Cell) -> Data:
    return {
        "target": cell.target,
        "op": cell.op,
        "options": cell.options,
        "dtype": cell.dtype,
        "state": cell.state,
        "reason": cell.reason,
        "grade": None if cell.grade is None else str(cell.grade),
        "declared": None if cell.declared is None else str(cell.declared),
        "reason_declared": cell.reason_declared,
        "ceiling": str(cell.ceiling),
        "notes": list(cell.notes),
        "judged": cell.judged,
        "examples": cell.examples,
        "undecided": cell.undecided,
        "max_ratio": float_to_text(cell.max_ratio),
        "max_ulps": float_to_text(cell.max_ulps),
        "p99_ulps": float_to_text(cell.p99_ulps),
        "histogram": list(cell.histogram),
        "profile": [[float_to_text(v) for v in point] for point in cell.profile],
        "counts": {
            "rungs": dict(sorted(cell.counts.rungs.items())),
            "audited": cell.counts.audited,
            "confirmed": cell.counts.confirmed,
        },
        "call_form": cell.call_form,
        "location": _where_to_data(cell.location),
        "findings": [f.id for f in cell.findings],
    }


def report_to_data(report: Report) -> Data:
    """The whole report; `cells[].findings` refer to `findings[].id`."""
    return {
        "schema": SCHEMA,
        "meta": dict(report.meta),
        "seed": report.seed,
        "level": str(report.level),
        "ok": report.ok,
        "grade": None if report.grade is None else str(report.grade),
        "interrupted": report.interrupted,
        "elapsed": float_to_text(round(report.elapsed, 3)),
        "notes": list(report.notes),
        "cells": [cell_to_data(c) for c in report.cells],
        "findings": [finding_to_data(f) for f in report.findings],
    }


def _data_to_cell(data: Data, findings: Mapping[str, Finding]) -> Cell:
    _one_of(data["state"], ("judged", "n/a"), "state of a cell")
    formats.get(data["dtype"])
    counts = data["counts"]
    return Cell(
        **_fields(data, str, "target op options dtype state reason reason_declared call_form"),
        **_fields(data, int, "judged examples undecided"),
        findings=tuple(findings[i] for i in _tuple(data["findings"], str)),
        notes=_tuple(data["notes"], str),
        max_ratio=_number(data["max_ratio"]),
        max_ulps=_number(data["max_ulps"]),
        p99_ulps=_number(data["p99_ulps"]),
        histogram=_tuple(data["histogram"], int),
        profile=tuple((_number(a), _number(b), _number(c)) for a, b, c in data["profile"]),
        counts=Counts(
            _fields(counts["rungs"], int, counts["rungs"]),
            **_fields(counts, int, "audited confirmed"),
        ),
        declared=None if data["declared"] is None else Grade[data["declared"].upper()],
        ceiling=Grade[data["ceiling"].upper()],
        location=_where(data["location"]),
    )


def data_to_report(data: Data) -> Report:
    """Inverse of `report_to_data`; UsageError where the data is not such a report."""
    schema = data.get("schema") if isinstance(data, dict) else None
    if schema != SCHEMA:
        raise UsageError(f"not a stabcheck report: schema is {schema!r}, expected {SCHEMA!r}.")
    try:
        findings = {f["id"]: data_to_finding(f) for f in data["findings"]}
        return Report(
            cells=tuple(_data_to_cell(c, findings) for c in data["cells"]),
            level=Level.parse(data["level"]),
            elapsed=_number(data["elapsed"]),
            notes=_tuple(data["notes"], str),
            **_fields(data, dict, "meta"),
            **_fields(data, int, "seed"),
            **_fields(data, bool, "interrupted"),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")
        raise UsageError(f"damaged stabcheck report: {why}.") from error
