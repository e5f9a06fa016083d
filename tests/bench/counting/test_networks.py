"""The networks of Table 1: every product derived from the modules' sizes, to the unit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.measuring.contract import as_defined
from bench.measuring.counted_step import count_step
from bench.measuring.probes.operations import measure
from bench.networks.factory import resolve_factory
from bench.registry import TABLE1
from bench.results.measurements import OperationCount
from bench.results.workload import Phase, Workload
from tests.oracle.matmul import Recurrent, convolution, linear, transposed_convolution

pytest.importorskip("asteroid_filterbanks", reason="Conv-TasNet and DPRNN come from asteroid")

FACTORIES = {entry.name: entry.factory for entry in TABLE1}
FORWARD = {
    "conv-tasnet": 4_971_663_360,
    "demucs": 3_094_978_560,
    "dprnn": 42_844_092_928,
    "two-step-tdcn": 6_920_806_400,
    "sudormrf-1.0x": 2_292_121_600,
    "sudormrf-0.5x": 1_421_516_800,
    "sudormrf-0.25x": 986_214_400,
}
UPDATE = {
    "conv-tasnet": 14_775_865_344,
    "demucs": 9_281_349_120,
    "dprnn": 128_528_183_296,
    "two-step-tdcn": 20_758_118_400,
    "sudormrf-1.0x": 6_867_763_200,
    "sudormrf-0.5x": 4_255_948_800,
    "sudormrf-0.25x": 2_950_041_600,
}
# Asteroid's last block adds a residual that nothing reads: it gets no gradient.
UNUSED = {"conv-tasnet": "masker.TCN.23.res_conv"}


@dataclass(frozen=True)
class Layer:
    """One call of a layer with matrix products."""

    kind: str
    forward: int
    backward: int  # of a training step, had its output a gradient
    needs_input_grad: bool


@cache
def measured(name: str, phase: Phase) -> OperationCount:
    """What the probe says."""
    workload = Workload(phase, "cpu", 8000, 1, "float32", 1, 0)
    return measure(resolve_factory(FACTORIES[name]), workload, 1.0)


def layer_macs(module: Any, data: Tensor, out: Tensor) -> tuple[int, int, int] | None:
    """Forward, backward without the input's gradient, that gradient; none for other modules."""
    kind = type(module).__name__
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        size = module.in_channels, module.out_channels, module.kernel_size
        macs = convolution(len(data), *size, out.shape[2:], module.groups)
    elif isinstance(module, nn.ConvTranspose1d):
        size = module.in_channels, module.out_channels, module.kernel_size
        macs = transposed_convolution(len(data), *size, data.shape[2:], module.groups)
    elif isinstance(module, nn.Linear):
        macs = linear(data.shape[:-1], module.in_features, module.out_features)
    elif isinstance(module, nn.LSTM):
        sizes = Recurrent(
            "LSTM",
            module.input_size,
            module.hidden_size,
            module.num_layers,
            1 + module.bidirectional,
        )
        frames = prod(data.shape[:-1])
        alone, both = (
            sizes.backward(frames, weights=True, inputs=inputs) for inputs in (False, True)
        )
        return sizes.forward(frames), alone, both - alone
    elif kind == "Encoder":  # asteroid's filterbank: [n_filters, 1, kernel_size], a free parameter
        filters = module.get_filters()
        macs = convolution(len(data), 1, filters.shape[0], filters.shape[2:], out.shape[2:])
    elif kind == "Decoder":
        filters = module.get_filters()
        batch = prod(data.shape[:-2])  # sources one after another, with the same filters
        macs = transposed_convolution(
            batch, filters.shape[0], 1, filters.shape[2:], data.shape[-1:]
        )
    else:
        return None
    return macs.forward, macs.weight_grad, macs.input_grad


def shapes_of_lstm(self: nn.LSTM, data: Tensor, states: object = None) -> tuple[Tensor, None]:
    """In place of the layer: torch takes seconds to run its steps on the meta device."""
    width = self.hidden_size * (1 + self.bidirectional)
    return data.new_empty(*data.shape[:-1], width, requires_grad=True), None


@cache
def walk(name: str) -> dict[str, Layer]:
    """Every call of a layer with products in one forward of 8000 samples, by module path."""
    with torch.device("meta"):
        network = as_defined(resolve_factory(FACTORIES[name])())
    layers: dict[str, Layer] = {}

    def note(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, args: tuple[Tensor, ...], out: Any) -> None:
            data = args[0]
            macs = layer_macs(module, data, out)
            if macs is None:
                return
            assert path not in layers, f"{path} runs twice"
            forward, weights, inputs = macs
            needs = data.requires_grad
            layers[path] = Layer(type(module).__name__, forward, weights + needs * inputs, needs)

        return hook

    for path, module in network.named_modules():
        module.register_forward_hook(note(path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.LSTM, "forward", shapes_of_lstm)
        network(torch.empty(1, 1, 8000, device="meta"))
    return layers


@pytest.mark.parametrize("name", FORWARD)
def test_forward_is_the_sum_of_the_layers(name: str) -> None:
    derived = sum(layer.forward for layer in walk(name).values())
    assert derived == FORWARD[name]
    assert measured(name, "inference").macs == derived


@pytest.mark.parametrize("name", UPDATE)
def test_update_is_the_sum_of_the_layers_and_their_gradients(name: str) -> None:
    layers = walk(name)
    derived = sum(layer.forward + layer.backward for layer in layers.values())
    if name in UNUSED:
        derived -= layers[UNUSED[name]].backward
    assert derived == UPDATE[name]
    record = measured(name, "update")
    assert record.macs == record.of_kind("matmul").macs == derived


@pytest.mark.parametrize("name", UPDATE)
def test_update_is_thrice_the_forward_less_what_no_one_needs(name: str) -> None:
    layers = walk(name)
    (first,) = (layer for layer in layers.values() if not layer.needs_input_grad)
    assert first is next(iter(layers.values())), "the encoder alone sees the mixture"
    unused = 2 * layers[UNUSED[name]].forward if name in UNUSED else 0
    assert UPDATE[name] == 3 * FORWARD[name] - first.forward - unused


def test_the_unused_layer_gets_no_gradient() -> None:
    network = resolve_factory(FACTORIES["conv-tasnet"])()
    network(torch.ones(1, 1, 800)).sum().backward()
    without = {name for name, value in network.named_parameters() if value.grad is None}
    assert without == {f"{UNUSED['conv-tasnet']}.weight", f"{UNUSED['conv-tasnet']}.bias"}


@pytest.mark.parametrize(
    ("name", "printed", "encoder", "decoder"),
    [
        # 999 frames of 16 samples; 7999 of 2. The decoder runs once for each source.
        ("conv-tasnet", "4.9471", 512 * 16 * 999, 2 * 512 * 16 * 999),
        ("dprnn", "42.8318", 256 * 2 * 7999, 2 * 256 * 2 * 7999),
    ],
)
def test_what_module_hooks_miss_is_asteroid_s_filterbank(
    name: str, printed: str, encoder: int, decoder: int
) -> None:
    layers = walk(name)
    filterbank = {
        layer.kind: layer.forward
        for layer in layers.values()
        if layer.kind in ("Encoder", "Decoder")
    }
    assert filterbank == {"Encoder": encoder, "Decoder": decoder}
    of_torch = sum(
        layer.forward for layer in layers.values() if layer.kind not in ("Encoder", "Decoder")
    )
    assert FORWARD[name] - of_torch == encoder + decoder
    assert f"{of_torch / 1e9:.4f}" == printed


@pytest.mark.parametrize("phase", ["inference", "update"])
@pytest.mark.parametrize("name", FORWARD)
def test_every_operator_is_known_and_no_data_was_needed(name: str, phase: Phase) -> None:
    record = measured(name, phase)
    assert record.unknown_operators == {}
    assert record.counted_on == "meta"
    assert record.flops > 2 * record.macs
    kinds = {tally.kind for tally in record.operators.values()}
    assert kinds == {"matmul", "elementwise", "movement"}
    assert record.of_kind("movement").flops == 0


@pytest.mark.parametrize("name", ["sudormrf-0.25x", "conv-tasnet"])
def test_a_count_with_data_is_the_same(name: str) -> None:
    workload = Workload("update", "cpu", 1600, 1, "float32", 1, 0)
    network = resolve_factory(FACTORIES[name])()
    on_meta = measure(resolve_factory(FACTORIES[name]), workload, 1.0)
    on_cpu = count_step(lambda: network, workload, "cpu")
    assert on_cpu.macs == on_meta.macs
    assert on_cpu.flops == on_meta.flops
