"""The native product gives what torch's gives, whatever does not fill its panels and rows."""

import pytest
import torch
from torch import Tensor

from models.config import SuDoRMRFConfig
from models.native.operators import load_operators
from models.sudormrf import SuDoRMRF
from tests.textbook.agreement import noise, randomised, relative_error


def multiply(features: Tensor, weight: Tensor) -> Tensor:
    load_operators()
    product: Tensor = torch.ops.sudormrf.multiply(
        features, torch.ops.sudormrf.pack(weight.unsqueeze(-1)), len(weight)
    )
    return product


@pytest.mark.parametrize("n_in", [1, 7, 130])
@pytest.mark.parametrize("n_out", [1, 15, 16, 33])
@pytest.mark.parametrize("n_frames", [1, 5, 6, 61, 120])
def test_equals_torchs_product(n_in: int, n_out: int, n_frames: int) -> None:
    features, weight = noise(3, n_frames, n_in), noise(n_out, n_in, seed=1)
    assert relative_error(multiply(features, weight), features @ weight.T) < 1e-14
    single = multiply(features.float(), weight.float())
    assert relative_error(single, features @ weight.T) < 1e-5


@pytest.mark.parametrize("batch", [1, 3])
def test_reads_frames_that_overlap_and_channels_of_a_wider_layout(batch: int) -> None:
    weight = noise(16, 21, seed=1)
    windows = noise(batch, 1000).unfold(-1, 21, 10)
    assert relative_error(multiply(windows, weight), windows @ weight.T) < 1e-14
    second = noise(batch, 90, 42).chunk(2, dim=-1)[1]
    assert relative_error(multiply(second, weight), second @ weight.T) < 1e-14
    turned = noise(batch, 21, 90).transpose(1, 2)
    assert relative_error(multiply(turned, weight), turned @ weight.T) < 1e-14


def test_weights_packed_for_other_sizes_are_refused() -> None:
    load_operators()
    panels = torch.ops.sudormrf.pack(noise(16, 21, 1))
    with pytest.raises(RuntimeError, match="packed for another product"):
        torch.ops.sudormrf.multiply(noise(1, 4, 21), panels, 160)
    with pytest.raises(RuntimeError, match="packed for another product"):
        torch.ops.sudormrf.multiply(noise(1, 4, 20), panels, 16)
    with pytest.raises(RuntimeError, match="expected scalar type"):
        torch.ops.sudormrf.multiply(noise(1, 4, 21).float(), panels, 16)


def test_operators_around_the_blocks_refuse_them_too() -> None:
    load_operators()
    ops, wrong = torch.ops.sudormrf, "packed for another product"
    panels, decoders = ops.pack(noise(16, 21, 1)), [ops.pack(noise(5, 16, 1))]
    with pytest.raises(RuntimeError, match=wrong):
        ops.normalise_and_multiply(noise(1, 4, 20), noise(20), noise(20), True, panels, 16)
    for n_in, n_masked in ((20, 16), (21, 15)):
        head = [panels, noise(n_masked), noise(1, 4, n_masked)]
        with pytest.raises(RuntimeError, match=wrong):
            ops.decode(noise(1, 4, n_in), head, "relu", decoders, None, 1, 5, 2, 2, 7)
    with pytest.raises(RuntimeError, match=wrong):
        ops.decode(noise(1, 4, 12), [], "relu", decoders, None, 1, 5, 2, 2, 7)


def test_a_fused_network_can_change_its_precision() -> None:
    network = SuDoRMRF(SuDoRMRFConfig(n_blocks=2, n_filters=40, bn_chan=21, hid_chan=70))
    randomised(network)
    mixture = noise(2, 1, 1000)
    with torch.no_grad():
        expected = network.double()(mixture)
    fused = network.float().fuse()
    assert relative_error(fused(mixture.float()), expected) < 1e-5
    assert relative_error(fused.double()(mixture), expected) < 1e-6  # weights of single precision
    assert relative_error(fused.float()(mixture.float()), expected) < 1e-5
