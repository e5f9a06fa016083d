"""One thing that was looked at on a machine, and what it means for a run."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding means for a run."""

    OK = "ok"
    UNKNOWN = "unknown"  # this machine does not tell
    WARN = "warn"  # values can be had, and something about them should be known
    UNFIT = "unfit"  # values would mislead, or there would be none


@dataclass(frozen=True)
class Finding:
    """One thing looked at. Of a warning or worse, also why it matters and what to do."""

    topic: str
    severity: Severity
    found: str
    why: str = ""
    remedy: str = ""


def ok(topic: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(topic, Severity.OK, found)


def unknown(topic: str) -> Finding:
    """Nothing known, which is not the same as nothing wrong."""
    return Finding(topic, Severity.UNKNOWN, "not available here")
