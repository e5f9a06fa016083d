"""What separators are evaluated on: mixtures of a manifest, or the ready ones of a corpus."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.corpora.corpus import Corpus, FixedCorpus, Split, Task
from bench.corpora.fixed import FixedMixer
from bench.corpora.manifest import (
    DEFAULT_N_MIXTURES,
    ManifestMixer,
    load_or_draw_manifest,
    read_manifest,
)
from bench.corpora.mixing import Mixer, Mixture
from bench.corpora.readers import read_corpus
from bench.errors import UsageError
from bench.evaluation.options import MixtureRequest

DEFAULT_N_SRC = 2


class Given(NamedTuple):
    """Some mixtures of a set, as a separator gets them."""

    indices: tuple[int, ...]
    mixture: Tensor  # [batch, 1, time]
    sources: Tensor  # [batch, n_src, time], for those that may look


class EvaluationSet:
    """The mixtures of a manifest, or the ready ones of a corpus, in their order."""

    def __init__(self, mixer: ManifestMixer | FixedMixer, n_mixtures: int | None = None) -> None:
        self.mixer = mixer
        if isinstance(mixer, ManifestMixer):
            self.labels = [
                tuple(part.label for part in plan.parts) for plan in mixer.manifest.plans
            ]
        else:
            self.labels = [tuple(one.label for one in mix.sources) for mix in mixer.mixtures]
        self.labels = self.labels[:n_mixtures]

    @property
    def n_src(self) -> int:
        """Sources of each mixture."""
        return len(self.labels[0])

    @property
    def digest(self) -> str:
        """Equal for equal mixtures; of ready ones, for equal names."""
        if isinstance(self.mixer, ManifestMixer):
            return self.mixer.manifest.digest
        names = "\n".join(mix.name for mix in self.mixer.mixtures[: len(self)])
        return hashlib.sha256(names.encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.labels)

    def load(self, index: int) -> Mixture:
        """One mixture, in its whole length."""
        if isinstance(self.mixer, ManifestMixer):
            return self.mixer.draw(0, index)
        return self.mixer.whole(index)

    def batches(self, batch: int) -> Iterator[Given]:
        """All mixtures; those that differ in length one by one."""
        size = batch if isinstance(self.mixer, ManifestMixer) else 1
        for first in range(0, len(self), size):
            indices = tuple(range(first, min(first + size, len(self))))
            loaded = [self.load(index) for index in indices]
            mixture = np.stack([one.mixture for one in loaded])
            sources = np.stack([one.sources for one in loaded])
            yield Given(indices, torch.from_numpy(mixture)[:, None], torch.from_numpy(sources))


@dataclass(frozen=True)
class Material:
    """Mixtures, and what they are of."""

    mixtures: EvaluationSet
    corpus: str
    task: Task
    split: Split
    seed: int
    leaks: frozenset[str]  # labels that are known to stand on both sides of a split
    left_out: tuple[str, ...]  # of files that can't be used, a sentence each

    @property
    def stem(self) -> str:
        """How files about it begin."""
        mixtures = self.mixtures
        return name_set(self.corpus, self.split, self.seed, len(mixtures), mixtures.n_src)


def name_set(corpus: str, split: Split, seed: int, n_mixtures: int, n_src: int) -> str:
    """A set of mixtures in a file's name; two sources go without saying."""
    name = f"{corpus}-{split}-{seed}-{n_mixtures}"
    return name if n_src == DEFAULT_N_SRC else f"{name}-{n_src}src"


def open_material(request: MixtureRequest) -> Material:
    """The mixtures that were asked for: of a manifest, or ready ones of a corpus.

    A manifest that is not there is drawn and written.

    Raises:
        UsageError: the corpus, its audio or the manifest can't be used, or is not as asked for.
    """
    corpus = read_corpus(request.corpus, request.task)
    if isinstance(corpus, Corpus):
        return _draw(request, corpus)
    return _take(request, corpus)


def _take(request: MixtureRequest, corpus: FixedCorpus) -> Material:
    for option, given in (("--seed", request.seed), ("--manifest", request.manifest)):
        if given is not None:
            raise UsageError(
                f"{option} {given}: the mixtures of {corpus.name} are ready, and none is drawn. "
                f"Leave {option} out."
            )
    mixer = FixedMixer(corpus, request.split, cache=request.cache, skip_bad=request.skip_bad)
    if not mixer.mixtures:
        raise UsageError(f"None of the mixtures of {corpus.name}, {request.split}, can be used.")
    if (request.n_mixtures or 0) > len(mixer.mixtures):
        raise UsageError(
            f"--mixtures {request.n_mixtures}: {corpus.name} has {len(mixer.mixtures)} mixtures "
            f"of the split '{request.split}' that can be used. Ask for fewer."
        )
    mixtures = EvaluationSet(mixer, request.n_mixtures)
    if request.n_src not in (None, mixtures.n_src):
        raise UsageError(
            f"--n-src {request.n_src}: the mixtures of {corpus.name} have {mixtures.n_src} "
            "sources. Leave --n-src out, or name another corpus."
        )
    no_labels: frozenset[str] = frozenset()
    about = corpus.name, corpus.task, request.split, 0, no_labels
    return Material(mixtures, *about, tuple(mixer.store.bad))


def _draw(request: MixtureRequest, corpus: Corpus) -> Material:
    n_mixtures, n_src, seed = DEFAULT_N_MIXTURES, DEFAULT_N_SRC, 0
    if request.manifest and request.manifest.exists():
        there = read_manifest(request.manifest)
        n_mixtures, n_src, seed = len(there.plans), there.n_src, there.seed
    n_mixtures = n_mixtures if request.n_mixtures is None else request.n_mixtures
    n_src = n_src if request.n_src is None else request.n_src
    seed = seed if request.seed is None else request.seed
    corpus = replace(corpus, recipe=replace(corpus.recipe, n_src=n_src))
    mixer = Mixer(corpus, request.split, seed, cache=request.cache, skip_bad=request.skip_bad)
    name = name_set(corpus.name, request.split, seed, n_mixtures, n_src)
    path = request.manifest or request.manifests / f"{name}.jsonl"
    manifest = load_or_draw_manifest(mixer, request.split, n_mixtures, path)
    mixtures = EvaluationSet(
        ManifestMixer(manifest, corpus, cache=request.cache, skip_bad=request.skip_bad)
    )
    about = corpus.name, corpus.task, request.split, seed, corpus.leaks
    return Material(mixtures, *about, tuple(mixer.store.bad))
