"""Memory told before it is measured, held to real networks in real processes."""

from dataclasses import replace

import psutil
import pytest
import torch
from torch import Tensor, nn

from bench.forecasting import foretell
from bench.grid import GridCell
from bench.measuring.isolate import run_jobs
from bench.measuring.probes import forecast
from bench.results.forecast import MemoryForecast
from bench.results.measurements import MemoryPeaks
from bench.results.record import CellError, Status
from bench.results.workload import Phase, Workload
from tests.bench.example_records import ENVIRONMENT

WORK = Workload("inference", "cpu", 8000, 1, "float32", 1, 0)
WITHIN = 0.10


class Wide(nn.Module):
    """Two convolutions with 64 channels between them, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 64, 1, bias=False)
        self.last = nn.Conv1d(64, 2, 1, bias=False)

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.last(self.first(mixture))
        return estimates


class Reader(Wide):
    """Looks at a value, which the meta device does not have."""

    def forward(self, mixture: Tensor) -> Tensor:
        return super().forward(mixture) * float(mixture.sum())


@pytest.mark.parametrize("n_samples", [1000, 8000])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_minimum_is_the_widest_place_and_the_weights(n_samples: int, batch: int) -> None:
    """float32: the hidden features meet the mixture or the estimates, whichever is larger."""
    work = replace(WORK, n_samples=n_samples, batch=batch)
    found = forecast.measure(Wide, work, 0.0)
    # The estimates are compared with the mixture by nobody here, so that it is let go or kept.
    widest = 4 * batch * n_samples * (64 + 2)
    weights = 4 * (64 + 2 * 64)
    assert weights + widest <= found.minimum_bytes <= weights + widest + 4 * batch * n_samples
    assert found.allocated_bytes == found.minimum_bytes
    assert found.n_smaller == 0
    assert found.process_bytes > found.minimum_bytes + 10_000_000  # an interpreter with torch
    assert 0 < found.available_bytes <= psutil.virtual_memory().total


def test_nothing_is_computed() -> None:
    """A batch of 1000 mixtures takes no time, and no memory but that of the mixtures."""
    found = forecast.measure(Wide, replace(WORK, n_samples=8000, batch=1000), 0.0)
    assert found.minimum_bytes > 4 * 66 * 8000 * 1000


def test_a_network_that_needs_data_is_not_run() -> None:
    with pytest.raises(CellError, match="needs data") as error:
        forecast.measure(Reader, WORK, 0.0)
    assert error.value.status == Status.UNSUPPORTED


def test_on_a_gpu_its_own_memory_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (7_000, 9_000))
    work = replace(WORK, phase="gpu_inference", device="cuda")
    found = forecast.measure(Wide, work, 0.0)
    assert found.available_bytes == 7_000
    assert found.process_bytes == found.minimum_bytes + forecast.CUDA_CONTEXT_BYTES


@pytest.mark.parametrize(
    ("factory", "phase", "lengths"),
    [
        ("models.sudormrf:sudormrf_0_25x", "inference", (8000, 16000, 32000)),
        pytest.param(
            "models.sudormrf:sudormrf_0_25x",
            "update",
            (4000, 8000, 16000),
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_at_doubled_length_both_peaks_are_told_within_a_tenth(
    factory: str, phase: Phase, lengths: tuple[int, ...]
) -> None:
    jobs = [
        GridCell("own", factory, None, replace(WORK, phase=phase, n_samples=n_samples)).job(probe)
        for probe in ("forecast", "memory")
        for n_samples in lengths
    ]
    records = list(run_jobs(jobs, ENVIRONMENT))
    assert [record.reason for record in records] == [""] * 6
    walks, measured = records[:3], records[3:]
    forecasts = [foretell(walk, measured[:n_smaller]) for n_smaller, walk in enumerate(walks)]
    for told, found in zip(forecasts, measured, strict=True):
        assert isinstance(told.result, MemoryForecast)
        assert isinstance(found.result, MemoryPeaks)
        peaks = found.result
        assert told.result.minimum_bytes == peaks.minimum_bytes
        if told.result.n_smaller:
            assert told.result.allocated_bytes == pytest.approx(
                peaks.peak_allocated_bytes, rel=WITHIN
            )
            assert told.result.process_bytes == pytest.approx(peaks.peak_rss_bytes, rel=WITHIN)
