"""Plain folders with a folder of recordings for each label, and ESC-50 with its table and folds."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from bench.corpora.collection import check_files, parse_number, read_table
from bench.corpora.corpus import RECIPES, Corpus, Recording, Split, Task, check_disjoint
from bench.errors import UsageError

SUFFIXES = tuple(".wav .flac .mp3 .ogg .opus .aif .aiff .aifc .au .caf .w64".split())
HELD_OUT = 0.15  # of the labels or recordings, for validation and for test each
ESC50_SPLITS: dict[int, Split] = {1: "train", 2: "train", 3: "train", 4: "val", 5: "test"}
ESC50_RATE = 44100


def read_folder(root: Path, task: Task) -> Corpus:
    """The recordings below ``root``: the first folder is the label.

    Speech is split by label, at least two speakers to a side; sounds by recording within each
    label. The split depends on names only, so it is the same everywhere.

    Raises:
        UsageError: there are no recordings, or too few labels to mix and to split.
    """
    files: dict[str, list[str]] = defaultdict(list)
    for path in sorted(root.glob("*/**/*")):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            relative = path.relative_to(root)
            files[relative.parts[0]].append(relative.as_posix())
    if not files:
        raise UsageError(
            f"There are no recordings in folders of {root}. A corpus has "
            f"<label>/<recording> with one of the endings {', '.join(SUFFIXES)}."
        )
    split_of = _split_labels(root, files) if task == "speech" else _split_recordings(root, files)
    recordings = tuple(
        Recording(path, label, split_of[path], family=label, group=path)
        for label, paths in files.items()
        for path in paths
    )
    return Corpus(f"{root.resolve().name}-{task}", root, task, recordings, RECIPES[task])


def _split_labels(root: Path, files: dict[str, list[str]]) -> dict[str, Split]:
    if len(files) < 6:
        raise UsageError(
            f"The corpus in {root} has {len(files)} {'labels' if len(files) > 1 else 'label'} "
            "(folders with recordings). Speech is split by speaker and mixes two, so at least six "
            "are needed."
        )
    sides = _share_out(list(files), at_least=2)
    return {path: sides[label] for label, paths in files.items() for path in paths}


def _split_recordings(root: Path, files: dict[str, list[str]]) -> dict[str, Split]:
    if len(files) < 2:
        raise UsageError(
            f"The corpus in {root} has one label (folder with recordings). A mixture needs two."
        )
    few = [label for label, paths in files.items() if len(paths) < 3]
    if few:
        raise UsageError(
            f"The label {few[0]!r} of the corpus in {root} has {len(files[few[0]])} recordings. "
            "Sounds are split by recording, so each label needs three."
        )
    return {path: side for paths in files.values() for path, side in _share_out(paths, 1).items()}


def _share_out(names: Sequence[str], at_least: int) -> dict[str, Split]:
    """Test, validation and training, in the order of the names' hashes."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = max(at_least, round(HELD_OUT * len(ordered)))
    sides: dict[str, Split] = dict.fromkeys(ordered, "train")
    return (
        sides
        | dict.fromkeys(ordered[:held_out], "test")
        | dict.fromkeys(ordered[held_out : 2 * held_out], "val")
    )


def read_esc50(root: Path) -> Corpus:
    """ESC-50 as published: folds 1 to 3 train, 4 validates, 5 tests.

    Clips of one source recording stand in one fold.

    Raises:
        UsageError: the table can't be read, or names missing files or other folds.
    """
    table = root / "meta" / "esc50.csv"
    rows = read_table(table, ("filename", "fold", "category", "src_file"), ",")
    recordings = []
    for line, row in enumerate(rows, start=2):
        fold = parse_number(row["fold"], table, line)
        if fold not in ESC50_SPLITS:
            raise UsageError(f"{table}, line {line}: ESC-50 has folds 1 to 5, not {row['fold']}.")
        recordings.append(
            Recording(
                f"audio/{row['filename']}",
                row["category"],
                ESC50_SPLITS[int(fold)],
                family=row["category"],
                group=row["filename"],
                declared_rate=ESC50_RATE,
            )
        )
    check_files(table, root, [one.path for one in recordings])
    sources = zip(recordings, rows, strict=True)
    check_disjoint("source recording", ((row["src_file"], one.split) for one, row in sources), root)
    return Corpus("ESC-50", root, "sounds", tuple(recordings), RECIPES["sounds"])
