"""Which recorded ratios a machine is judged by: numbers differ between libraries of mathematics."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata


def platform_key() -> str:
    """Operating system, machine and NumPy's major version: "linux-x86_64-numpy2".

    These decide which exp and log a formula gets. Minor versions and processor features differ by an ulp
    or two, which the factor of the gate covers; a finer key would make every new runner a stranger.
    """
    major = metadata.version("numpy").split(".")[0]
    return f"{platform.system()}-{platform.machine()}-numpy{major}".lower()


def recorded_ratio(ratios: Mapping[str, float], key: str) -> float | None:
    """The ratio to judge by on this platform; None where nothing is recorded at all.

    The fallback for a platform that has no record of its own is the largest ratio of any platform: a new
    machine must not fail for being new. `fallback_note` says so in every run.
    """
    return ratios.get(key, max(ratios.values(), default=None))


def fallback_note(known: frozenset[str], key: str) -> str:
    """What to tell about a platform without records; empty where it has some, or nobody has."""
    if not known or key in known:
        return ""
    return (
        f"nothing is recorded for {key}: judged by the largest ratio of {', '.join(sorted(known))}. "
        "Run with --baseline-update on this machine to give it numbers of its own."
    )
