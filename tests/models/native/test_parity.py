"""The fast form gives what the plain network gives, and trains as it trains."""

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.config import SuDoRMRFConfig
from models.native.fused import FusedSuDoRMRF
from models.native.network import NativeUConvBlock
from models.streaming import StreamingSuDoRMRF, causal_config
from models.sudormrf import SuDoRMRF, sudormrf_0_25x
from tests.textbook.agreement import noise, randomised, relative_error

NARROW = SuDoRMRFConfig(
    n_blocks=2, kernel_size=5, n_filters=20, bn_chan=12, hid_chan=21, upsampling_depth=3
)
TEXT: dict[str, Any] = {"variant": "text", "norm": "ln"}
IMPROVED: dict[str, Any] = {"variant": "improved", "mask_activation": "relu", "decoders": "one"}
CAUSAL_V3: dict[str, Any] = {"variant": "causal_v3", "norm": "none", "mask_activation": "prelu"}
CHANGES: list[dict[str, Any]] = [
    {},
    TEXT,
    IMPROVED,
    {"norm": "ln"},
    TEXT | {"norm": "gln"},
    {"n_src": 1},
    {"n_src": 3},
    {"n_src": 4, "decoders": "one"},
    {"upsampling_depth": 1},
    {"upsampling_depth": 5, "hid_chan": 150},
    IMPROVED | {"norm": "frame", "is_causal": True},
    IMPROVED | {"hid_chan": 20, "n_groups": 4},
    {"mask_activation": "prelu", "n_src": 3},
]
of_each_kind = pytest.mark.parametrize("change", CHANGES, ids=str)
LENGTHS = [1, 37, 800, 4321]


def built(change: dict[str, Any]) -> SuDoRMRF:
    network = SuDoRMRF(replace(NARROW, **change))
    randomised(network)
    return network


def gradients(network: nn.Module, given: Tensor) -> Tensor:
    """Of what is given and all parameters, one after another."""
    given = given.clone().requires_grad_()
    out = network(given)
    weighted = (out * noise(*out.shape, seed=2).to(out.dtype)).sum()
    parts = torch.autograd.grad(weighted, [given, *network.parameters()])
    return torch.cat([part.flatten() for part in parts])


@of_each_kind
@pytest.mark.parametrize("batch", [1, 3])
def test_equals_the_plain_network(change: dict[str, Any], batch: int) -> None:
    network = built(change)
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        network.to(dtype)
        native, fused = network.native(), network.fuse()
        for n_samples in LENGTHS:
            mixture = noise(batch, 1, n_samples).to(dtype)
            with torch.no_grad():
                expected = network(mixture)
                assert relative_error(native(mixture), expected) < tolerance
                assert relative_error(fused(mixture), expected) < tolerance


@pytest.mark.parametrize("change", [{}, {"norm": "ln"}, TEXT, IMPROVED], ids=str)
@pytest.mark.parametrize("depth", [2, 3, 6, 7])
@pytest.mark.parametrize("n_coarsest", [1, 2, 3, 4, 5])
def test_zeros_around_few_frames_reach_the_same_ones(
    change: dict[str, Any], depth: int, n_coarsest: int
) -> None:
    network = built(change | {"upsampling_depth": depth, "n_blocks": 1})
    features = noise(2, NARROW.bn_chan, n_coarsest * 2 ** (depth - 1))
    block, native = network.separator.blocks[0], network.native().separator.blocks[0]
    with torch.no_grad():
        assert relative_error(native(features), block(features)) < 1e-10
    # A norm over two frames that are nearly equal magnifies rounding in both forms.
    assert relative_error(gradients(native, features), gradients(block, features)) < 1e-7


@pytest.mark.parametrize("n_samples", [1, 37, 4321])
def test_the_third_causal_network_has_both_forms(n_samples: int) -> None:
    network = built(CAUSAL_V3 | {"is_causal": True})
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        network.to(dtype)
        mixture = noise(2, 1, n_samples).to(dtype)
        with torch.no_grad():
            expected = network(mixture)
            assert relative_error(network.native()(mixture), expected) < tolerance
            assert relative_error(network.fuse()(mixture), expected) < tolerance


@pytest.mark.parametrize("n_src", [1, 2, 3, 4])
def test_the_published_size_in_single_precision(n_src: int) -> None:
    torch.manual_seed(0)
    network = SuDoRMRF(SuDoRMRFConfig(n_blocks=2, n_src=n_src))
    for n_samples, batch in ((1, 2), (8000, 1), (40_000, 1)):
        mixture = noise(batch, 1, n_samples).float()
        with torch.no_grad():
            expected = network(mixture)
            assert relative_error(network.native()(mixture), expected) < 1e-5
            assert relative_error(network.fuse()(mixture), expected) < 1e-5


@of_each_kind
def test_gradients_equal_the_plain_networks(change: dict[str, Any]) -> None:
    network = built(change)
    for n_samples in (1, 240):
        mixture = noise(2, 1, n_samples)
        expected = gradients(network, mixture)
        assert relative_error(gradients(network.native(), mixture), expected) < 1e-10


def test_gradients_in_single_precision() -> None:
    torch.manual_seed(0)
    network, mixture = sudormrf_0_25x(), noise(2, 1, 4000).float()
    expected = gradients(network, mixture)
    assert relative_error(gradients(network.native(), mixture), expected) < 1e-4


@pytest.mark.parametrize("change", [{}, TEXT, IMPROVED], ids=str)
def test_a_block_passes_the_numerical_check(change: dict[str, Any]) -> None:
    network = built(change | {"hid_chan": 3, "bn_chan": 2, "n_blocks": 1})
    block = network.native().separator.blocks[0]
    features = noise(2, 2, 8).requires_grad_()
    assert torch.autograd.gradcheck(block, (features,), fast_mode=True)


@pytest.mark.parametrize("n_src", [1, 2, 3])
def test_masks_of_latent_values_beyond_any_exponential(n_src: int) -> None:
    network = built(TEXT | {"n_src": n_src}).float()
    bias = network.get_parameter("separator.mask_head.pointwise.bias")
    mixture = noise(1, 1, 400).float()
    for scale in (-300.0, 300.0):
        with torch.no_grad():
            bias.copy_(torch.linspace(0, scale, len(bias)))
            assert relative_error(network.fuse()(mixture), network(mixture)) < 1e-5


def test_moments_of_blocks_of_frames_are_those_of_all() -> None:
    """Of features whose channels change slowly and lie far from zero, and of constant ones."""
    network = built({"norm": "ln", "n_blocks": 1})
    fused = network.fuse()
    assert isinstance(fused, FusedSuDoRMRF)
    ramp = torch.linspace(0, 1, 500)[:, None] * noise(2, 1, NARROW.n_filters)
    for features in (1e3 + ramp, 1e3 + 0 * ramp):
        with torch.no_grad():
            expected = network.separator.bottleneck(features.mT).mT
        assert relative_error(fused._bottleneck(features), expected) < 1e-9


def test_silence_stays_finite() -> None:
    for change in ({}, TEXT, IMPROVED):
        network = built(change).float()
        silence = torch.zeros(1, 1, 400)
        assert network.fuse()(silence).isfinite().all()
        assert gradients(network.native(), silence).isfinite().all()


def test_shares_the_parameters_under_the_same_names() -> None:
    network = built({})
    native = network.native()
    assert list(native.state_dict()) == list(network.state_dict())
    pairs = zip(native.parameters(), network.parameters(), strict=True)
    assert all(one is other for one, other in pairs)


def test_a_changed_weight_reaches_the_native_form_alone() -> None:
    network, mixture = built({}), noise(1, 1, 100)
    native, fused = network.native(), network.fuse()
    before = fused(mixture)
    with torch.no_grad():
        network.get_parameter("separator.blocks.0.expand.0.weight").mul_(2)
        assert relative_error(native(mixture), network(mixture)) < 1e-10
    assert torch.equal(fused(mixture), before)


def test_threads_change_nothing() -> None:
    """Channels and blocks of frames are shared out, and sums joined in the blocks' order."""
    fused = built({"hid_chan": 300}).float().fuse()
    alone = fused(noise(2, 1, 4000).float())
    torch.set_num_threads(2)
    together = fused(noise(2, 1, 4000).float())
    torch.set_num_threads(1)
    assert torch.equal(together, alone)


def causal(**change: Any) -> StreamingSuDoRMRF:
    network = StreamingSuDoRMRF(replace(causal_config(n_blocks=2), **change))
    randomised(network)
    return network


@pytest.mark.parametrize("change", [{}, CAUSAL_V3], ids=str)
@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("chunk_samples", [1, 230, 1600])
def test_streams_equal_the_whole(change: dict[str, Any], depth: int, chunk_samples: int) -> None:
    sizes = {"upsampling_depth": depth, "hid_chan": 150, "bn_chan": 21, "n_filters": 40}
    network = causal(**sizes, **change)
    native = network.native()
    assert isinstance(native, StreamingSuDoRMRF)
    mixture, state, parts = noise(2, 1, 1700), native.start(2), []
    for chunk in mixture.split(chunk_samples, dim=-1):
        estimates, state = native.stream(chunk, state)
        parts.append(estimates)
    parts.append(native.flush(state))
    with torch.no_grad():
        assert relative_error(torch.cat(parts, dim=-1), network(mixture)) < 1e-10


@pytest.mark.parametrize("change", [{}, CAUSAL_V3], ids=str)
def test_a_stream_goes_on_in_the_other_form(change: dict[str, Any]) -> None:
    network = causal(**change)
    native = network.native()
    assert isinstance(native, StreamingSuDoRMRF)
    first, second = noise(1, 1, 1600).split(800, dim=-1)
    for one, other in ((network, native), (native, network)):
        _, state = one.stream(first, one.start())
        _, expected = network.stream(first, network.start())
        assert relative_error(torch.stack(state.levels), torch.stack(expected.levels)) < 1e-10
        found, _ = other.stream(second, state)
        assert relative_error(found, network.stream(second, expected)[0]) < 1e-10


@pytest.mark.parametrize("change", [{}, CAUSAL_V3], ids=str)
def test_threads_that_share_time_out_change_no_bit(change: dict[str, Any]) -> None:
    """Some frames are computed by two threads, of the same numbers in the same order."""
    network = causal(**change)
    network.float()
    block = network.native().separator.blocks[0]
    features = noise(3, 128, 16 * 101).float()
    with torch.no_grad():
        alone = block(features)
        torch.set_num_threads(2)
        together = block(features)
        torch.set_num_threads(1)
    assert torch.equal(together, alone)


def test_a_causal_network_trains_as_the_plain_one_does() -> None:
    network, mixture = causal(), noise(1, 1, 240)
    expected = gradients(network, mixture)
    assert relative_error(gradients(network.native(), mixture), expected) < 1e-10


def test_meta_tensors_and_copies_pass_through() -> None:
    network = built({}).float()
    native = copy.deepcopy(network.native()).to("meta")
    assert native(torch.empty(2, 1, 100, device="meta")).shape == (2, 2, 100)
    assert network.fuse().to("meta")(torch.empty(2, 1, 99, device="meta")).shape == (2, 2, 99)


@pytest.mark.parametrize("hid_chan", [21, 64, 150])
def test_tensors_without_data_lie_as_those_with_data(hid_chan: int) -> None:
    block = built({"hid_chan": hid_chan}).native().separator.blocks[0]
    assert isinstance(block, NativeUConvBlock)
    given = [noise(2, NARROW.bn_chan, 16), *block.parameters()]
    found = []
    for device in ("cpu", "meta"):
        features, *parameters = (tensor.detach().to(device) for tensor in given)
        outputs = torch.ops.sudormrf.block_to_train(features, parameters, *block.last)
        found.append([(output.shape, output.stride()) for output in outputs])
    assert found[0] == found[1]


def test_blocks_in_one_operator_leave_their_input_as_it_was() -> None:
    network = built({"n_blocks": 3})
    features = noise(2, 16, NARROW.bn_chan).transpose(1, 2)  # as the operator has them inside
    given = features.clone()
    with torch.no_grad():
        expected = nn.Sequential(*network.separator.blocks)(features)
        out = torch.ops.sudormrf.blocks(features, *together(network))
    assert relative_error(out, expected) < 1e-10
    assert torch.equal(features, given)


def test_parameters_of_no_whole_number_of_blocks_are_refused() -> None:
    features = noise(1, NARROW.bn_chan, 16)
    parameters, n_blocks, *rest = together(built({"n_blocks": 3}))
    for given, n in (([*parameters, parameters[0]], n_blocks), (parameters, 1), (parameters, 0)):
        with pytest.raises(RuntimeError, match="parameters"):
            torch.ops.sudormrf.blocks(features, given, n, *rest)


def together(network: SuDoRMRF) -> tuple[Any, ...]:
    fused = network.fuse()
    assert isinstance(fused, FusedSuDoRMRF)
    return fused.together
