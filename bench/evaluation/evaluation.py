"""Estimates of every mixture of a test set, scored: by networks, masks, folders or nothing."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from bench.corpora.fixed import FixedMixer
from bench.corpora.manifest import ManifestMixer
from bench.corpora.mixing import Mixture
from bench.errors import UsageError
from bench.evaluation.metric import score_estimates
from bench.measure.contract import check_estimates
from bench.networks.factory import resolve_factory
from bench.registry import SAMPLE_RATE
from bench.results.quality import MixtureScore
from bench.results.record import CellError

REFERENCE_LOADER = "models.checkpoints.reference:load_reference_checkpoint"


class Given(NamedTuple):
    """Some mixtures of a set, as a separator gets them."""

    indices: tuple[int, ...]
    mixture: Tensor  # [batch, 1, time]
    sources: Tensor  # [batch, n_src, time], for those that may look


Separator = Callable[[Given], Tensor]
"""From mixtures to estimates ``[batch, n_src, time]``."""


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


def evaluate(
    separate: Separator, mixtures: EvaluationSet, batch: int, keep: Callable[[Given, Tensor], None]
) -> Iterator[MixtureScore]:
    """The scores of all mixtures; ``keep`` sees the estimates of every batch.

    Raises:
        UsageError: the estimates are not finite, or not as many and as long as the sources.
    """
    for given in mixtures.batches(batch):
        estimates = separate(given)
        check_fit(estimates, given)
        keep(given, estimates)
        scores = score_estimates(estimates, given.mixture, given.sources)
        power = given.sources.double().square().sum(2).clamp_min(1e-12)  # [batch, n_src]
        snr_db = 10 * torch.log10(power[:, 0] / power[:, -1])
        columns = torch.stack([snr_db, *scores], 1).tolist()
        for index, row in zip(given.indices, columns, strict=True):
            yield MixtureScore(index, mixtures.labels[index], *row)


def check_fit(estimates: Tensor, given: Given) -> None:
    """See that estimates can be scored.

    Raises:
        UsageError: another number of sources or samples, NaN or Inf.
    """
    try:
        check_estimates(estimates, given.mixture)
    except CellError as error:
        raise UsageError(f"Mixture {given.indices[0]} or one soon after it: {error}") from error
    if estimates.shape != given.sources.shape:
        raise UsageError(
            f"There are {estimates.shape[1]} estimates for {given.sources.shape[1]} sources. "
            "Choose a network or a corpus with the same number."
        )


def network_separator(model: nn.Module, device: str) -> Separator:
    """A network in evaluation mode on a device."""
    model = model.to(device).eval()

    def separate(given: Given) -> Tensor:
        with torch.inference_mode():
            estimates: Tensor = model(given.mixture.to(device))
        return estimates.cpu()

    return separate


def keep_mixture(given: Given) -> Tensor:
    """The lower line: the mixture as every estimate."""
    return given.mixture.expand_as(given.sources)


def folder_separator(root: Path) -> Separator:
    """Estimates in files: ``<root>/<index, six digits>/estimate<number from 1>.wav``."""

    def separate(given: Given) -> Tensor:
        n_src, n_samples = given.sources.shape[1:]
        folders = [root / f"{index:06d}" for index in given.indices]
        return torch.stack(
            [
                torch.stack(
                    [
                        _read_estimate(folder / f"estimate{k + 1}.wav", n_samples)
                        for k in range(n_src)
                    ]
                )
                for folder in folders
            ]
        )

    return separate


def _read_estimate(path: Path, n_samples: int) -> Tensor:
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UsageError(
            f"{path} can't be read: {error}. Each mixture needs its folder with estimate1.wav and "
            "so on; --listen writes such folders."
        ) from error
    if rate != SAMPLE_RATE:
        raise UsageError(f"{path} has {rate} Hz; estimates need {SAMPLE_RATE} Hz.")
    if len(samples) != n_samples:
        raise UsageError(f"{path} has {len(samples)} samples and its mixture {n_samples}.")
    return torch.from_numpy(samples[:, 0])


def write_listening_files(root: Path, given: Given, estimates: Tensor, n_mixtures: int) -> None:
    """The first mixtures, their sources and estimates as 32-bit WAV files, a folder for each.

    Samples are as the networks have them (a deviation of one), so players should turn down.

    Raises:
        UsageError: a file can't be written.
    """
    for row, index in enumerate(given.indices):
        if index >= n_mixtures:
            return
        signals = {"mixture": given.mixture[row, 0]}
        signals |= {f"source{k + 1}": one for k, one in enumerate(given.sources[row])}
        signals |= {f"estimate{k + 1}": one for k, one in enumerate(estimates[row])}
        _write_signals(root / f"{index:06d}", signals)


def _write_signals(folder: Path, signals: dict[str, Tensor]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, signal in signals.items():
            soundfile.write(
                str(folder / f"{name}.wav"), signal.numpy(), SAMPLE_RATE, subtype="FLOAT"
            )
    except (soundfile.LibsndfileError, OSError) as error:
        raise UsageError(f"Listening files can't be written to {folder}: {error}.") from error


def load_reference(path: Path) -> nn.Module:
    """A network with the authors' weights (``models/checkpoints/reference.py``).

    Raises:
        UsageError: the file is none of theirs; the reader's own sentence.
    """
    try:
        load: Callable[[Path], nn.Module] = resolve_factory(REFERENCE_LOADER)  # type: ignore[assignment]
        return load(path)
    except (CellError, ValueError, OSError) as error:
        raise UsageError(f"The weights in {path} can't be used: {error}") from error
