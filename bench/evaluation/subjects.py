"""What is evaluated: networks, estimates in files, the ideal mask, the mixture itself."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
import torch
from torch import Tensor

from bench.errors import UsageError
from bench.evaluation.consistency import prescribed_consistency, project_on_mixture
from bench.evaluation.mixtures import EvaluationSet, Given
from bench.evaluation.oracle import separate_ideally
from bench.networks.device import choose_device
from bench.networks.trained import load_trained
from bench.registry import SAMPLE_RATE
from bench.results.quality import Kind

Separator = Callable[[Given], Tensor]
"""From mixtures to estimates ``[batch, n_src, time]``."""


@dataclass(frozen=True)
class Subject:
    """A separator and what is known of it."""

    name: str
    kind: Kind
    separate: Separator
    digest: str | None = None  # of the weights, or of a folder's path
    training: Mapping[str, Any] | None = None


IDEAL_MASK = Subject(
    "ideal ratio mask", "oracle", lambda given: separate_ideally(given.mixture, given.sources)
)
"""The upper bound of masking."""

MIXTURE = Subject("mixture", "mixture", lambda given: given.mixture.expand_as(given.sources))
"""The lower bound: the mixture as every estimate."""


def trained_network(path: Path, own_factory: str | None, device: str) -> Subject:
    """The network of a file of weights (``bench.networks.trained``).

    Its estimates add up to the mixture where it was trained so; a gain would change no score.

    Raises:
        UsageError: it can't be used, or there is no such device.
    """
    place = choose_device(device)
    trained = load_trained(path, own_factory)
    model = trained.model.to(place)
    adds_up = prescribed_consistency(model) == "mixture"

    def separate(given: Given) -> Tensor:
        with torch.inference_mode():
            estimates: Tensor = model(given.mixture.to(place)).cpu()
        if adds_up:
            mixtures = given.mixture[:, 0].numpy()
            return torch.from_numpy(project_on_mixture(estimates.numpy(), mixtures))
        return estimates

    kind: Kind = "reference" if trained.is_published else "network"
    return Subject(trained.name, kind, separate, trained.digest, dict(trained.metadata) or None)


def stored_estimates(root: Path) -> Subject:
    """Estimates in files: ``<root>/<index, six digits>/estimate<number from 1>.wav``.

    Raises:
        UsageError: there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"There is no folder {root}.")

    def separate(given: Given) -> Tensor:
        n_src, n_samples = given.sources.shape[1:]
        return torch.stack(
            [
                torch.stack([_read(path, n_samples) for path in _paths(root, index, n_src)])
                for index in given.indices
            ]
        )

    digest = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    return Subject(root.resolve().name, "estimates", separate, digest)


def check_files(root: Path, mixtures: EvaluationSet) -> None:
    """See that a folder has an estimate of every source.

    Raises:
        UsageError: how many are missing, and which is the first.
    """
    expected = [path for n in range(len(mixtures)) for path in _paths(root, n, mixtures.n_src)]
    missing = [path for path in expected if not path.is_file()]
    if missing:
        raise UsageError(
            f"{len(missing)} of {len(expected)} estimates are missing, the first is {missing[0]}. "
            f"Each mixture needs its folder with estimate1.wav to estimate{mixtures.n_src}.wav; "
            "--listen writes such folders, and --mixtures N evaluates the first N."
        )


def _paths(root: Path, index: int, n_src: int) -> list[Path]:
    return [root / f"{index:06d}" / f"estimate{number}.wav" for number in range(1, n_src + 1)]


def _read(path: Path, n_samples: int) -> Tensor:
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UsageError(f"{path} can't be read: {error}.") from error
    if rate != SAMPLE_RATE:
        raise UsageError(f"{path} has {rate} Hz; estimates need {SAMPLE_RATE} Hz.")
    if len(samples) != n_samples:
        raise UsageError(f"{path} has {len(samples)} samples and its mixture {n_samples}.")
    return torch.from_numpy(samples[:, 0])
