"""python -m tests.compare_reports BEFORE AFTER: do two folders of reports hold the same values?

Compares the numbers in the tables of every Markdown file, and all in CSV and JSON files, in their
order; words, and numbers in sentences, may differ.
For a change of the code that renders: write the reports of the same records with the code before
and after. Columns that a CSV has gained are left out. Exit codes: 0 equal, 1 not.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

NUMBER = re.compile(r"[−+-]?\d[\d.,]*(?:e[+-]?\d+)?")


def values_of(path: Path) -> list[str]:
    """The numbers of a file, as they are written: of Markdown those in tables."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        text = "\n".join(line for line in text.splitlines() if line.startswith("|"))
    return NUMBER.findall(text)


def numbers_in(value: object) -> list[object]:
    """The numbers of a JSON value, with what is null or a truth, in their order."""
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers_in(part)]
    if isinstance(value, list):
        return [number for part in value for number in numbers_in(part)]
    return [] if isinstance(value, str) else [value]


def differences(before: Path, after: Path) -> Iterator[str]:
    """A line for each file of ``before`` that is not there any more or holds other values."""
    for path in sorted(p for p in before.rglob("*") if p.suffix in (".md", ".csv", ".json")):
        name = path.relative_to(before)
        other = after / name
        if not other.exists():
            yield f"{name}: is gone"
        elif path.suffix == ".csv":
            yield from _differences_of_rows(name, path, other)
        elif path.suffix == ".json":
            if numbers_in(json.loads(path.read_text())) != numbers_in(
                json.loads(other.read_text())
            ):
                yield f"{name}: other values"
        elif values_of(path) != values_of(other):
            pairs = zip(values_of(path), values_of(other), strict=False)
            first = next((pair for pair in pairs if pair[0] != pair[1]), ("a number", "none"))
            yield f"{name}: {first[0]} has become {first[1]}"


def _differences_of_rows(name: Path, before: Path, after: Path) -> Iterator[str]:
    with before.open(newline="") as old_file, after.open(newline="") as new_file:
        rows = zip(csv.DictReader(old_file), csv.DictReader(new_file), strict=True)
        for number, (old, new) in enumerate(rows, start=1):
            for column, value in old.items():
                if new.get(column) != value:
                    yield f"{name}, row {number}, {column}: {value} has become {new.get(column)}"


def main() -> int:
    """Print the differences; the exit code."""
    before, after = map(Path, sys.argv[1:])
    found = list(differences(before, after))
    n_values = sum(len(values_of(p)) for p in before.rglob("*") if p.suffix in (".md", ".csv"))
    print("\n".join(found) or f"The same values ({n_values} numbers).")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
