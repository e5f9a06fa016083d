"""Mixtures as batches of tensors, this process's share of them, drawn while a step runs."""

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.corpora.audio import Advance, AudioStore
from bench.corpora.corpus import Corpus, FixedCorpus
from bench.corpora.fixed import FixedMixer
from bench.corpora.mixing import Mixer, Mixture
from bench.corpora.readers import open_mixer
from bench.errors import UsageError
from bench.training.augmentation import Augmented, samples_to_draw
from bench.training.drawer import Drawer
from bench.training.parallel import Group, share_of_batch
from bench.training.settings import TrainingSettings

VALIDATION_SEED = 0
READ_AHEAD = 4  # batches


class Batch(NamedTuple):
    """Mixtures ``[batch, 1, time]`` with their sources ``[batch, n_src, time]``."""

    mixture: Tensor
    sources: Tensor


class Prepared(NamedTuple):
    """Mixtures, and what is known of the files that they are made of."""

    mixtures: "Mixtures"
    digest: str  # of the usable recordings: equal for equal corpora
    n_recordings: int
    left_out: tuple[str, ...]  # why each of the others can't be used


class Mixtures:
    """The training's batches and its validation mixtures, from one source of mixtures for each.

    Raises:
        UsageError: the processes can't have equal shares of a batch.
    """

    def __init__(
        self, training: Drawer, validation: Drawer, settings: TrainingSettings, group: Group
    ) -> None:
        self.training, self.validating = training, validation
        self.settings, self.group = settings, group
        self.share = share_of_batch(settings.batch, group)

    def train(self, epoch: int, first_batch: int) -> Iterator[Batch]:
        """The batches of an epoch from one on; drawn a few ahead by a thread."""
        batch = self.settings.batch

        def load(number: int) -> Batch:
            indices = range(number * batch, (number + 1) * batch)[self.share]
            return stack(self.training.draw(epoch, index) for index in indices)

        numbers = iter(range(first_batch, self.settings.steps_per_epoch))
        with ThreadPoolExecutor(1) as loader:
            ahead = [loader.submit(load, number) for number in islice(numbers, READ_AHEAD)]
            while ahead:
                yield ahead.pop(0).result()
                ahead += [loader.submit(load, number) for number in islice(numbers, 1)]

    @property
    def validated_at_once(self) -> int:
        """Mixtures of one round of a validation, over all processes."""
        return self.settings.batch * self.group.size

    def validation(self) -> Iterator[Batch | None]:
        """As many rounds in every process; None in those with nothing left."""
        n_mixtures, batch = self.settings.n_validation, self.settings.batch
        for first in range(0, n_mixtures, self.validated_at_once):
            start = first + self.group.rank * batch
            indices = range(start, min(start + batch, n_mixtures))
            yield stack(self.validating.draw(0, index) for index in indices) if indices else None


def open_mixtures(
    corpus: Corpus | FixedCorpus,
    settings: TrainingSettings,
    group: Group,
    cache: Path | None,
    skip_bad: bool,
    advance: Advance,
) -> Prepared:
    """Training mixtures as long as the settings say, validation mixtures as long as the corpus.

    The recordings of the test split are decoded too: an evaluation after days of training should
    not find one that can't be.

    Raises:
        UsageError: the recordings can't be used, their ready mixtures are too few or of another
            number of sources, or the processes can't share a batch.
    """
    if isinstance(corpus, FixedCorpus) and corpus.recipe.n_src != settings.n_src:
        raise UsageError(
            f"The corpus in {corpus.root} is {corpus.name}, with ready mixtures of "
            f"{corpus.recipe.n_src} sources. Leave --n-src {settings.n_src} out, or name a corpus "
            "of recordings."
        )
    corpus = replace(corpus, recipe=replace(corpus.recipe, n_src=settings.n_src))
    length = samples_to_draw(settings.n_samples) if settings.augment else settings.n_samples
    short = replace(corpus, recipe=replace(corpus.recipe, n_samples=length))
    open_split = partial(open_mixer, cache=cache, skip_bad=skip_bad, advance=advance)
    training = open_split(short, "train", settings.seed)
    validation = open_split(corpus, "val", VALIDATION_SEED)
    bad = [*training.store.bad, *validation.store.bad]
    if tested := corpus.files("test"):
        test = AudioStore(corpus.root, tested, cache, skip_bad=skip_bad, advance=advance)
        bad += test.bad
    if isinstance(validation, FixedMixer) and len(validation.mixtures) < settings.n_validation:
        raise UsageError(
            f"--validation {settings.n_validation}: the corpus in {corpus.root} has "
            f"{len(validation.mixtures)} mixtures of validation. Ask for no more."
        )
    drawn: Drawer = training
    if settings.augment:
        drawn = Augmented(training, settings.n_samples, settings.seed)
    return Prepared(
        Mixtures(drawn, validation, settings, group),
        digest_recordings(training, validation),
        len(training.recordings) + len(validation.recordings),
        tuple(bad),
    )


def digest_recordings(*mixers: Mixer | FixedMixer) -> str:
    """A hash of the recordings' names, labels, splits and lengths."""
    digest = hashlib.sha256()
    for mixer in mixers:
        for one in sorted(mixer.recordings, key=lambda one: one.path):
            length = mixer.store.length(one.path)
            digest.update(f"{one.path}\t{one.label}\t{one.split}\t{length}\n".encode())
    return digest.hexdigest()[:16]


def stack(mixtures: Iterable[Mixture]) -> Batch:
    """One batch of several mixtures of equal length."""
    drawn = list(mixtures)
    return Batch(
        torch.from_numpy(np.stack([one.mixture for one in drawn])).unsqueeze(1),
        torch.from_numpy(np.stack([one.sources for one in drawn])),
    )
