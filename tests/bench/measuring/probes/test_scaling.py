import pytest
import torch
from torch import Tensor, nn

from bench.measuring.probes import scaling
from bench.results.record import CellError, Status
from bench.results.workload import Workload
from tests import fault_models

FORWARD = Workload("inference", "cpu", 8000, 1, "float32", 1, 0)


class Padded(nn.Module):
    """A fixed part of 100 zeros, and three multiply-adds a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 3, 1)

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.layer(nn.functional.pad(mixture, (0, 100)))
        return estimates[..., : mixture.shape[-1]]


class Peeking(Padded):
    """The same, and it reads a value, which a tensor without data does not have."""

    def forward(self, mixture: Tensor) -> Tensor:
        assert mixture.abs().max().item() > 0
        return super().forward(mixture)


class Quadratic(nn.Module):
    """Every sample meets every sample."""

    def forward(self, mixture: Tensor) -> Tensor:
        return torch.matmul(mixture.transpose(1, 2) @ mixture, mixture.transpose(1, 2)).transpose(
            1, 2
        )


def test_a_line_is_found_exactly() -> None:
    measured = scaling.measure(Padded, FORWARD, 0.0)
    assert measured.fixed_macs == 300
    assert measured.macs_per_sample == 3
    assert measured.is_on_a_line
    assert measured.error_at_checked == 0
    assert measured.batch_ratio == 4


def test_a_network_that_needs_data_has_the_same_line() -> None:
    assert scaling.measure(Peeking, FORWARD, 0.0) == scaling.measure(Padded, FORWARD, 0.0)


def test_what_is_no_line_says_so() -> None:
    measured = scaling.measure(Quadratic, FORWARD, 0.0)
    assert not measured.is_on_a_line
    assert measured.error_at_checked < -0.5


@pytest.mark.parametrize(("fixed", "slope"), [(0, 1), (-5, 3), (10**9, 12345)])
def test_fit_recovers_a_line(fixed: int, slope: int) -> None:
    lengths = (8000, 16000, 24000)
    counts = tuple(fixed + slope * length for length in lengths)
    assert scaling.fit_line(lengths, counts) == (fixed, slope)


def test_a_network_without_multiply_adds_does_not_grow() -> None:
    with pytest.raises(CellError, match="no multiply-adds") as refused:
        scaling.measure(fault_models.null, FORWARD, 0.0)
    assert refused.value.status == Status.UNSUPPORTED
