"""A finding as a test of its own: plain NumPy and mpmath, no stabcheck, failing in the same way."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from stabcheck.errors import UsageError
from stabcheck.explain.proof import Proof, is_batch, op_of, prove
from stabcheck.explain.textbook import FORMULAS
from stabcheck.findings import Finding
from stabcheck.targets.runner import output_shape

_PORTION = re.compile(r"^(?P<call>.*?)  (?P<portion>.*)$")


def as_pytest(finding: Finding, call_form: str = "", backend: str = "numpy") -> str:
    """The text of a test file. `call_form` is that of the cell ("f(x, axis=-1)  on batches ..."), `backend`
    the library whose arrays the target takes ("numpy", "torch", "jax").

    UsageError for findings that a single call cannot show (SC304) and for targets that no import reaches.
    """
    if finding.code == "SC304" or finding.code.startswith("SC9"):
        raise UsageError(f"{finding.code} {finding.name} cannot be shown by a single call in a test.")
    call, batch, single = _call(finding, call_form)
    call = loaded_call(finding, call, backend)
    call = f"np.asarray({call}.double())" if backend == "torch" else call
    proof = prove(finding)
    formula = (
        "" if finding.options or finding.argument or _many_rows(finding) else FORMULAS.get(finding.op, "")
    )
    judged = finding.code in ("SC101", "SC102", "SC103", "SC201", "SC202", "SC203", "SC401")
    exact = judged and proof is not None
    parts = [
        f'"""{finding.code} {finding.name}: {finding.target}, op {finding.op}, {finding.dtype}.\n\n'
        f'{_summary(finding)}\n"""\n',
        _imports(finding, exact, backend),
        _target(finding.target),
        f"\n\n{formula}" if formula and exact else "",
        f"\n\ndef test_{_name(finding)}():\n",
        _arrays(finding.minimal.inputs, batch),
        converted(finding, backend),
        _body(finding, call, (0, *finding.minimal.index) if batch else finding.minimal.index, single),
        _judgement(finding, proof, bool(formula), batch)
        if exact and proof is not None
        else _check(finding, batch),
    ]
    return "".join(parts)


def _summary(finding: Finding) -> str:
    lines = [finding.cause.text] if finding.cause is not None else []
    if finding.where is not None:
        lines.append(f"The line to look at: {finding.where.file}:{finding.where.line}")
    return "\n".join(lines).replace('"""', "'''") or "Found by stabcheck."


def _name(finding: Finding) -> str:
    words = (finding.target.rpartition(":")[2], finding.op, finding.dtype, finding.name)
    return re.sub(r"\W+", "_", "_".join(words)).strip("_").lower()


def _call(finding: Finding, call_form: str) -> tuple[str, bool, bool]:
    """(the call as Python text, whether the example lacks the batch axis that is wanted, whether it is called
    number by number)."""
    fits = _PORTION.match(call_form)
    if fits is None:
        return f"target({', '.join(finding.minimal.inputs)})", False, False
    inside = fits["call"].partition("(")[2]
    portion = fits["portion"]
    lacking = portion.startswith(("on batches", "on arrays")) and not is_batch(finding)
    return f"target({inside}", lacking, "one number" in portion


def loaded_call(finding: Finding, call: str, backend: str) -> str:
    """The call on the arrays that `converted` makes."""
    for name in finding.minimal.inputs if backend != "numpy" else ():
        call = re.sub(rf"(?<![\w.=]){name}(?=[,)])", f"{name}_in", call)
        call = re.sub(rf"(?<![\w.]){name}={name}(?=[,)])", f"{name}={name}_in", call)
    return call


def converted(finding: Finding, backend: str) -> str:
    """The arrays as the target's own library takes them."""
    lines = []
    for name, value in finding.minimal.inputs.items():
        dtype = np.asarray(value).dtype.name
        if backend == "torch":  # through float32, because PyTorch does not read NumPy's bfloat16
            whole = f"{name}.astype(np.float32)" if dtype == "bfloat16" else name
            lines.append(f"    {name}_in = torch.tensor({whole}).to(torch.{dtype})\n")
        elif backend == "jax":
            lines.append(f"    {name}_in = jnp.asarray({name})\n")
    return "".join(lines)


def _imports(finding: Finding, exact: bool, backend: str) -> str:
    wanted = ["import importlib.util"] if _is_file(finding.target) else ["import importlib"]
    wanted += ["import sys"] if _is_file(finding.target) else []
    third = ["import ml_dtypes"] if finding.dtype == "bfloat16" else []
    third = ["import jax.numpy as jnp", *third] if backend == "jax" else third
    third += ["import numpy as np"] + (["import torch"] if backend == "torch" else [])
    third += ["from mpmath import mp, mpf"] if exact else []
    return "\n" + "\n".join(wanted) + "\n\n" + "\n".join(third) + "\n\n"


def _is_file(target: str) -> bool:
    return target.rpartition(":")[0].endswith(".py")


def _target(target: str) -> str:
    home, _, path = target.rpartition(":")
    if not home or not re.fullmatch(r"[\w.]+", path) or home == "__main__":
        raise UsageError(f"no import reaches {target!r}: put the function into a module and run again.")
    if not _is_file(target):
        return f"target = importlib.import_module({home!r}).{path}\n"
    folder = PurePosixPath(home).parent.as_posix()
    return (
        f"sys.path.insert(0, {folder!r})\n"
        f'spec = importlib.util.spec_from_file_location("module_under_test", {home!r})\n'
        f"module = importlib.util.module_from_spec(spec)\n"
        f"sys.modules[spec.name] = module\n"
        f"spec.loader.exec_module(module)\n"
        f"target = module.{path}\n"
    )


def _arrays(inputs: Mapping[str, Any], batch: bool) -> str:
    lines = []
    for name, value in inputs.items():
        array = np.asarray(value)[None] if batch else np.asarray(value)
        dtype = f"ml_dtypes.{array.dtype.name}" if array.dtype.kind == "V" else f"np.{array.dtype.name}"
        lines.append(f"    {name} = {_array_text(array, dtype)}\n")
    return "".join(lines)


def _array_text(array: np.ndarray[Any, Any], dtype: str) -> str:
    """Exact and, for long rows of ties, short: floats are written as the doubles that they are."""
    flat = array.ravel()
    if flat.size > 64 and (flat == flat[0]).all():
        return f"np.full({array.shape}, {_number(flat[0])}, dtype={dtype})"
    values = array.astype(object) if array.dtype.kind in "iub" else array.astype(np.float64)
    return f"np.array({_nested(values.tolist())}, dtype={dtype})"


def _nested(values: Any) -> str:
    if isinstance(values, list):
        return f"[{', '.join(_nested(v) for v in values)}]"
    return _number(values)


def _number(value: Any) -> str:
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    as_float = float(value)
    if math.isnan(as_float):
        return "np.nan"
    return repr(as_float) if math.isfinite(as_float) else ("np.inf" if as_float > 0 else "-np.inf")


def _body(finding: Finding, call: str, index: tuple[int, ...], single: bool) -> str:
    at = f"[{', '.join(map(str, index))}]" if index else ""
    if single:
        call = one_number(finding, call, index)
    if finding.code == "SC501":
        return f'    with np.errstate(over="raise", invalid="raise", divide="raise"):\n        {call}\n'
    if finding.code == "SC404":
        copies = "".join(f"    before_{n} = {n}.copy()\n" for n in finding.minimal.inputs)
        return f'{copies}    with np.errstate(all="ignore"):\n        {call}\n'
    if finding.code in ("SC402", "SC403", "SC405"):
        return f'    with np.errstate(all="ignore"):\n        got = {call}\n'
    if not at and op_of(finding).kind == "reducing":  # a mean may come as an array of one number
        return f'    with np.errstate(all="ignore"):\n        got = np.squeeze({call})[()]\n'
    return f'    with np.errstate(all="ignore"):\n        got = np.asarray({call}){"" if single else at}\n'


def one_number(finding: Finding, call: str, index: tuple[int, ...]) -> str:
    """The call with one element of every array; the first one where the finding names none."""
    for name, value in finding.minimal.inputs.items():
        where = index or (0,) * np.ndim(value)
        if where:
            at = ", ".join(map(str, where))
            call = re.sub(rf"(?<![\w.])({name}(?:_in)?)(?=[,)])", rf"\1[{at}]", call)
    return call


def _rows(finding: Finding) -> int:
    """How many rows an example of a reducing op has; 0 where an example is a row itself."""
    if op_of(finding).kind != "reducing":
        return 0
    return next((a.shape[0] for a in map(np.asarray, finding.minimal.inputs.values()) if a.ndim > 1), 0)


def _many_rows(finding: Finding) -> bool:
    """Whether the formula, which is that of one row, does not say what comes of all rows."""
    return _rows(finding) > 1


def _judgement(finding: Finding, proof: Proof, formula: bool, batch: bool) -> str:
    level = "accurate" if finding.code in ("SC202", "SC203") else "stable"
    elementwise = op_of(finding).kind == "elementwise"
    lone = _rows(finding) == 1
    index = () if lone else finding.minimal.index
    first = "[0]" if batch or lone else ""
    arguments = []
    for name, value in finding.minimal.inputs.items():
        array = np.asarray(value)[0] if lone else np.asarray(value)
        if array.dtype.kind in "iu":
            arguments.append(f"int({name}{first})" if array.ndim == 0 else f"{name}{first}")
        elif elementwise or array.ndim == 0:
            at = "".join(f"[{i}]" for i in index) if array.ndim else ""
            arguments.append(f"mpf(float({name}{first}{at}))")
        else:
            arguments.append(f"[mpf(float(v)) for v in {name}{first}]")
    picked = "" if elementwise else "".join(f"[{i}]" for i in index)
    truth = f"exact({', '.join(arguments)}){picked}" if formula else f'mpf("{proof.middle}")'
    return (
        f"    with mp.workprec(2000):\n"
        f"        truth = {truth}\n"
        f'        gate = mpf("{proof.gate}")  # the error that the {level} gate of stabcheck forgives here\n'
        f"        error = abs(mpf(float(got)) - truth)\n"
        f"        within = bool(error <= gate)\n"
        f'    assert within, f"got {{got}}, the exact value is {{mp.nstr(truth, 20)}}"\n'
    )


def _check(finding: Finding, batch: bool) -> str:
    """The judgement of findings whose truth is no finite number, or that are not about a number."""
    expected = finding.minimal.expected
    if finding.code == "SC105":
        return "    assert np.isnan(got)\n"
    if finding.code == "SC404":
        lines = [f"    assert {n}.tobytes() == before_{n}.tobytes()\n" for n in finding.minimal.inputs]
        return "".join(lines)
    if finding.code == "SC403":
        return "    assert np.asarray(got).dtype.kind in 'fV'\n"
    if finding.code == "SC402":
        return f"    assert np.shape(got) == {_shape(finding, batch)}\n"
    if expected is not None:
        return f"    assert got == {_number(expected)}\n"
    return ""


def _shape(finding: Finding, batch: bool) -> tuple[int, ...]:
    """The shape that the op's result has for the inputs as the test writes them."""
    block = {name: np.asarray(value)[None] for name, value in finding.minimal.inputs.items()}
    shape = output_shape(op_of(finding), block)
    return shape if batch else shape[1:]
