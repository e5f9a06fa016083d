"""Corpora of ready mixtures: WSJ0-2mix and LibriMix.

Mixtures of validation and test are read, not drawn; for training the utterances in them are mixed
afresh.
"""

import zlib
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.corpora.audio import Advance, AudioStore, BadAudioError
from bench.corpora.collection import check_files, parse_number, read_table
from bench.corpora.corpus import (
    RECIPES,
    Corpus,
    FixedCorpus,
    FixedMixture,
    Recording,
    Split,
    check_disjoint,
)
from bench.corpora.mixing import Mixture
from bench.errors import UsageError
from bench.registry import SAMPLE_RATE

WSJ0_SPLITS: dict[str, Split] = {"tr": "train", "cv": "val", "tt": "test"}
LIBRIMIX_SPLITS: dict[str, Split] = {"train": "train", "dev": "val", "test": "test"}
LIBRIMIX_COLUMNS = ("mixture_ID", "mixture_path", "source_1_path", "source_2_path", "length")


def read_wsj0_2mix(root: Path) -> FixedCorpus:
    """WSJ0-2mix as its scripts write it: ``wav8k/min/{tr,cv,tt}/{mix,s1,s2}``.

    Its speakers for training and validation are the same by design (closed condition); those for
    test are others, which is checked.

    Raises:
        UsageError: there are no mixtures, a mixture lacks a source, or a speaker or mixture of the
            test is also elsewhere.
    """
    mixtures = []
    for folder, split in WSJ0_SPLITS.items():
        base = f"wav8k/min/{folder}"
        for path in sorted((root / base / "mix").glob("*.wav")):
            utterances = _wsj0_utterances(path)
            speakers = tuple(utterance[:3] for utterance in utterances)
            files = [f"{base}/{part}/{path.name}" for part in ("mix", "s1", "s2")]
            mixtures.append(_fix(path.stem, split, files, speakers, utterances, None))
    if not mixtures:
        raise UsageError(f"There are no mixtures in {root / 'wav8k/min'}/{{tr,cv,tt}}/mix.")
    check_files(root / "wav8k/min", root, _files(mixtures))
    _check_test_apart(mixtures, root)
    return FixedCorpus("WSJ0-2mix", root, "speech", tuple(mixtures), RECIPES["speech"])


def _wsj0_utterances(path: Path) -> tuple[str, ...]:
    """Both in ``01aa010b_0.97_209a010p_-0.97.wav``; a speaker is the first three letters."""
    words = path.stem.split("_")
    if len(words) != 4:
        raise UsageError(
            f"{path} is not named as WSJ0-2mix names mixtures, <utterance>_<dB>_<utterance>_<dB>."
        )
    return words[0], words[2]


def read_librimix(root: Path) -> FixedCorpus:
    """LibriMix as its scripts write it: ``wav8k/min/metadata/mixture_*_mix_clean.csv``.

    Paths in the tables may be absolute, as the scripts write them, or from ``root``. Where the
    corpus was moved, they are looked for under ``root``.

    Raises:
        UsageError: a table can't be read or names missing files, a mixture is named twice, or a
            speaker is on two sides.
    """
    mixtures = []
    for table in _choose_tables(librimix_tables(root)):
        split = LIBRIMIX_SPLITS.get(table.name.split("_")[1].split("-")[0])
        if split is None:
            raise UsageError(f"{table} names none of the splits train, dev and test.")
        for line, row in enumerate(read_table(table, LIBRIMIX_COLUMNS, ","), start=2):
            name = row["mixture_ID"]
            utterances = tuple(name.split("_"))
            speakers = tuple(utterance.split("-")[0] for utterance in utterances)
            if len(utterances) != 2:
                raise UsageError(f"{table}, line {line}: {name!r} does not name two utterances.")
            files = [_rebase(row[column], root) for column in LIBRIMIX_COLUMNS[1:4]]
            duration_s = parse_number(row["length"], table, line) / SAMPLE_RATE
            mixtures.append(_fix(name, split, files, speakers, utterances, duration_s))
    check_files(root / "wav8k/min/metadata", root, _files(mixtures))
    twice = [name for name, n in Counter(one.name for one in mixtures).items() if n > 1]
    if twice:
        raise UsageError(
            f"The tables of {root} name {len(twice)} mixtures twice, the first is {twice[0]!r}. "
            "Take one of each out."
        )
    check_disjoint(
        "speaker", ((one.label, mix.split) for mix in mixtures for one in mix.sources), root
    )
    return FixedCorpus("Libri2Mix", root, "speech", tuple(mixtures), RECIPES["speech"])


def _rebase(path: str, root: Path) -> str:
    """The path from ``root`` of what a table names, unless that is only elsewhere."""
    _, folder, after = path.rpartition("/wav8k/")
    own = f"wav8k/{after}"
    return own if folder and ((root / own).is_file() or not Path(path).is_file()) else path


def librimix_tables(root: Path) -> list[Path]:
    """The tables of mixtures in LibriMix's folder; those of its metrics are others."""
    return sorted((root / "wav8k" / "min" / "metadata").glob("mixture_*.csv"))


def _choose_tables(tables: list[Path]) -> list[Path]:
    """Of each part the table without noise, of the three that the scripts write; or its only one.

    Raises:
        UsageError: a part has several others.
    """
    parts: dict[str, list[Path]] = defaultdict(list)
    for table in tables:
        parts[table.stem.split("_")[1]].append(table)
    chosen = []
    for part, found in parts.items():
        clean = [table for table in found if table.stem.endswith("_mix_clean")] or found
        if len(clean) > 1:
            raise UsageError(
                f"{found[0].parent} has {len(found)} tables of {part!r} and none of them is "
                f"mixture_{part}_mix_clean.csv. Leave one of each part there."
            )
        chosen += clean
    return chosen


def _fix(
    name: str,
    split: Split,
    files: list[str],
    speakers: tuple[str, ...],
    utterances: tuple[str, ...],
    duration_s: float | None,
) -> FixedMixture:
    labels, groups = ("mixture", *speakers), (name, *utterances)
    mixture, *sources = (
        Recording(path, label, split, label, group, SAMPLE_RATE, duration_s)
        for path, label, group in zip(files, labels, groups, strict=True)
    )
    return FixedMixture(name, split, mixture, tuple(sources))


def _files(mixtures: list[FixedMixture]) -> list[str]:
    return [one.path for mix in mixtures for one in mix.files]


def _check_test_apart(mixtures: list[FixedMixture], root: Path) -> None:
    sides: list[tuple[str, Split]] = [
        (source.label, "test" if mixture.split == "test" else "train")
        for mixture in mixtures
        for source in mixture.sources
    ]
    check_disjoint("speaker", sides, root)
    check_disjoint("mixture", ((mixture.name, mixture.split) for mixture in mixtures), root)


def take_apart(corpus: FixedCorpus) -> Corpus:
    """The utterances in the training mixtures, each once, to be mixed afresh.

    An utterance stands in several mixtures, cut to the shorter of the two: the longest is taken.

    Raises:
        UsageError: there are no training mixtures.
    """
    longest: dict[str, tuple[int, Recording]] = {}
    for mixture in corpus.of_split("train"):
        for source in mixture.sources:
            n_bytes = (corpus.root / source.path).stat().st_size
            if source.group not in longest or n_bytes > longest[source.group][0]:
                longest[source.group] = n_bytes, source
    recordings = tuple(source for _, source in longest.values())
    return Corpus(corpus.name, corpus.root, corpus.task, recordings, corpus.recipe)


class FixedMixer:
    """Ready mixtures of one split, brought to zero mean, the mixture to unit variance.

    The mixture is the corpus's own file: where that has noise, the sources don't add up to it.

    Raises:
        UsageError: the audio can't be used, or a mixture and its sources differ in length.
    """

    def __init__(
        self,
        corpus: FixedCorpus,
        split: Split,
        seed: int = 0,
        *,
        cache: Path | None = None,
        skip_bad: bool = False,
        advance: Advance = lambda n_done, n_files: None,
    ) -> None:
        mixtures = corpus.of_split(split)
        self.corpus, self.seed = corpus, seed
        self._stream = zlib.crc32(split.encode())
        self.store = AudioStore(
            corpus.root, corpus.files(split), cache, skip_bad=skip_bad, advance=advance
        )
        self.mixtures = [mix for mix in mixtures if self._is_whole(mix)]

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """All files of the mixtures that can be used."""
        return tuple(one for mix in self.mixtures for one in mix.files)

    def _is_whole(self, mixture: FixedMixture) -> bool:
        paths = [one.path for one in mixture.files]
        if not all(path in self.store for path in paths):
            return False
        if len({self.store.length(path) for path in paths}) > 1:
            raise BadAudioError(
                f"The mixture {mixture.name} of the corpus in {self.corpus.root} and its sources "
                "differ in length."
            )
        return True

    def draw(self, epoch: int, index: int) -> Mixture:
        """A 4 s window on mixture number ``index``."""
        random = np.random.default_rng([self.seed, self._stream, epoch, index])
        signals = self._signals(index)
        n_samples, length = self.corpus.recipe.n_samples, signals.shape[1]
        if length >= n_samples:
            begin = int(random.integers(length - n_samples + 1))
            return _normalize(signals[:, begin : begin + n_samples])
        placed = np.zeros((len(signals), n_samples))
        begin = int(random.integers(n_samples - length + 1))
        placed[:, begin : begin + length] = signals
        return _normalize(placed)

    def whole(self, index: int) -> Mixture:
        """A mixture in its whole length, as evaluations on this corpus have it."""
        return _normalize(self._signals(index))

    def _signals(self, index: int) -> NDArray[np.float64]:
        mixture = self.mixtures[index]
        paths = [one.path for one in mixture.files]
        return np.stack([self.store[path].astype(np.float64) for path in paths])


def _normalize(signals: NDArray[np.float64]) -> Mixture:
    """Mixture and sources, from a mixture in the first row and its sources below."""
    centred = signals - signals.mean(1, keepdims=True)
    deviation = float(centred[0].std()) or 1.0
    mixture, *sources = (centred / deviation).astype(np.float32)
    return Mixture(mixture, np.stack(sources))
