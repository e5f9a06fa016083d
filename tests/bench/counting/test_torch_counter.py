"""What sets torch's counter apart, from its own formulas: exact, and named only where it is so."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

from bench.counting.additions import Counted
from bench.counting.torch_counter import count_with_torch, explain_torch
from bench.results.measurements import Cause, CounterResult

POSITIONS, N_CHAN, N_TAPS = 40, 6, 3


def backward_of_convolution(groups: int) -> Callable[[], None]:
    def run() -> None:
        data = torch.ones(1, N_CHAN, POSITIONS, requires_grad=True)
        weight = torch.ones(N_CHAN, N_CHAN // groups, N_TAPS, requires_grad=True)
        torch.nn.functional.conv1d(data, weight, groups=groups, padding=1).sum().backward()

    return run


def explain(run: Callable[[], object], ours: float) -> CounterResult:
    """The explained count, which is the plain one."""
    counted = Counted(torch.nn.Identity(), torch.zeros(1, 1, 1), run)
    explained = explain_torch(counted, ours)
    assert explained.macs == count_with_torch(counted).macs
    return explained


@pytest.mark.parametrize("groups", [1, 2, N_CHAN])
def test_a_weight_gradient_is_multiplied_by_its_groups(groups: int) -> None:
    forward = POSITIONS * N_CHAN * N_CHAN // groups * N_TAPS
    explained = explain(backward_of_convolution(groups), 3 * forward)
    surplus = (groups - 1) * forward
    expected = (Cause("groups", "convolution_backward", surplus),) if surplus else ()
    assert explained.causes == expected
    assert explained.macs == 3 * forward + surplus


def test_another_difference_is_not_called_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a release of torch had another formula for the backward pass."""
    operator = torch.ops.aten.convolution_backward
    monkeypatch.setitem(flop_registry, operator, lambda *_, **__: 0)
    forward = POSITIONS * N_CHAN * N_TAPS
    explained = explain(backward_of_convolution(N_CHAN), 3 * forward)
    assert explained.causes == (Cause("formula", "convolution_backward", -2 * forward),)


def test_a_layer_without_a_formula_is_counted_as_nothing() -> None:
    layer = torch.nn.LSTM(3, 5)

    @torch.inference_mode()
    def run() -> Tensor:
        output: Tensor = layer(torch.zeros(7, 1, 3))[0]
        return output

    macs = 7 * 4 * 5 * (3 + 5)
    explained = explain(run, macs)
    assert explained.causes == (Cause("no formula", "mkldnn_rnn_layer", -macs),)
    assert explained.macs == 0


def test_a_run_with_data_that_is_another_is_named() -> None:
    """Our count without data stands; that with data had two thirds of it."""
    forward = POSITIONS * N_CHAN * N_CHAN * N_TAPS
    explained = explain(backward_of_convolution(1), 4.5 * forward)
    assert explained.causes == (Cause("data", "", -1.5 * forward),)


def test_a_product_of_complex_numbers_is_counted_as_one_of_real_ones() -> None:
    left, right = torch.ones(2, 3, dtype=torch.complex64), torch.ones(3, 5, dtype=torch.complex64)
    products = 2 * 3 * 5
    explained = explain(lambda: left @ right, 4 * products)
    assert explained.macs == products
    assert explained.causes == (Cause("formula", "mm", -3 * products),)
