"""Counting in the caller's process: what it returns, and that it leaves no trace."""

import threading
from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import bench
from bench.errors import UsageError
from bench.interface.count import Count, count
from bench.measuring.contract import as_defined
from models.sudormrf import sudormrf_0_25x
from tests.oracle.matmul import convolution, linear


def square(out: Tensor) -> Tensor:
    return out.square().mean()


def stateful() -> nn.Module:
    """Statistics, random numbers, and a change in place: all that a forward could leave behind."""
    return nn.Sequential(
        nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.ReLU(inplace=True)
    )


def picture_of(module: nn.Module) -> dict[str, Any]:
    """Everything that a caller could find changed."""
    return {
        "values": {name: value.clone() for name, value in module.state_dict().items()},
        "places": {name: id(value) for name, value in module.state_dict(keep_vars=True).items()},
        "gradients": [
            (id(p.grad), p.grad if p.grad is None else p.grad.clone()) for p in module.parameters()
        ],
        "modes": [part.training for part in module.modules()],
        "hooks": [
            (len(part._forward_hooks), len(part._forward_pre_hooks)) for part in module.modules()
        ],
        "attributes": [sorted(vars(part)) for part in module.modules()],
    }


def same(before: Any, after: Any) -> bool:
    if isinstance(before, Tensor):
        return torch.equal(before, after)
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(same(before[k], after[k]) for k in before)
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(same, before, after))
    return bool(before == after)


KINDS: dict[str, dict[str, Any]] = {
    "forward": {},
    "backward": {"loss": square},
    "training step": {"loss": square, "optimiser": torch.optim.Adam},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_training", [True, False])
def test_the_module_its_input_and_the_random_state_stay_as_they_are(
    kind: str, is_training: bool
) -> None:
    module, data = stateful().train(is_training), torch.randn(3, 2, 20)
    square(module(data)).backward()
    before, random, kept = picture_of(module), torch.get_rng_state(), data.clone()
    count(module, data, **KINDS[kind])
    assert same(before, picture_of(module))
    assert torch.equal(random, torch.get_rng_state())
    assert torch.equal(data, kept)
    assert data.grad is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_with_two_forms_is_counted_as_defined_and_keeps_its_own(kind: str) -> None:
    network = sudormrf_0_25x()
    forms = {
        name: part.computes_as_defined
        for name, part in network.named_modules()
        if hasattr(part, "computes_as_defined")
    }
    assert forms
    before = picture_of(network)
    found = count(network, torch.ones(1, 1, 400), **KINDS[kind])
    assert same(before, picture_of(network))
    as_defined(network)
    assert found.macs == count(network, torch.ones(1, 1, 400), **KINDS[kind]).macs


def test_the_inputs_gradient_is_counted_and_goes_to_nobody() -> None:
    data = torch.ones(3, 4, requires_grad=True)
    expected = linear((3,), 4, 5)
    assert count(nn.Linear(4, 5), data, loss=square).macs == expected.step(
        weights=True, inputs=True
    )
    assert data.grad is None


def test_a_loss_of_the_module_itself_leaves_no_gradient() -> None:
    """As one that penalises weights: it holds the module, and not the copy."""
    module = nn.Linear(4, 5)

    def penalised(out: Tensor) -> Tensor:
        return square(out) + sum(p.square().sum() for p in module.parameters())

    count(module, torch.ones(3, 4), loss=penalised)
    assert [p.grad for p in module.parameters()] == [None, None]


def test_what_fails_leaves_no_trace_either() -> None:
    module = stateful()
    before = picture_of(module)
    with pytest.raises(RuntimeError, match="channels"):
        count(module, torch.ones(3, 5, 20))
    with pytest.raises(ZeroDivisionError):
        count(module, torch.ones(3, 2, 20), loss=lambda out: out.sum() / (1 // 0))
    assert same(before, picture_of(module))


@given(batch=st.integers(1, 3), n_samples=st.integers(8, 40), out_chan=st.integers(1, 4))
def test_sums_are_those_of_operators_and_of_modules(
    batch: int, n_samples: int, out_chan: int
) -> None:
    module = nn.Sequential(nn.Conv1d(2, out_chan, 3), nn.Tanh(), nn.Conv1d(out_chan, 2, 5))
    found = count(module, torch.ones(batch, 2, n_samples))
    first = convolution(batch, 2, out_chan, (3,), (n_samples - 2,)).forward
    last = convolution(batch, out_chan, 2, (5,), (n_samples - 6,)).forward
    assert [row.macs for row in found.by_module] == [first + last, first, 0, last]
    assert found.macs == first + last
    for figure in ("macs", "flops", "bytes_read", "bytes_written"):
        of_operators = sum(getattr(tally, figure) for tally in found.by_operator.values())
        assert getattr(found, figure) == of_operators
    assert found.flops == sum(row.own_flops for row in found.by_module)


@pytest.mark.parametrize("kind", KINDS)
def test_multiply_adds_are_half_of_what_torch_counts(kind: str) -> None:
    """Of layers in which its own counter makes no mistake."""
    module, data = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), torch.ones(4, 6)
    with FlopCounterMode(display=False) as theirs:
        out = module(data)
        if kind != "forward":
            square(out).backward()
    assert 2 * count(module, data, **KINDS[kind]).macs == theirs.get_total_flops()


def test_an_optimisers_step_is_one_that_has_its_state() -> None:
    """Adam: a warmed step makes no buffers. Its operators work on every parameter and no other."""
    module, data = nn.Linear(6, 8), torch.ones(4, 6)
    without = count(module, data, loss=square)
    frozen = deepcopy(module)
    frozen.bias.requires_grad_(False)
    flops = {}
    for name, each in (("whole", module), ("frozen", frozen)):
        step = count(each, data, loss=square, optimiser=torch.optim.Adam)
        flops[name] = step.flops - count(each, data, loss=square).flops
        assert step.macs == count(each, data, loss=square).macs
        assert not {"zeros_like", "zeros"} & step.by_operator.keys()
    assert without.unknown_operators == {}
    assert flops["whole"] > flops["frozen"] > 0
    fixed = count(nn.Linear(6, 8), data, loss=square, optimiser=torch.optim.SGD)
    assert fixed.flops - without.flops == 6 * 8 + 8  # an addition for each parameter


class Unable(nn.Linear):
    """Holds what can't be copied."""

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    ("module", "keywords", "sentence"),
    [
        (Unable(), {}, "Unable can't be copied"),
        (nn.Linear(4, 4), {"loss": lambda out: out}, r"one of shape \[2, 4\]"),
        (nn.Linear(4, 4), {"loss": lambda out: 1.0}, "scalar tensor, and it is a float"),
        (nn.ReLU(), {"loss": square}, "no gradient: the module has no parameters"),
        (nn.Linear(4, 4), {"optimiser": torch.optim.Adam}, "give count\\(\\) a loss too"),
    ],
)
def test_what_can_not_be_counted_is_told(
    module: nn.Module, keywords: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        count(module, torch.ones(2, 4), **keywords)


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_a_hook_computes_are_copied_too(kind: str) -> None:
    """torch itself refuses to copy such a module."""
    module = nn.utils.weight_norm(nn.Conv1d(2, 3, 5))
    with pytest.raises(RuntimeError):
        deepcopy(module)
    expected = convolution(1, 2, 3, (5,), (16,))
    step = expected.forward if kind == "forward" else expected.step(weights=True, inputs=False)
    assert count(module, torch.ones(1, 2, 20), **KINDS[kind]).macs == step


@pytest.mark.parametrize("kind", KINDS)
def test_a_lazy_layer_stays_lazy_and_its_beginning_is_not_counted(kind: str) -> None:
    lazy, ready = nn.LazyLinear(5), nn.Linear(4, 5)
    data = torch.ones(3, 4)
    found, expected = (count(module, data, **KINDS[kind]) for module in (lazy, ready))
    assert found.by_operator == expected.by_operator
    assert lazy.has_uninitialized_params()


@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_module_is_counted_as_its_eager_graph(kind: str) -> None:
    module, data = nn.Sequential(nn.Linear(4, 5), nn.ReLU()), torch.ones(3, 4)
    compiled = torch.compile(module, backend="eager")
    assert isinstance(compiled, nn.Module)
    found, expected = (count(each, data, **KINDS[kind]) for each in (compiled, module))
    assert found.by_operator == expected.by_operator


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused() -> None:
    module = nn.Sequential(torch.jit.script(nn.Linear(4, 5)), nn.ReLU())
    with pytest.raises(UsageError, match="holds TorchScript"):
        count(module, torch.ones(3, 4))


def test_inside_inference_mode_a_step_has_gradients_all_the_same() -> None:
    module = nn.Linear(4, 5)
    with torch.inference_mode():
        found = count(module, torch.ones(3, 4), loss=square)
    assert found.macs == linear((3,), 4, 5).step(weights=True, inputs=False)


def test_it_reads_as_a_few_lines() -> None:
    found = count(nn.Sequential(nn.Linear(1000, 1000), nn.Tanh()), torch.ones(1, 1000))
    lines = str(found).splitlines()
    assert lines[0].startswith("1.00 MMAC, ")
    assert lines[1:] == ["  0 (Linear): 1.00 MMAC", "  1 (Tanh): 0 MAC"]


def test_the_package_has_it() -> None:
    assert isinstance(bench.count(nn.ReLU(), torch.ones(3)), Count)
