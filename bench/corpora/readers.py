"""Any corpus from its folder: which reader it needs shows in what the folder holds."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.corpora.audio import Advance
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

DEPTH = 3  # of wav8k/min/tr in its corpus
Reader = Callable[[Path], Corpus | FixedCorpus]


def read_corpus(root: Path | None, task: Task) -> Corpus | FixedCorpus:
    """The corpus in a folder, or without one the small part that comes with this package.

    Raises:
        UsageError: there is no such folder, its reader can't use it, or it is of the other task.
    """
    if root is None:
        return read_collection(shipped_folder(), task, name=f"shipped-{task}")
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}. Name a corpus with --corpus DIR.")
    read = find_reader(root, task)
    corpus = read(root) if read else _read_plain(root, task)
    if corpus.task != task:
        raise UsageError(
            f"The corpus in {root} is {corpus.name}, of the task {corpus.task!r}. "
            f"Ask for it with --task {corpus.task}."
        )
    return corpus


def find_reader(root: Path, task: Task) -> Reader | None:
    """What reads a folder that holds a table or ready mixtures; None for any other folder.

    Where the folder leaves no choice, the corpus is of its own task whatever was asked for.
    """
    for one in sorted(RECIPES, key=lambda name: name != task):  # the task that was asked for first
        if (root / f"{one}.tsv").exists():
            return partial(read_collection, task=one)
    if (root / "meta" / "esc50.csv").exists():
        return read_esc50
    if librimix_tables(root):
        return read_librimix
    if (root / "wav8k" / "min").is_dir():
        return read_wsj0_2mix
    return None


def _read_plain(root: Path, task: Task) -> Corpus:
    """A folder of labels; where it is none, the corpus that lies one folder away is named."""
    below = [path for path in sorted(root.iterdir()) if path.is_dir()]
    inside = [path for path in below if find_reader(path, task)]
    if inside:
        raise UsageError(f"{root} is not a corpus. Did you mean {inside[0]}?")
    try:
        return read_folder(root, task)
    except UsageError as error:
        around = root.resolve().parents[:DEPTH]
        near = [path for path in around if find_reader(path, task)]
        if len(below) == 1 and any(path.is_dir() for path in below[0].iterdir()):
            near += below
        if not near:
            raise
        raise UsageError(f"{error} Did you mean {near[0]}?") from error


def open_mixer(
    corpus: Corpus | FixedCorpus,
    split: Split,
    seed: int = 0,
    *,
    cache: Path | None = None,
    skip_bad: bool = False,
    advance: Advance = lambda n_done, n_files: None,
) -> Mixer | FixedMixer:
    """What draws the mixtures of one split: ``draw(epoch, index)``.

    Those of a training are mixed afresh (paper, section 3.2), also where the corpus has ready ones.
    """
    if isinstance(corpus, FixedCorpus) and split == "train":
        corpus = take_apart(corpus)
    if isinstance(corpus, FixedCorpus):
        return FixedMixer(corpus, split, seed, cache=cache, skip_bad=skip_bad, advance=advance)
    return Mixer(corpus, split, seed, cache=cache, skip_bad=skip_bad, advance=advance)


def shipped_folder() -> Path:
    """Where the recordings that come with this package are."""
    return Path(__file__).parent / "data"
