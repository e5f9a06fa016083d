"""Operators without a formula, and networks that can't be counted as they are.

A network is counted, on meta or else on its own device, or refused with a sentence that says why.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.measuring.probes.operations import measure
from bench.results.measurements import OperationCount
from bench.results.record import CellError, Status
from bench.results.workload import PHASES, Phase, Workload
from tests.bench.counting.layer_counts import DEVICES, count, total, unknown
from tests.oracle.matmul import Recurrent, convolution, linear

N_SAMPLES = 16
CONVOLUTION = convolution(1, 1, 2, [1], [N_SAMPLES])


class Network(nn.Module):
    """One convolution to two sources, then a function of its output."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(1, 2, 1)
        self.function = function

    def forward(self, mixture: Tensor) -> Any:
        return self.function(self.convolution(mixture))


class PackedNetwork(nn.Module):
    """An LSTM over a packed sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, 3)
        self.linear = nn.Linear(3, 2)

    def forward(self, mixture: Tensor) -> Any:
        lengths = torch.tensor([mixture.shape[-1]], device="cpu")
        packed = nn.utils.rnn.pack_padded_sequence(mixture.permute(2, 0, 1), lengths)
        hidden, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0])
        return self.linear(hidden).permute(1, 2, 0)


def record(build: Callable[[], nn.Module], phase: Phase) -> OperationCount:
    return measure(build, Workload(phase, "cpu", N_SAMPLES, 1, "float32", 1, 0), 1.0)


def step_macs(phase: Phase) -> int:
    """Of the convolution, whose input needs no gradient."""
    if phase == "inference":
        return CONVOLUTION.forward
    return CONVOLUTION.step(weights=True, inputs=False)


UNKNOWN: dict[str, tuple[Callable[[Tensor], Tensor], set[str]]] = {
    "bessel": (torch.special.bessel_j0, {"special_bessel_j0"}),
    "gamma": (torch.special.gammaln, {"lgamma"}),
    "inverse": (
        lambda x: torch.linalg.inv(torch.eye(3, device=x.device)),
        {"linalg_inv_ex", "_linalg_check_errors"},
    ),
    "singular values": (torch.linalg.svdvals, {"_linalg_svd"}),
    "sort": (lambda x: torch.sort(x).values, {"sort"}),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("function", "names"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_operator_without_a_formula_is_listed_with_its_calls(
    function: Callable[[Tensor], Tensor], names: set[str], device: str
) -> None:
    data = torch.eye(3, device=device)

    def run() -> None:
        for _ in range(3):
            function(data)

    tallies = count(run)
    assert unknown(tallies) == dict.fromkeys(names, 3)
    for name in names:
        assert tallies[name].bytes_read > 0


@pytest.mark.parametrize("phase", PHASES)
def test_a_record_lists_them_beside_the_numbers(phase: Phase) -> None:
    counted = record(lambda: Network(torch.lgamma), phase)
    assert counted.macs == step_macs(phase)
    assert "lgamma" in counted.unknown_operators
    listed = sum(counted.unknown_operators.values())
    assert counted.of_kind("unknown").calls == listed >= 1
    for name in counted.unknown_operators:
        assert counted.operators[name].kind == "unknown"


def test_an_operator_of_another_library_is_unknown() -> None:
    with torch.library._scoped_library("bench_test", "DEF") as library:
        library.define("twice(Tensor x) -> Tensor")
        library.impl("twice", lambda x: x.clone(), "CompositeExplicitAutograd")
        tallies = count(lambda: torch.ops.bench_test.twice(torch.ones(3)))
    assert unknown(tallies) == {"twice": 1}


@pytest.mark.parametrize("change", ["transpose_", "squeeze_", "unsqueeze_"])
def test_a_view_made_in_place_is_a_view(change: str) -> None:
    axes = {"transpose_": (0, 1), "squeeze_": (0,), "unsqueeze_": (0,)}[change]
    assert not unknown(count(lambda: getattr(torch.ones(1, 3), change)(*axes)))


def nonlinear_if_loud(x: Tensor) -> Tensor:
    return x * 2 if x.abs().sum() >= 0 else x


DATA_DEPENDENT: dict[str, Callable[[Tensor], Tensor]] = {
    "branch": nonlinear_if_loud,
    "item": lambda x: x * x.detach().abs().max().item(),
    "list": lambda x: x * sum(x.detach().flatten()[:3].tolist()),
    "nonzero": lambda x: x + x[x > 0].sum(),
    "tensor of the CPU": lambda x: x + torch.ones(1, device="cpu"),
    "to the CPU and back": lambda x: (x.cpu() * 2).to(x.device),
}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("function", DATA_DEPENDENT.values(), ids=DATA_DEPENDENT)
def test_a_network_that_needs_data_is_counted_on_its_device(
    function: Callable[[Tensor], Tensor], phase: Phase
) -> None:
    counted = record(lambda: Network(function), phase)
    assert counted.counted_on == "cpu"
    assert counted.macs == step_macs(phase)
    assert counted.unknown_operators == {}


@pytest.mark.parametrize("phase", PHASES)
def test_a_network_that_calls_numpy_is_counted_on_its_device(phase: Phase) -> None:
    counted = record(lambda: Network(lambda x: x + torch.as_tensor(x.detach().numpy())), phase)
    assert counted.macs == step_macs(phase)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("error", [ValueError, RuntimeError, NotImplementedError])
def test_a_network_that_raises_passes_its_own_error_on(
    error: type[Exception], phase: Phase
) -> None:
    def broken(_: Tensor) -> Tensor:
        raise error("the network is broken")

    with pytest.raises(error, match="the network is broken"):
        record(lambda: Network(broken), phase)


OUTPUTS: dict[str, Callable[[Tensor], Any]] = {
    "tuple": lambda x: (x, x),
    "dict": lambda x: {"estimates": x},
    "list": lambda x: [x],
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_forward_with_any_output_is_counted(kind: str) -> None:
    assert record(lambda: Network(OUTPUTS[kind]), "inference").macs == CONVOLUTION.forward


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_step_without_estimates_is_refused_with_a_reason(kind: str) -> None:
    with pytest.raises(CellError, match=f"returned {kind}; expected a tensor") as refusal:
        record(lambda: Network(OUTPUTS[kind]), "update")
    assert refusal.value.status == Status.BAD_SHAPE


def under_autocast(x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return F.conv1d(x, torch.ones(2, 2, 1, device=x.device))


@pytest.mark.parametrize("phase", PHASES)
def test_autocast_changes_no_number_of_operations(phase: Phase) -> None:
    further = convolution(1, 2, 2, [1], [N_SAMPLES])  # its weight is a constant
    macs = further.forward if phase == "inference" else further.step(weights=False, inputs=True)
    assert record(lambda: Network(under_autocast), phase).macs == step_macs(phase) + macs


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("dtype", ["amp-bfloat16", "amp-float16"])
def test_a_workload_under_autocast_is_counted_with_data_as_the_plain_one(
    dtype: str, phase: Phase
) -> None:
    """All its products, half as many bytes in them, and a scaler's operators."""
    plain = record(lambda: Network(lambda x: x), phase)
    workload = Workload(phase, "cpu", N_SAMPLES, 1, dtype, 1, 0)
    counted = measure(lambda: Network(lambda x: x), workload, 1.0)
    assert (plain.counted_on, counted.counted_on) == ("meta", "cpu")
    assert counted.macs == plain.macs
    assert counted.unknown_operators == {}
    written = (r.operators["convolution"].bytes_written for r in (counted, plain))
    assert 2 * next(written) == next(written)
    is_scaled = dtype == "amp-float16" and phase == "update"
    assert ("_amp_update_scale_" in counted.operators) == is_scaled
    if phase == "update":
        assert counted.operators["addcdiv_"] == plain.operators["addcdiv_"]


def test_autocast_is_refused_where_it_does_not_reach() -> None:
    """On the meta device it leaves float32, whose bytes are not those that would move."""
    data = torch.ones(1, 2, N_SAMPLES)
    narrow = count(lambda: under_autocast(data))["convolution"].bytes_written
    assert narrow == 2 * 2 * N_SAMPLES
    with pytest.raises(NotImplementedError, match="autocast"):
        count(lambda: under_autocast(data.to("meta")))


@pytest.mark.parametrize("phase", PHASES)
def test_a_packed_sequence_is_counted_step_by_step(phase: Phase) -> None:
    lstm, out = Recurrent("LSTM", 1, 3), linear([N_SAMPLES], 3, 2)
    macs = lstm.forward(N_SAMPLES) + out.forward
    if phase == "update":
        macs += out.backward(weights=True, inputs=True)
        macs += lstm.backward(N_SAMPLES, weights=True, inputs=False) - lstm.first_step_states(1)
    counted = record(PackedNetwork, phase)
    assert counted.macs == macs
    assert set(counted.unknown_operators) <= {"_pack_padded_sequence"}  # moves data


def test_recomputed_activations_are_counted_again() -> None:
    def checkpointed(x: Tensor) -> Tensor:
        weight = torch.ones(2, 2, 1, device=x.device)
        result: Tensor = torch.utils.checkpoint.checkpoint(
            lambda y: F.conv1d(y, weight).tanh(), x, use_reentrant=False
        )
        return result

    further = convolution(1, 2, 2, [1], [N_SAMPLES])
    twice = further.forward + further.step(weights=False, inputs=True)
    counted = record(lambda: Network(checkpointed), "update")
    assert counted.macs == step_macs("update") + twice


def test_the_recurrent_layers_of_a_counted_network_are_left_as_they_were() -> None:
    layer, data = nn.LSTM(2, 3), torch.ones(4, 1, 2)
    before = layer(data)[0]
    count(lambda: nn.LSTM(2, 3, device="meta")(data.to("meta")))
    assert torch.equal(before, layer(data)[0])
    assert total(count(lambda: layer(data))) == Recurrent("LSTM", 2, 3).forward(4)


def build_compiled() -> Any:
    return torch.compile(Network(lambda x: x))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, at compile
@pytest.mark.parametrize("phase", PHASES)
def test_a_compiled_network_is_counted_as_its_eager_graph_and_says_so(phase: Phase) -> None:
    plain, compiled = record(lambda: Network(lambda x: x), phase), record(build_compiled, phase)
    assert compiled.macs == plain.macs == step_macs(phase)
    assert compiled.is_eager_graph_of_compiled
    assert not plain.is_eager_graph_of_compiled


def test_no_flops_have_a_stated_reason() -> None:
    tallies = count(lambda: torch.cat([torch.ones(2, 3).t(), torch.zeros(3, 1)], dim=1))
    reasons = {name: tally.reason for name, tally in tallies.items()}
    assert reasons == {
        "ones": "fills memory",
        "t": "view",
        "zeros": "fills memory",
        "cat": "moves data",
    }
    assert not count(lambda: torch.ones(2) + 1)["add"].reason
