"""A finding as a report for a maintainer: what they ask for in numerical bug threads, and nothing else.

A minimal input, a trustworthy reference value, the proof that the format holds it, the line to change.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping

import numpy as np

from stabcheck import formats
from stabcheck.explain.as_pytest import _array_text, _call, _target, converted, loaded_call, one_number
from stabcheck.explain.proof import Proof, prove, versions
from stabcheck.findings import CODES, Finding
from stabcheck.findings.serial import float_to_text


def as_issue(
    finding: Finding,
    call_form: str = "",
    meta: Mapping[str, object] | None = None,
    backend: str = "numpy",
) -> str:
    """Markdown. `call_form` and `backend` are those of `as_pytest`; `meta` may hold versions that the run
    recorded, the present ones are used otherwise."""
    name = finding.target.rpartition(":")[2] or finding.target
    parts = [
        f"# `{name}`: {finding.name} in {finding.dtype}\n",
        f"`{finding.target}` computes {finding.op}"
        f"{f' ({finding.options})' if finding.options else ''}; {CODES[finding.code].meaning}.\n",
        _reproduction(finding, call_form, backend),
        _values(finding, prove(finding)),
        _line(finding),
        _fix(finding),
        _environment(finding, meta, backend),
    ]
    return "\n".join(part for part in parts if part)


def _reproduction(finding: Finding, call_form: str, backend: str) -> str:
    call, batch, single = _call(finding, call_form)
    call = loaded_call(finding, call, backend)
    call = one_number(finding, call, finding.minimal.index) if single else call
    lines = (
        ["import importlib", "", "import ml_dtypes"]
        if finding.dtype == "bfloat16"
        else ["import importlib", ""]
    )
    lines.append("import numpy as np")
    lines += {"torch": ["import torch"], "jax": ["import jax.numpy as jnp"]}.get(backend, [])
    if finding.target.rpartition(":")[0].endswith(".py"):
        lines[0] = "import importlib.util\nimport sys"
    lines += ["", _target(finding.target).rstrip()]
    for argument, value in finding.minimal.inputs.items():
        array = np.asarray(value)[None] if batch else np.asarray(value)
        kind = f"ml_dtypes.{array.dtype.name}" if array.dtype.kind == "V" else f"np.{array.dtype.name}"
        lines.append(f"{argument} = {_array_text(array, kind)}")
    lines += textwrap.dedent(converted(finding, backend)).splitlines()
    lines.append(f"print({call})")
    text = "\n".join(lines)
    return f"## To reproduce\n\n```python\n{text}\n```\n"


def _values(finding: Finding, proof: Proof | None) -> str:
    example = finding.minimal
    if example.got is None and example.expected is None:  # a finding that is not about a number
        return f"## What happens\n\n{finding.text}\n" if finding.text else ""
    at = f" at index {list(example.index)}" if example.index else ""
    rows = [f"| got{at} | {_shown(example.got)} |", f"| correctly rounded | {_shown(example.expected)} |"]
    if proof is not None:
        rows.append(f"| exact value, enclosed | [{proof.low}, {proof.high}] |")
    if math.isfinite(example.ulps):
        rows.append(f"| error | {example.ulps:.4g} ulps |")
    if proof is not None:
        rows.append(f"| error that rounding alone explains (gate) | {proof.gate} |")
    table = "| | |\n|---|---|\n" + "\n".join(rows)
    return f"## Values\n\n{table}\n\n{_representable(finding, proof)}"


def _representable(finding: Finding, proof: Proof | None) -> str:
    """Why the expected value is a number that the format can hold."""
    fmt = formats.get(finding.dtype)
    if proof is None or not math.isfinite(proof.rounded):
        return ""
    size = abs(proof.rounded)
    kind = "zero" if size == 0 else "a subnormal number" if size < fmt.tiny else "a normal number"
    ends = "both ends round to" if proof.certain else "the enclosure rounds to"
    return (
        f"The enclosure was computed with outward-rounded intervals; {ends} "
        f"`{float_to_text(proof.rounded)}`, {kind} of {finding.dtype} "
        f"(smallest normal {fmt.tiny:.4g}, largest {fmt.max:.4g}).\n"
    )


def _line(finding: Finding) -> str:
    if finding.cause is None:
        return ""
    where = finding.where
    place = f"`{where.file}:{where.line}`: `{where.operation}`\n\n" if where is not None else ""
    return f"## Cause\n\n{place}{finding.cause.kind}: {finding.cause.text}\n"


def _fix(finding: Finding) -> str:
    fix = finding.fix
    if fix is None:
        return ""
    grade = f" (this form is graded {fix.grade})" if fix.grade else ""
    return (
        f"## Proposed form\n\n{fix.title}{grade}: {fix.formula}\n\n"
        f"```python\n{fix.snippet}```\n\nSource: {fix.source}\n"
    )


def _environment(finding: Finding, meta: Mapping[str, object] | None, backend: str) -> str:
    package = finding.target.partition(":")[0].partition(".")[0]
    packages = dict.fromkeys(("numpy", backend, package, "ml_dtypes", "stabcheck"))
    known = {**versions(tuple(packages)), **{k: v for k, v in (meta or {}).items() if k in packages}}
    listed = ", ".join(f"{name} {version}" for name, version in known.items() if name != "platform")
    return f"## Versions\n\n{listed}, {known['platform']}\n"


def _shown(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value!r} (`{float_to_text(value)}`)" if math.isfinite(value) else str(value)
