"""budgets.toml: what each network may cost, read strictly; every error names its line.

confidence = 0.99          # of verdicts on times; this is the default
machine = "AMD EPYC*"      # pattern of the processor's name that times hold for; any if absent

[[budget]]
models = ["sudormrf-*"]    # names and patterns as in `bench.run --models`
phase = "inference"        # or "update"; and samples, batch, threads, dtype, device, tf32
n_params = 2_660_998       # any of LIMITS, at least one; a value may not exceed it
"""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.plan import DTYPES
from bench.registry import Entry, select_entries
from bench.results.probes import PROBES
from bench.results.workload import PHASES, Workload

TIME_LIMITS = ("median_s", "p95_s", "rtf", "ratio")
EXACT = [spec for spec in PROBES.values() if spec.phases and not spec.takes_time]
LIMITS: dict[str, str] = {
    **{field: spec.name for spec in reversed(EXACT) for field in reversed(spec.metrics)},
    **dict.fromkeys(TIME_LIMITS, "latency"),
}
"""What can be limited, and the probe that measures it: of several, the first."""

WORKLOAD: dict[str, tuple[type, Any]] = {
    "phase": (str, "inference"),
    "device": (str, "cpu"),
    "samples": (int, 8000),
    "batch": (int, 1),
    "threads": (int, 1),
    "dtype": (str, "float32"),
    "tf32": (bool, False),
}
"""Keys of a budget that say on what it holds: type and default."""

CHOICES: dict[str, tuple[str, ...]] = {
    "phase": PHASES,
    "device": ("cpu", "cuda"),
    "dtype": DTYPES,
}
CONFIDENCE = 0.99
OTHER_KEYS = ("models", "reference")
TOP_KEYS = ("confidence", "machine", "budget")
HEADER = re.compile(r"\s*\[\[\s*budget\s*\]\]")


@dataclass(frozen=True)
class Budget:
    """One limit of one network on one workload; ``reference`` is what a ratio is to."""

    entry: Entry
    workload: Workload
    quantity: str  # one of LIMITS
    limit: float
    reference: Entry | None

    @property
    def takes_time(self) -> bool:
        """Whether it limits a time, so that more rounds tell more."""
        return PROBES[self.probe].takes_time

    @property
    def probe(self) -> str:
        """What measures it."""
        return LIMITS[self.quantity]


@dataclass(frozen=True)
class Budgets:
    """A whole file."""

    budgets: tuple[Budget, ...]
    confidence: float
    machine: str  # a pattern


class _Lines:
    """Where keys stand in the text, which the parser does not tell; nowhere without a file."""

    def __init__(self, path: Path | None = None, text: str = "") -> None:
        self.path = path
        self._lines = text.splitlines()

    def error(self, problem: str, key: str, table: int = 0) -> UsageError:
        """The error with the line of a key; table 0 is the top, 1 the first budget."""
        place = f"{self.path}, line {self._find(key, table)}" if self.path else "In this budget"
        return UsageError(f"{place}: {problem}")

    def _find(self, key: str, table: int) -> int:
        name = rf"[\"']?{re.escape(key)}[\"']?"
        stands = re.compile(rf"\s*({name}\s*[=.]|\[+\s*{name}\s*[.\]])")
        seen = start = 0
        for number, line in enumerate(self._lines, start=1):
            if HEADER.match(line):
                seen += 1
                start = number if seen == table else start
            if seen == table and stands.match(line):
                return number
        return start or 1


def read_budgets(path: Path) -> Budgets:
    """The budgets of a file, one for each network that a pattern matches and each limit.

    Raises:
        UsageError: it can't be read, is not TOML, has an unknown key, a value of the wrong kind,
            a pattern that matches no network, or no budget.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"No budgets can be read from {path}: {error.strerror}.") from error
    except ValueError as error:  # not TOML, where the message has the line, or not UTF-8
        raise UsageError(f"{path} is not TOML: {error}.") from error
    lines = _Lines(path, text)
    _refuse_unknown(tables, TOP_KEYS, lines, 0)
    confidence, machine = tables.get("confidence", CONFIDENCE), tables.get("machine", "*")
    if not (isinstance(confidence, float) and 0.5 < confidence < 1):
        raise lines.error("confidence must lie between 0.5 and 1, such as 0.99.", "confidence")
    if not isinstance(machine, str):
        raise lines.error("machine must be a pattern in quotes.", "machine")
    found = tables.get("budget", [])
    if not isinstance(found, list) or not all(isinstance(table, dict) for table in found):
        raise lines.error("budgets are tables with the heading [[budget]].", "budget")
    if not found:
        raise UsageError(f"{path} holds no budget, so that nothing can be checked. Add [[budget]].")
    budgets = [
        budget
        for number, table in enumerate(found, start=1)
        for budget in _read_table(table, lines, number)
    ]
    return Budgets(tuple(budgets), confidence, machine)


def make_budgets(table: Mapping[str, Any]) -> Budgets:
    """The budgets of one table with the keys of a file's ``[[budget]]``, on any machine.

    Raises:
        UsageError: as ``read_budgets``; no line is named.
    """
    return Budgets(tuple(_read_table(table, _Lines(), 1)), CONFIDENCE, "*")


def _read_table(table: Mapping[str, Any], lines: _Lines, number: int) -> list[Budget]:
    _refuse_unknown(table, (*OTHER_KEYS, *WORKLOAD, *LIMITS), lines, number)
    limits = {key: table[key] for key in table if key in LIMITS}
    if not limits:
        raise lines.error(f"limits nothing. Name one of {', '.join(LIMITS)}.", "budget", number)
    for key, limit in limits.items():
        if not _is_limit(limit):
            raise lines.error(f"{key} must be a number above 0, not {limit!r}.", key, number)
    workload = _read_workload(table, lines, number)
    entries = _read_models(table, "models", lines, number)
    reference = None
    if ("ratio" in table) != ("reference" in table):
        lone = "ratio" if "ratio" in table else "reference"
        raise lines.error("ratio and reference go together.", lone, number)
    if "reference" in table:
        references = _read_models(table, "reference", lines, number)
        if len(references) > 1:
            raise lines.error("reference must name one network.", "reference", number)
        (reference,) = references
    return [
        Budget(
            entry,
            _placed(workload, LIMITS[key]),
            key,
            limit,
            reference if key == "ratio" else None,
        )
        for entry in entries
        for key, limit in limits.items()
    ]


def _read_models(
    table: Mapping[str, Any], key: str, lines: _Lines, number: int
) -> tuple[Entry, ...]:
    names = table.get(key, [])
    names = [names] if isinstance(names, str) else names
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise lines.error(f"{key} must be a name in quotes, or a list of them.", key, number)
    try:
        return select_entries(names)
    except UsageError as error:
        raise lines.error(str(error), key, number) from error


def _read_workload(table: Mapping[str, Any], lines: _Lines, number: int) -> Workload:
    values = {key: table.get(key, default) for key, (_, default) in WORKLOAD.items()}
    for key, (kind, _) in WORKLOAD.items():
        value = values[key]
        if key in CHOICES and value not in CHOICES[key]:
            allowed = ", ".join(CHOICES[key])
            raise lines.error(f"{key} must be one of {allowed}, not {value!r}.", key, number)
        if kind is bool and type(value) is not bool:
            raise lines.error(f"{key} must be true or false, not {value!r}.", key, number)
        if kind is int and (type(value) is not int or value < 1):
            raise lines.error(
                f"{key} must be a whole number of at least 1, not {value!r}.", key, number
            )
    return Workload(n_samples=values.pop("samples"), seed=0, **values)


def _placed(workload: Workload, probe: str) -> Workload:
    """Inference on a GPU is a phase of its own, where what a probe finds depends on the device."""
    is_there = workload.device == "cuda" and "device" in PROBES[probe].depends_on
    if is_there and workload.phase == "inference":
        return replace(workload, phase="gpu_inference")
    return workload


def _is_limit(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value > 0  # type: ignore[operator,arg-type]


def _refuse_unknown(
    table: Mapping[str, Any], known: tuple[str, ...], lines: _Lines, number: int
) -> None:
    for key in table:
        if key not in known:
            raise lines.error(f"unknown key {key!r}. Known: {', '.join(known)}.", key, number)
