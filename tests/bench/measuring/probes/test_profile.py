"""The probe on real steps: what its parts add up to, and a peak that is known by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bench.counting.counter import OperationCounter
from bench.measuring.counted_step import count_step
from bench.measuring.memory.peaks import measure_peak_held
from bench.measuring.probes import profile as probe
from bench.measuring.probes.profile import follow_step, measure
from bench.measuring.profiling.ledger import add_up_times
from bench.measuring.profiling.markers import profile_step
from bench.measuring.profiling.rows import make_rows
from bench.measuring.profiling.spans import PART, Span, read_step
from bench.measuring.profiling.trace import parts_of, trace_step
from bench.render.tables.profile import render_time
from bench.results.profile import MemoryTimeline, Profile
from bench.results.record import CellError, Status
from bench.results.workload import Phase
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig
from tests.bench.measuring.profiling.networks import N_SAMPLES, Chain, warm_step, workload

BIG = 1 << 16
"""Samples: an operator takes so long that what lies between two is nothing."""


def recurrent() -> nn.Module:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(1, 8, num_layers=2, bidirectional=True, batch_first=True)
            self.out = nn.Linear(16, 2)

        def forward(self, mixture: Tensor) -> Tensor:
            hidden, _ = self.lstm(mixture.transpose(1, 2))
            estimates: Tensor = self.out(hidden).transpose(1, 2)
            return estimates

    return Recurrent()


def transposed_linear() -> nn.Module:
    """A linear layer of three axes that are not contiguous: a product chosen by torch."""

    class Transposed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Conv1d(1, 6, 1)
            self.linear = nn.Linear(6, 2)

        def forward(self, mixture: Tensor) -> Tensor:
            estimates: Tensor = self.linear(self.encoder(mixture).transpose(1, 2))
            return estimates.transpose(1, 2)

    return Transposed()


def small_sudormrf() -> nn.Module:
    return SuDoRMRF(SuDoRMRFConfig(n_blocks=2, n_filters=32, bn_chan=16, hid_chan=24))


def attention() -> nn.Module:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Conv1d(1, 16, 8, stride=8)
            self.layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True)
            self.decoder = nn.ConvTranspose1d(16, 2, 8, stride=8)

        def forward(self, mixture: Tensor) -> Tensor:
            frames = self.layer(self.encoder(mixture).transpose(1, 2))
            estimates: Tensor = self.decoder(frames.transpose(1, 2))
            return estimates

    return Attention()


NETWORKS = [Chain, recurrent, transposed_linear, small_sudormrf, attention]
PHASES: list[Phase] = ["inference", "update"]


def profiled(
    phase: Phase, build: Callable[[], nn.Module] = Chain, n_samples: int = N_SAMPLES
) -> Profile:
    torch.manual_seed(0)
    return measure(build, workload(phase, n_samples), budget_s=0.0)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("build", NETWORKS, ids=lambda build: build.__name__)
def test_the_parts_add_up(build: Callable[[], nn.Module], phase: Phase) -> None:
    """Operations to the trace's total, memory to the allocator's peak, times to less than all."""
    found = profiled(phase, build)
    assert found.memory.peak_bytes == found.peak_allocated_bytes > 0
    assert found.macs == sum(run.tally.macs for run in trace_step(warm_step(build(), phase)).runs)
    defined = count_step(build, workload(phase), "meta")
    assert (found.defined_macs, found.defined_flops) == (defined.macs, defined.flops)
    for number, whole_s in enumerate(found.profiled_times_s):
        assert 0 < found.attributed_s(number) <= whole_s


@pytest.mark.parametrize("phase", PHASES)
def test_times_add_up_to_those_of_the_steps_parts(phase: Phase) -> None:
    """To the nanosecond. What is left of a step are the marks between its parts."""
    step = warm_step(small_sudormrf(), phase)
    trace = trace_step(step)
    span = read_step(profile_step(step, lambda run: run()), "cpu")
    parts = [one for one in span.inside if isinstance(one, Span)]
    assert [one.name.removeprefix(PART) for one in parts] == list(parts_of(step))
    total_ns = sum(one.end_ns - one.start_ns for one in parts)
    seconds = add_up_times(trace, span, on_device=False)
    assert round(1e9 * sum(seconds.values())) == total_ns


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("build", [Chain, recurrent, small_sudormrf])
def test_operations_are_the_counters(build: Callable[[], nn.Module], phase: Phase) -> None:
    step = warm_step(build(), phase)
    with OperationCounter() as counter:
        step.run()
    found = profiled(phase, build)
    assert (found.macs, found.flops) == (counter.macs, counter.flops)


class Inverting(nn.Module):
    """Multiplies by the inverse of a matrix, for which there is no formula."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Conv1d(1, 2, 1)
        self.register_buffer("mixing", torch.eye(2))

    def forward(self, mixture: Tensor) -> Tensor:
        estimates: Tensor = torch.linalg.inv_ex(self.mixing).inverse @ self.spread(mixture)
        return estimates


def test_an_operator_without_a_formula_is_named() -> None:
    found = profiled("inference", Inverting)
    assert {row.place.operator for row in found.rows if row.kind == "unknown"} == {"linalg_inv_ex"}
    text = "".join(render_time(found, depth=3))
    assert "No formula covers linalg_inv_ex: what they do is in no count." in text


def test_attention_as_one_operator_is_counted() -> None:
    found = profiled("inference", attention)
    assert not {row.place.operator for row in found.rows if row.kind == "unknown"}
    assert found.macs == found.defined_macs


def timeline(model: nn.Module, phase: Phase, n_samples: int) -> MemoryTimeline:
    step = warm_step(model, phase, n_samples)
    trace = trace_step(step)
    _, of_runs = make_rows(trace, [])
    memory = follow_step(step, trace, of_runs)
    assert memory.peak_bytes == measure_peak_held(step)
    return memory


class Widths(nn.Module):
    """Three layers of known widths: 1 -> 3 -> 5 -> 2 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(n_in, n_out, bias=False) for n_in, n_out in ((1, 3), (3, 5), (5, 2))
        )

    def forward(self, mixture: Tensor) -> Tensor:
        features = mixture.transpose(1, 2)
        for layer in self.layers:
            features = layer(features).tanh_()
        return features.transpose(1, 2).contiguous()


def test_what_is_alive_at_the_peak_of_a_chain_is_known_by_hand() -> None:
    """In inference, at the second layer: what it reads (3 wide) and what it makes (5 wide).

    The third reads 5 and makes 2, and the copy at the end has twice 2: both are less than 8.
    """
    n = 1024
    memory = timeline(Widths(), "inference", n)
    peak = memory.peak_change
    assert peak is not None
    alive = sorted(memory.blocks[number].n_bytes for number in memory.alive_after(peak))
    assert alive == [4 * 3 * n, 4 * 5 * n]
    weights = 4 * (3 + 15 + 10)
    assert memory.before_bytes == weights + 4 * n  # and the mixture
    assert memory.peak_bytes == memory.before_bytes + sum(alive)


def test_a_training_step_holds_what_autograd_keeps_until_backward() -> None:
    """All three outputs are alive when the forward ends: each tanh keeps its own."""
    n = 1024
    memory = timeline(Widths(), "update", n)
    at_end = 4 * n * (3 + 5 + 2)
    assert memory.peak_bytes >= memory.before_bytes + at_end


def test_no_hook_is_left_on_the_network() -> None:
    model = Chain()
    step = warm_step(model, "update")
    trace = trace_step(step)
    follow_step(step, trace, make_rows(trace, [])[1])
    assert not any(module._forward_hooks for module in model.modules())


def test_steps_are_taken_until_their_time_is_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "LEAST_PAIRS", 2)
    assert len(profiled("inference").plain_times_s) == 2
    monkeypatch.setattr(probe, "MOST_PAIRS", 3)
    longer = measure(Chain, workload("inference"), budget_s=1e9)
    assert len(longer.plain_times_s) == len(longer.profiled_times_s) == 3


class Fickle(nn.Module):
    """Runs another operator each time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 1)
        self.n_calls = 0

    def forward(self, mixture: Tensor) -> Tensor:
        self.n_calls += 1
        estimates: Tensor = self.conv(mixture)
        for _ in range(self.n_calls):
            estimates = estimates + 1
        return estimates


def test_a_network_that_runs_other_operators_each_time_is_refused() -> None:
    with pytest.raises(CellError, match="does not run what a traced one does") as refusal:
        profiled("inference", Fickle)
    assert refusal.value.status == Status.UNSUPPORTED
