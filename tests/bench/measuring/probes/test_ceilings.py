"""The probe on real networks: what a forward asks for, by closed formulas, and what is timed."""

from dataclasses import replace
from itertools import count

import pytest
import torch
from torch import Tensor, nn

from bench.measuring.probes import ceilings as probe
from bench.measuring.probes.ceilings import (
    LEAST_PASSES,
    LEAST_RUN_S,
    MOST_PASSES,
    RepeatedWork,
    measure,
    prepare_products,
    time_in_passes,
)
from bench.measuring.repetition import Sample
from bench.measuring.step import Run
from bench.measuring.stopwatch import CallTiming
from bench.results.ceilings import ProductShape
from bench.results.record import CellError, Status
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig
from tests.bench.measuring.clock import QUIET
from tests.bench.measuring.profiling.networks import N_SAMPLES, WIDTH, Chain, workload

FLOAT = 4  # bytes


class PointWise(nn.Module):
    """One convolution of one tap, without a bias: ``[batch, 1, time] -> [batch, 2, time]``."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 2, 1, bias=False)

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = self.layer(mixture)
        return estimates


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less work: nothing here looks at how long it takes."""
    monkeypatch.setattr(probe, "DATA_BYTES", (1 << 12, 1 << 14))
    monkeypatch.setattr(probe, "LEAST_RUN_S", 0.0)
    monkeypatch.setattr(probe, "PEAK_DTYPES", ("float32",))


def test_a_point_wise_convolution_has_the_intensity_of_its_formula() -> None:
    found = measure(PointWise, workload("inference"), 0.0)
    n, n_weights = N_SAMPLES, 2
    assert found.macs == n_weights * n
    assert found.bytes_moved == FLOAT * (n + n_weights + 2 * n)
    assert found.compulsory_bytes == FLOAT * (n + n_weights + 2 * n)
    (product,) = found.products
    assert (product.shape, product.calls) == (ProductShape(2, 1, n), 1)
    assert found.other_macs == 0


def test_equal_layers_are_one_shape() -> None:
    found = measure(Chain, workload("inference"), 0.0)
    calls = {product.shape: product.calls for product in found.products}
    assert calls == {
        ProductShape(WIDTH, 1, N_SAMPLES): 1,
        ProductShape(WIDTH, WIDTH, N_SAMPLES): 3,
        ProductShape(2, WIDTH, N_SAMPLES): 1,
    }


def test_a_network_is_counted_in_the_form_in_which_it_runs() -> None:
    """SuDoRM-RF folds its mask head into one product; depth-wise convolutions are in none."""
    config = SuDoRMRFConfig(n_blocks=2, n_filters=16, bn_chan=8, hid_chan=32)
    asked = workload("inference", 2000)
    found = measure(lambda: SuDoRMRF(config), asked, 0.0)
    on_data = probe.count_demand(lambda: SuDoRMRF(config), asked, "cpu")
    assert found.macs == on_data.macs
    assert {product.shape: product.calls for product in found.products} == on_data.calls
    assert 0 < found.other_macs < found.macs / 2


def test_every_part_has_as_many_runs_and_the_floor_is_above_zero() -> None:
    found = measure(Chain, workload("inference"), 0.0)
    times = [one.times for one in found.products] + [one.times for one in found.peaks]
    times += [one.times for one in found.bandwidths]
    assert {len(one.walls_s) for one in times} == {LEAST_PASSES}
    assert found.floor_s == max(found.products_s, found.compulsory_s) > 0


def test_a_training_step_is_refused() -> None:
    with pytest.raises(CellError, match="inference on the CPU") as refusal:
        measure(Chain, workload("update"), 0.0)
    assert refusal.value.status == Status.UNSUPPORTED


@pytest.mark.parametrize("dtype", ["bfloat16", "amp-bfloat16"])
def test_a_dtype_that_the_processor_lacks_is_refused(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "has_bfloat16", lambda: False)
    with pytest.raises(CellError, match="no instructions for bfloat16") as refusal:
        measure(Chain, replace(workload("inference"), dtype=dtype), 0.0)
    assert refusal.value.status == Status.UNSUPPORTED


@pytest.mark.parametrize("groups", [1, 3])
def test_what_is_timed_is_the_product_of_that_shape(groups: int) -> None:
    shapes = ProductShape(2, 5, 7, groups), ProductShape(4, 3, 2, groups)
    works = prepare_products(shapes, torch.float32)
    for shape in shapes:
        result = works[shape]()
        expected = (shape.m, shape.n) if groups == 1 else (groups, shape.m, shape.n)
        assert result.shape == expected
        assert 0 < float(result.mean()) < shape.k  # factors lie between 0 and 1


def test_work_is_repeated_until_a_run_is_long_and_passes_end_with_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe, "LEAST_RUN_S", LEAST_RUN_S)
    short, long = (RepeatedWork(lambda: torch.empty(0)) for _ in range(2))
    calls_s = {id(short): LEAST_RUN_S / 10, id(long): 1.0}

    def sample(run: Run) -> Sample:
        work = getattr(run, "__self__")  # noqa: B009
        wall_s = work.repeats * calls_s[id(work)]
        return Sample(CallTiming(wall_s, (), wall_s), QUIET, 0)

    clock = count()
    time_in_passes((short, long), sample, 1e9, lambda: float(next(clock)))
    assert (short.repeats, long.repeats) == (10, 1)
    assert len(short.samples) == len(long.samples) == MOST_PASSES
    assert short.times.call_s == pytest.approx(LEAST_RUN_S / 10)
    time_in_passes((short, long), sample, 4.5, lambda: float(next(clock)))
    assert len(short.samples) == MOST_PASSES + LEAST_PASSES + 4
