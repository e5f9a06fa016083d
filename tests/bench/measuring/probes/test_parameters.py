"""Counts worked out by hand, on networks with all that can be counted wrongly."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bench.measuring.probes.parameters import count_parameters, measure
from bench.results.measurements import ParameterCount
from tests.bench.example_records import make_job

BYTES = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}


class Shared(nn.Module):
    """One matrix used twice, one parameter not trained, and buffers of other types."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 5)
        self.second = nn.Linear(3, 5)
        self.second.weight = self.first.weight
        self.fixed = nn.Parameter(torch.zeros(7), requires_grad=False)
        self.register_buffer("window", torch.zeros(11))
        self.register_buffer("steps", torch.zeros(2, dtype=torch.int64))

    def forward(self, mixture: Tensor) -> Tensor:
        return mixture


def test_shared_fixed_and_buffers() -> None:
    assert count_parameters(Shared()) == ParameterCount(
        n_params=15 + 5 + 5 + 7,
        n_trainable_params=15 + 5 + 5,
        n_buffer_elements=13,
        weight_bytes=4 * (32 + 11) + 8 * 2,
    )


@pytest.mark.parametrize(
    ("layer", "n_params"),
    [
        (nn.Identity(), 0),
        (nn.Conv1d(4, 6, 3), 6 * 4 * 3 + 6),
        (nn.Conv1d(4, 8, 3, groups=4, bias=False), 8 * 1 * 3),
        (nn.ConvTranspose1d(4, 6, 5), 4 * 6 * 5 + 6),
        (nn.LSTM(3, 5, num_layers=2, bidirectional=True), 2 * 20 * (3 + 5 + 2 + 10 + 5 + 2)),
        (nn.GroupNorm(1, 9), 18),
        (nn.PReLU(), 1),
    ],
)
def test_layers(layer: nn.Module, n_params: int) -> None:
    assert count_parameters(layer).n_params == n_params


@pytest.mark.parametrize("dtype", BYTES)
def test_weights_are_measured_in_the_workloads_dtype(dtype: str) -> None:
    counts = measure(Shared, make_job(dtype=dtype).workload, 0.0)
    assert counts.n_params == 32
    assert counts.weight_bytes == BYTES[dtype] * (32 + 11) + 8 * 2


def test_nothing_is_allocated_to_count() -> None:
    """A petabyte of weights is counted like any other."""
    workload = replace(make_job().workload, dtype="float32")
    counts = measure(lambda: nn.Linear(2**24, 2**24, bias=False), workload, 0.0)
    assert counts.weight_bytes == 2**50
