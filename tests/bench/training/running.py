"""Whole trainings of the tiny network, and what is compared of them."""

from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.results.training import TrainingLine
from bench.training.folder import TrainingFolder
from bench.training.loop import run_training
from bench.training.training import Training
from tests.bench import tiny_corpora as tiny
from tests.bench.tiny_corpora import mixtures


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


def assert_equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def run(one: Training, folder: Path, save_s: float = 1e9) -> Training:
    folder.mkdir(exist_ok=True)
    run_training(one, mixtures(one.settings), TrainingFolder(folder), (), save_s)
    return one


def without_time(lines: tuple[TrainingLine, ...]) -> list[dict[str, object]]:
    return [asdict(replace(line, wall_s=0, cpu_s=0, energy_j=None)) for line in lines]


def other_masker() -> nn.Module:
    """As in another process, with other weights and random numbers."""
    torch.manual_seed(99)
    return tiny.Masker()
