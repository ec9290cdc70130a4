"""Kinds of option values: how text and TOML values are read, what is expected, the JSON Schema of each.

`read` turns text (command line, environment, pytest) into what TOML would hold; `check` validates such a
value and returns it in the form of `engine.request.Request`. Both raise ValueError; the caller knows the
option's name and says the rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]


class Kind:
    """One kind. `expected` says in words what is right and ends the message about a wrong value.

    Plain classes, not dataclasses: they are made at the start of every pytest run of anybody.
    """

    def __init__(self, expected: str, schema: Schema, choices: tuple[str, ...] = ()) -> None:
        self.expected = expected
        self.schema = schema
        self.choices = choices

    def read(self, text: str) -> Any:
        return text

    def check(self, value: Any) -> Any:
        raise NotImplementedError


class Text(Kind):
    def __init__(self, expected: str = "a string") -> None:
        super().__init__(expected, {"type": "string"})

    def check(self, value: Any) -> str:
        if not isinstance(value, str) or not value:
            raise ValueError
        return value


class Choice(Kind):
    """One of a few words."""

    def __init__(self, *choices: str) -> None:
        super().__init__("one of " + ", ".join(choices), {"enum": list(choices)}, choices)

    def check(self, value: Any) -> str:
        if value not in self.choices:
            raise ValueError
        return str(value)


class Names(Kind):
    """A list of names: repeated or with commas on the command line, a list (or one name) in TOML."""

    def __init__(self, *choices: str) -> None:
        one: Schema = {"enum": list(choices)} if choices else {"type": "string"}
        expected = f"a list of {', '.join(choices)}" if choices else "a list of names"
        super().__init__(expected, {"anyOf": [one, {"type": "array", "items": one}]}, choices)

    def read(self, text: str) -> list[str]:
        return _parts(text)

    def check(self, value: Any) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not all(isinstance(n, str) and n for n in names):
            raise ValueError
        if self.choices and not set(names) <= set(self.choices):
            raise ValueError
        return tuple(names)


class Codes(Kind):
    """Codes, names or prefixes of findings; in TOML also a table from code to the reason for it."""

    def __init__(self) -> None:
        text: Schema = {"type": "string"}
        forms = [
            text,
            {"type": "array", "items": text},
            {"type": "object", "additionalProperties": text},
        ]
        expected = 'a list of codes, or a table of codes with reasons ({SC202 = "why"})'
        super().__init__(expected, {"anyOf": forms})

    def read(self, text: str) -> list[str]:
        return _parts(text)

    def check(self, value: Any) -> tuple[str, ...] | dict[str, str]:
        if isinstance(value, Mapping):
            if not all(isinstance(reason, str) and reason for reason in value.values()):
                raise ValueError
            return dict(value)
        return Names().check(value)


class Count(Kind):
    """A whole number, at least `minimum`."""

    def __init__(self, minimum: int = 1) -> None:
        super().__init__(f"a whole number, at least {minimum}", {"type": "integer", "minimum": minimum})
        self.minimum = minimum

    def read(self, text: str) -> int:
        return int(text)

    def check(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < self.minimum:
            raise ValueError
        return value


class Number(Kind):
    """A finite number above zero."""

    def __init__(self) -> None:
        super().__init__("a number above 0", {"type": "number", "exclusiveMinimum": 0})

    def read(self, text: str) -> float:
        return float(text)

    def check(self, value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError
        if not (value > 0 and math.isfinite(value)):
            raise ValueError
        return float(value)


class Flag(Kind):
    def __init__(self) -> None:
        super().__init__("true or false", {"type": "boolean"})

    def read(self, text: str) -> bool:
        words = {"1": True, "true": True, "yes": True, "on": True}
        words |= {"0": False, "false": False, "no": False, "off": False, "": False}
        try:
            return words[text.strip().lower()]
        except KeyError:
            raise ValueError from None

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value


class Pairs(Kind):
    """Names with values: K=V on the command line, a table in TOML."""

    def __init__(self) -> None:
        super().__init__('NAME=VALUE pairs (in TOML a table: {reduction = "mean"})', {"type": "object"})

    def read(self, text: str) -> dict[str, str]:
        pairs = [part.partition("=") for part in text.split(",")]
        if not all(name.strip() and equals for name, equals, _ in pairs):
            raise ValueError
        return {name.strip(): value.strip() for name, _, value in pairs}

    def check(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError
        return dict(value)


class Interval(Kind):
    """LO,HI on the command line, [LO, HI] in TOML; infinite ends are allowed."""

    def __init__(self) -> None:
        schema: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
        super().__init__("two numbers LO,HI with LO < HI (in TOML [LO, HI])", schema)

    def read(self, text: str) -> list[float]:
        return [float(part) for part in text.split(",")]

    def check(self, value: Any) -> tuple[float, float]:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError
        if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in value):
            raise ValueError
        low, high = float(value[0]), float(value[1])
        if not low < high:
            raise ValueError
        return low, high


class Size(Kind):
    """Bytes, at least `minimum` MiB: a whole number, or text with a unit ("512MiB", "4GiB")."""

    def __init__(self, minimum: int) -> None:
        self.minimum = minimum << 20
        schema: Schema = {"anyOf": [{"type": "integer", "minimum": self.minimum}, {"type": "string"}]}
        expected = f'a size in bytes, or with a unit ("512MiB", "4GiB"), at least {minimum}MiB'
        super().__init__(expected, schema)

    def check(self, value: Any) -> int:
        if isinstance(value, str):
            text = value.strip().lower().removesuffix("ib").removesuffix("b")
            shift = {"k": 10, "m": 20, "g": 30}.get(text[-1:], 0)
            value = int(float(text[:-1] if shift else text) * 2**shift)
        return Count(self.minimum).check(value)


class Workers(Kind):
    """A number of processes, or "auto": one for each core."""

    def __init__(self) -> None:
        schema: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "auto"}]}
        super().__init__('a whole number, at least 1, or "auto"', schema)

    def read(self, text: str) -> int | str:
        return text if text == "auto" else int(text)

    def check(self, value: Any) -> int | str:
        return value if value == "auto" else Count().check(value)


class Expectation(Kind):
    """A grade, or a table from format to grade."""

    def __init__(self) -> None:
        grades = ("unstable", "robust", "stable", "accurate")
        schema: Schema = {
            "anyOf": [{"enum": [*grades]}, {"type": "object", "additionalProperties": {"enum": [*grades]}}]
        }
        words = f'one of {", ".join(grades)}, or a table by format ({{float16 = "unstable"}})'
        super().__init__(words, schema, grades)

    def check(self, value: Any) -> str | dict[str, str]:
        if isinstance(value, Mapping):
            return {dtype: Choice(*self.choices).check(grade) for dtype, grade in value.items()}
        return Choice(*self.choices).check(value)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
