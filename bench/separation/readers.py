"""Any corpus from its folder: which reader it needs shows in what the folder holds."""

from importlib import resources
from pathlib import Path

from bench.errors import UsageError
from bench.separation.collection import read_collection
from bench.separation.corpora import Corpus, FixedCorpus, Task
from bench.separation.labelled import read_esc50, read_folder


def read_corpus(root: Path | None, task: Task) -> Corpus | FixedCorpus:
    """The corpus in a folder, or without one the small part that comes with this package.

    Raises:
        UsageError: there is no such folder, or its reader can't use it.
    """
    if root is None:
        return read_collection(shipped_folder(), task, name=f"shipped-{task}")
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}. Name a corpus with --corpus DIR.")
    if (root / f"{task}.tsv").exists():
        return read_collection(root, task)
    if (root / "meta" / "esc50.csv").exists():
        return read_esc50(root)
    return read_folder(root, task)


def shipped_folder() -> Path:
    """Where the recordings that come with this package are."""
    return Path(str(resources.files("bench.separation"))) / "data"
