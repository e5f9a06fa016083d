"""Collections with a table: ``speech.tsv`` (voices in families) or ``sounds.tsv`` (classes)."""

import csv
from collections.abc import Sequence
from pathlib import Path

from bench.corpora.corpus import (
    RECIPES,
    SPLITS,
    Corpus,
    Recording,
    Task,
    check_disjoint,
)
from bench.errors import UsageError
from bench.registry import SAMPLE_RATE

COLUMNS: dict[Task, tuple[str, ...]] = {
    "speech": ("path", "speaker", "family", "group", "split", "seconds"),
    "sounds": ("path", "class", "package", "split", "seconds"),
}
APART = frozenset(frozenset({"day_nature", other}) for other in ("bird", "insect_frog"))
LEAKS = frozenset(
    "dig male_pain metal_clang rustle saw sea_waves shield_impact squelch stone_mining thunder "
    "wood_chop".split()
)
"""Classes with takes of one recording session on both sides of a split."""


def read_collection(root: Path, task: Task, name: str | None = None) -> Corpus:
    """The collection in a folder that holds ``speech.tsv`` or ``sounds.tsv``.

    Raises:
        UsageError: the table can't be read, lacks a column, names missing files, or has a file,
            a voice, a family or a group of voices on two sides.
    """
    table = root / f"{task}.tsv"
    rows = read_table(table, COLUMNS[task], "\t")
    make = _voice if task == "speech" else _event
    recordings = []
    for line, row in enumerate(rows, start=2):
        if row["split"] not in SPLITS:
            raise UsageError(
                f"{table}, line {line}: the split {row['split']!r} is none of "
                f"{', '.join(SPLITS)}. Correct the table."
            )
        recordings.append(make(row, table, line))
    check_files(table, root, [one.path for one in recordings])
    check_disjoint("recording", ((one.path, one.split) for one in recordings), root)
    if task == "speech":
        check_disjoint("voice", ((one.label, one.split) for one in recordings), root)
        check_disjoint("family", ((one.family, one.split) for one in recordings), root)
        check_disjoint("group", ((one.group, one.split) for one in recordings), root)
    return Corpus(
        name or f"{root.resolve().name}-{task}",
        root,
        task,
        tuple(recordings),
        RECIPES[task],
        *((APART, LEAKS) if task == "sounds" else ()),
    )


def _voice(row: dict[str, str], table: Path, line: int) -> Recording:
    return Recording(
        row["path"],
        row["speaker"],
        row["split"],  # type: ignore[arg-type]  # checked by the caller
        family=row["family"],
        group=row["group"],
        declared_rate=SAMPLE_RATE,
        declared_s=parse_number(row["seconds"], table, line),
    )


def _event(row: dict[str, str], table: Path, line: int) -> Recording:
    return Recording(
        row["path"],
        row["class"],
        row["split"],  # type: ignore[arg-type]  # checked by the caller
        family=row["class"],
        group=row["package"],
        declared_rate=SAMPLE_RATE,
        declared_s=parse_number(row["seconds"], table, line),
    )


def read_table(path: Path, columns: tuple[str, ...], delimiter: str) -> list[dict[str, str]]:
    """The rows of a table with a head.

    Raises:
        UsageError: it can't be read, is empty, or lacks a column or a cell.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"{path} has no column {', '.join(missing)} in its first line.")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} can't be read: {error}.") from error
    if not rows:
        raise UsageError(f"{path} names no recordings.")
    for line, row in enumerate(rows, start=2):
        if any(not row[name] for name in columns):
            raise UsageError(f"{path}, line {line}, is incomplete. Correct it or take it out.")
    return rows


def parse_number(text: str, table: Path, line: int) -> float:
    """A number of a table.

    Raises:
        UsageError: it is none.
    """
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(f"{table}, line {line}: {text!r} is not a number.") from error


def check_files(table: Path, root: Path, paths: Sequence[str]) -> None:
    """See that all files are there.

    Raises:
        UsageError: some are not; names the first and says how many.
    """
    missing = [path for path in paths if not (root / path).is_file()]
    if missing:
        raise UsageError(
            f"{len(missing)} of the {len(paths)} files that {table} names are not in {root}, the "
            f"first is {missing[0]!r}. Is the corpus there in full?"
        )
