"""Any corpus from its folder: which reader it needs shows in what the folder holds."""

from importlib import resources
from pathlib import Path

from bench.corpora.collection import read_collection
from bench.corpora.corpus import RECIPES, Corpus, FixedCorpus, Split, Task
from bench.corpora.fixed import (
    FixedMixer,
    librimix_tables,
    read_librimix,
    read_wsj0_2mix,
    take_apart,
)
from bench.corpora.labelled import read_esc50, read_folder
from bench.corpora.mixing import Mixer
from bench.errors import UsageError


def read_corpus(root: Path | None, task: Task) -> Corpus | FixedCorpus:
    """The corpus in a folder, or without one the small part that comes with this package.

    Raises:
        UsageError: there is no such folder, its reader can't use it, or it is of the other task.
    """
    if root is None:
        return read_collection(shipped_folder(), task, name=f"shipped-{task}")
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}. Name a corpus with --corpus DIR.")
    corpus = _read(root, task)
    if corpus.task != task:
        raise UsageError(
            f"The corpus in {root} is {corpus.name}, of the task {corpus.task!r}. "
            f"Ask for it with --task {corpus.task}."
        )
    return corpus


def _read(root: Path, task: Task) -> Corpus | FixedCorpus:
    """Where the folder leaves no choice, the corpus is of its own task whatever was asked for."""
    for one in sorted(RECIPES, key=lambda name: name != task):  # the task that was asked for first
        if (root / f"{one}.tsv").exists():
            return read_collection(root, one)
    if (root / "meta" / "esc50.csv").exists():
        return read_esc50(root)
    if librimix_tables(root):
        return read_librimix(root)
    if (root / "wav8k" / "min").is_dir():
        return read_wsj0_2mix(root)
    return read_folder(root, task)


def open_mixer(
    corpus: Corpus | FixedCorpus,
    split: Split,
    seed: int = 0,
    *,
    cache: Path | None = None,
    skip_bad: bool = False,
) -> Mixer | FixedMixer:
    """What draws the mixtures of one split: ``draw(epoch, index)``.

    Those of a training are mixed afresh (paper, section 3.2), also where the corpus has ready ones.
    """
    if isinstance(corpus, FixedCorpus) and split == "train":
        corpus = take_apart(corpus)
    if isinstance(corpus, FixedCorpus):
        return FixedMixer(corpus, split, seed, cache=cache, skip_bad=skip_bad)
    return Mixer(corpus, split, seed, cache=cache, skip_bad=skip_bad)


def shipped_folder() -> Path:
    """Where the recordings that come with this package are."""
    return Path(str(resources.files("bench.corpora"))) / "data"
