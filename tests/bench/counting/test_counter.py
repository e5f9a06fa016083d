"""The counter itself: what it adds up, that it changes nothing, that nothing counts twice."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.counting.counter import OperationCounter
from bench.results.measurements import Kind, OperationCount, Tally
from tests.bench.counting.layer_counts import DEVICES, GRADIENT_MODES, count, total, unknown


def small_network() -> nn.Sequential:
    """One of each class of operator, with a fixed random state."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv1d(2, 6, 3, padding=1),
        nn.GroupNorm(1, 6),
        nn.PReLU(6),
        nn.Upsample(scale_factor=2.0),
        nn.ConvTranspose1d(6, 4, 4, stride=2, groups=2),
        nn.GLU(dim=1),
        nn.Flatten(),
        nn.Linear(2 * 42, 5),
        nn.Softmax(dim=-1),
    )


def run_step(network: nn.Module, data: Tensor) -> dict[str, Tensor]:
    """Forward and backward: what came out, and every gradient."""
    network.zero_grad()
    out = network(data)
    out.square().sum().backward()
    gradients = {name: value.grad for name, value in network.named_parameters()}
    return {"out": out.detach(), **{k: v.clone() for k, v in gradients.items() if v is not None}}


def as_dict(tallies: Mapping[str, Tally]) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(vars(tally).values()) for name, tally in tallies.items()}


def test_counting_changes_no_result_and_no_gradient() -> None:
    network, data = small_network(), torch.randn(3, 2, 10)
    plain = run_step(network, data)
    with OperationCounter():
        counted = run_step(network, data)
    assert plain.keys() == counted.keys()
    assert len(plain) == 1 + len(list(network.parameters()))
    for name, value in plain.items():
        assert torch.equal(value, counted[name]), name


def test_a_count_is_the_same_each_time_and_on_either_device() -> None:
    def tallies(device: str) -> dict[str, tuple[int, int, int]]:
        network = small_network().to(device)
        data = torch.zeros(3, 2, 10, device=device)
        counted = count(lambda: run_step(network, data))
        return {
            name: (tally.calls, tally.macs, tally.flops)
            for name, tally in counted.items()
            if tally.flops
        }

    assert tallies("cpu") == tallies("cpu")
    assert tallies("cpu") == tallies("meta")


@pytest.mark.parametrize("device", DEVICES)
def test_the_gradient_mode_does_not_change_a_forward(device: str) -> None:
    network = small_network().to(device)
    data = torch.zeros(3, 2, 10, device=device)

    def forward(mode: Callable[[], Any]) -> tuple[int, int]:
        def run() -> None:
            with mode():
                network(data)

        tallies = count(run)
        assert not unknown(tallies)
        return total(tallies), total(tallies, "flops")

    counts = {name: forward(mode) for name, mode in GRADIENT_MODES.items()}
    assert len(set(counts.values())) == 1, counts
    assert counts["grad"][0] > 0


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("what", ["macs", "flops"])
def test_a_batch_twice_as_large_costs_twice(device: str, what: str) -> None:
    network = small_network()[:6].to(device)

    def forward(batch: int) -> int:
        return total(count(lambda: network(torch.ones(batch, 2, 10, device=device))), what)

    assert forward(2) == 2 * forward(1) > 0
    assert forward(6) == 3 * forward(2)


def test_every_operator_costs_two_flops_a_multiply_add_or_more() -> None:
    network = small_network()
    tallies = count(lambda: run_step(network, torch.randn(3, 2, 10)))
    for name, tally in tallies.items():
        assert tally.flops >= 2 * tally.macs >= 0, name
        assert tally.kind == "matmul" or tally.macs == 0, name
        assert tally.kind in ("matmul", "elementwise") or tally.flops == 0, name
        assert tally.calls > 0, name


def test_totals_are_the_sums_of_the_operators_and_of_the_classes() -> None:
    network = small_network()
    tallies = count(lambda: run_step(network, torch.randn(3, 2, 10)))
    counted = OperationCount(total(tallies), total(tallies, "flops"), tallies, "cpu")
    assert counted.unknown_operators == {}
    kinds: tuple[Kind, ...] = ("matmul", "elementwise", "movement", "unknown")
    for value in ("calls", "macs", "flops", "bytes_read", "bytes_written"):
        by_kind = {kind: getattr(counted.of_kind(kind), value) for kind in kinds}
        assert sum(by_kind.values()) == total(tallies, value)
        for kind, of_kind in by_kind.items():
            assert of_kind == sum(
                getattr(tally, value) for tally in tallies.values() if tally.kind == kind
            )
    assert {kind for kind in kinds if counted.of_kind(kind).calls} == set(kinds[:3])
    assert counted.of_kind("matmul").macs == counted.macs
    assert counted.of_kind("movement").flops == 0


def test_the_counters_own_totals_are_those_of_its_tallies() -> None:
    network = small_network()
    with OperationCounter() as counter:
        run_step(network, torch.randn(3, 2, 10))
    assert counter.macs == total(counter.tallies) > 0
    assert counter.flops == total(counter.tallies, "flops") > 2 * counter.macs


def test_bytes_are_those_of_each_tensor_once() -> None:
    left, right = torch.ones(3, 5), torch.ones(5, 7)
    tally = count(lambda: left @ right)["mm"]
    assert (tally.bytes_read, tally.bytes_written) == (4 * (15 + 35), 4 * 21)
    broadcast = torch.ones(5, 1).expand(5, 7)
    tally = count(lambda: broadcast.relu())["relu"]
    assert (tally.bytes_read, tally.bytes_written) == (4 * 5, 4 * 35)
    tallies = count(lambda: left.t())
    assert total(tallies, "bytes_read") == total(tallies, "bytes_written") == 0


def test_a_counter_that_is_entered_again_adds_on() -> None:
    layer, data = nn.Linear(3, 4), torch.ones(2, 3)
    counter = OperationCounter()
    for times in (1, 2, 3):
        with counter:
            layer(data)
        assert total(counter.tallies) == times * 2 * 3 * 4
    layer(data)
    assert total(counter.tallies) == 3 * 2 * 3 * 4, "counted outside of its block"


def test_a_counter_stops_when_its_block_raises() -> None:
    layer, data = nn.Linear(3, 4), torch.ones(2, 3)
    counter = OperationCounter()

    def run() -> None:
        with counter:
            layer(data)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    layer(data)
    assert total(counter.tallies) == 2 * 3 * 4


@pytest.mark.parametrize("device", DEVICES)
def test_of_two_nested_counters_each_counts_once(device: str) -> None:
    layer, data = nn.Linear(3, 4).to(device), torch.ones(2, 3, device=device)
    with OperationCounter() as outer:
        layer(data)
        with OperationCounter() as inner:
            layer(data)
    assert total(inner.tallies) == 2 * 3 * 4
    assert as_dict(outer.tallies)["addmm"][1:3] == (2, 2 * 2 * 3 * 4)


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "meta",
        ),
    ],
)
def test_of_two_nested_counters_each_counts_a_recurrent_layer(device: str) -> None:
    layer, data = nn.LSTM(3, 4).to(device), torch.ones(2, 1, 3, device=device)
    with OperationCounter() as outer, OperationCounter() as inner:
        layer(data)
    assert total(inner.tallies) == 2 * 4 * 4 * (3 + 4)
    assert total(outer.tallies) == total(inner.tallies)


@pytest.mark.parametrize(
    ("device", "layer_class"),
    [
        ("cpu", nn.Linear),
        ("meta", nn.Linear),
        ("cpu", nn.LSTM),
        pytest.param(
            "meta",
            nn.LSTM,
        ),
    ],
)
def test_a_backward_is_counted_where_it_runs(device: str, layer_class: Any) -> None:
    layer, data = layer_class(3, 4).to(device), torch.ones(2, 1, 3, device=device)
    with OperationCounter() as there:
        out = layer(data)
    out = out if isinstance(out, Tensor) else out[0]
    forward = total(there.tallies)
    back = count(lambda: out.backward(torch.ones_like(out)))
    assert total(back) > 0
    assert total(there.tallies) == forward


def test_a_counter_inside_itself_counts_once_or_says_no() -> None:
    layer, data = nn.Linear(3, 4), torch.ones(2, 3)
    counter = OperationCounter()
    try:
        with counter, counter:
            layer(data)
    except RuntimeError as error:
        assert re.search("enter", str(error))  # noqa: PT017  (counting right is as good)
        return
    assert total(counter.tallies) == 2 * 3 * 4
