import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Literal

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.sudormrf import (
    SuDoRMRF,
    SuDoRMRFConfig,
    padded_length,
    sudormrf_0_5x,
    sudormrf_0_25x,
    sudormrf_1_0x,
    sudormrf_text_0_5x,
    sudormrf_text_0_25x,
    sudormrf_text_1_0x,
)
from tests.textbook import sudormrf as textbook
from tests.textbook.agreement import (
    Reference,
    count_parameters,
    disagreement,
    gradient_disagreement,
    noise,
    relative_error,
)

Variant = Literal["code", "text"]

PUBLISHED = SuDoRMRFConfig(n_blocks=4)
NARROW = SuDoRMRFConfig(
    n_blocks=2, kernel_size=5, n_filters=6, bn_chan=4, hid_chan=5, upsampling_depth=3
)
OF_VARIANT: dict[str, dict[str, Any]] = {"code": {}, "text": {"variant": "text", "norm": "ln"}}
FIRST_BLOCK = "separator.blocks.0."

both_variants = pytest.mark.parametrize("variant", ["code", "text"])
kernel_sizes = st.integers(1, 12).map(lambda stride: 2 * stride + 1)
depths = st.integers(1, 6)
durations = st.integers(1, 50_000)


def text_parameter_count(n_blocks: int) -> int:
    """Section 3.4, layer by layer: weights, biases, gains and slopes."""
    n_src, kernel, filters, bn_chan, hid_chan, levels = 2, 21, 512, 128, 512, 5
    encoder = filters * kernel + filters
    bottleneck = 2 * filters + filters * bn_chan + bn_chan
    expand = bn_chan * hid_chan + hid_chan + 2 * hid_chan + hid_chan
    level = 5 * hid_chan + hid_chan + 2 * hid_chan + hid_chan
    contract = 2 * hid_chan + hid_chan + hid_chan * bn_chan + bn_chan + 2 * bn_chan
    last_slopes = bn_chan
    block = expand + levels * level + contract + last_slopes
    masks = n_src * (bn_chan * filters + filters)
    decoders = n_src * (filters * kernel + 1)
    return encoder + bottleneck + n_blocks * block + masks + decoders


def as_defined(model: SuDoRMRF) -> SuDoRMRF:
    """The same network, its mask head and decoder computed by convolutions."""
    model.separator.mask_head.computes_as_defined = True
    model.decoder.computes_as_defined = True
    return model


def reference(config: SuDoRMRFConfig) -> Reference:
    return partial(textbook.sudormrf, n_src=config.n_src, variant=config.variant)


@pytest.mark.parametrize(
    ("factory", "n_parameters"),
    [
        (sudormrf_1_0x, 2_660_998),
        (sudormrf_0_5x, 1_413_766),
        (sudormrf_0_25x, 790_150),
        (sudormrf_text_1_0x, 2_762_882),
        (sudormrf_text_0_5x, 1_497_218),
        (sudormrf_text_0_25x, 864_386),
    ],
)
def test_published_sizes(factory: Callable[[], SuDoRMRF], n_parameters: int) -> None:
    with torch.device("meta"):
        assert count_parameters(factory()) == n_parameters


@pytest.mark.parametrize(
    ("factory", "n_blocks"),
    [(sudormrf_text_1_0x, 16), (sudormrf_text_0_5x, 8), (sudormrf_text_0_25x, 4)],
)
def test_text_sizes_follow_from_the_text(factory: Callable[[], SuDoRMRF], n_blocks: int) -> None:
    with torch.device("meta"):
        assert count_parameters(factory()) == text_parameter_count(n_blocks)


@both_variants
@pytest.mark.parametrize("n_samples", [1, 37, 240], ids="{}_samples".format)
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"n_src": 1},
        {"n_src": 3},
        {"n_blocks": 1},
        {"kernel_size": 3},
        {"kernel_size": 9},
        {"kernel_size": 21},
        {"upsampling_depth": 1},
        {"upsampling_depth": 2},
        {"upsampling_depth": 5},
        {"n_filters": 7},
        {"n_filters": 1},
        {"bn_chan": 6},
    ],
    ids=str,
)
def test_equals_the_textbook(variant: Variant, change: dict[str, Any], n_samples: int) -> None:
    config = replace(NARROW, **OF_VARIANT[variant], **change)
    assert disagreement(SuDoRMRF(config), reference(config), n_samples) < 1e-10


@pytest.mark.parametrize(
    ("factory", "variant"), [(sudormrf_0_25x, "code"), (sudormrf_text_0_25x, "text")]
)
def test_published_size_equals_the_textbook(
    factory: Callable[[], SuDoRMRF], variant: Variant
) -> None:
    config = replace(PUBLISHED, **OF_VARIANT[variant])
    assert disagreement(factory(), reference(config), n_samples=401) < 1e-10


@both_variants
@pytest.mark.parametrize("n_src", [1, 2])
def test_gradients_equal_the_textbooks(variant: Variant, n_src: int) -> None:
    config = replace(NARROW, **OF_VARIANT[variant], n_src=n_src)
    assert gradient_disagreement(SuDoRMRF(config), reference(config), n_samples=37) < 1e-9


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("n_src", [1, 2, 3, 4])
def test_matrix_products_equal_the_convolutions_in_single_precision(n_src: int, batch: int) -> None:
    torch.manual_seed(0)
    model = SuDoRMRF(replace(PUBLISHED, n_src=n_src))
    mixture = noise(batch, 1, 801).float()
    with torch.no_grad():
        estimates = model(mixture)
        convolved = as_defined(model)(mixture)
    assert 0 < relative_error(estimates, convolved) < 3e-6


def test_gradients_through_matrix_products_equal_the_convolutions_in_single_precision() -> None:
    torch.manual_seed(0)
    model = sudormrf_0_25x()
    gradients = []
    for form in (model, as_defined(copy.deepcopy(model))):
        estimates = form(noise(2, 1, 801).float())
        weighted = (estimates * noise(*estimates.shape, seed=2).float()).sum()
        parts = torch.autograd.grad(weighted, list(form.parameters()))
        gradients.append(torch.cat([part.flatten() for part in parts]))
    assert 0 < relative_error(*gradients) < 1e-5


def test_half_precision_is_near_the_convolutions() -> None:
    model = SuDoRMRF(NARROW).bfloat16()
    mixture = noise(2, 1, 801).bfloat16()
    with torch.no_grad():
        estimates, convolved = model(mixture), as_defined(model)(mixture)
    assert estimates.dtype == torch.bfloat16
    assert relative_error(estimates.float(), convolved.float()) < 0.03


def test_the_original_parameters_are_kept() -> None:
    names = {
        name: tuple(parameter.shape)
        for name, parameter in sudormrf_0_25x().named_parameters()
        if "mask_head" in name or "decoder" in name
    }
    assert names == {
        "separator.mask_head.pointwise.weight": (512, 128, 1),
        "separator.mask_head.pointwise.bias": (512,),
        "separator.mask_head.across_filters.weight": (2, 1, 513, 1),
        "separator.mask_head.across_filters.bias": (2,),
        "decoder.weight": (1024, 1, 21),
        "decoder.bias": (2,),
    }


@pytest.mark.parametrize(("n_samples", "padded"), [(1, 160), (160, 160), (161, 320), (8000, 8000)])
def test_padding_of_the_published_sizes(n_samples: int, padded: int) -> None:
    assert padded_length(n_samples, PUBLISHED) == padded


@given(n_samples=durations)
@example(n_samples=8000)
def test_published_padding_is_the_papers(n_samples: int) -> None:
    multiple = 160  # lcm(kernel_size // 2, 2 ** depth) = lcm(10, 32)
    surplus = padded_length(n_samples, PUBLISHED) - n_samples
    assert 0 <= surplus < multiple
    assert (n_samples + surplus) % multiple == 0


@given(n_samples=durations, kernel_size=kernel_sizes, depth=depths)
def test_padding_is_the_least_that_every_level_divides(
    n_samples: int, kernel_size: int, depth: int
) -> None:
    config = replace(PUBLISHED, kernel_size=kernel_size, upsampling_depth=depth)
    fitting = (
        length for length in count(n_samples) if textbook.fits(length, kernel_size // 2, depth)
    )
    assert padded_length(n_samples, config) == next(fitting)


@settings(deadline=None, max_examples=25)
@given(n_samples=durations, kernel_size=kernel_sizes, depth=depths)
def test_the_network_sees_the_padded_length(n_samples: int, kernel_size: int, depth: int) -> None:
    config = replace(NARROW, kernel_size=kernel_size, upsampling_depth=depth)
    seen: list[int] = []
    with torch.device("meta"):
        model = SuDoRMRF(config)
        for part in (model.encoder, *model.get_submodule(FIRST_BLOCK + "levels").children()):
            part.register_forward_hook(lambda _, inputs, output: seen.append(output.shape[-1]))
        estimates = model(torch.empty(1, 1, n_samples))
    n_frames = padded_length(n_samples, config) // (kernel_size // 2)
    assert seen == [n_frames, *(n_frames // 2**level for level in range(depth))]
    assert estimates.shape == (1, 2, n_samples)


@pytest.mark.parametrize(
    "field",
    ["n_blocks", "n_src", "n_filters", "bn_chan", "hid_chan", "upsampling_depth", "kernel_size"],
)
@pytest.mark.parametrize("size", [0, -1])
def test_sizes_below_one_are_refused_by_name(field: str, size: int) -> None:
    wrong: dict[str, Any] = {field: size}
    with pytest.raises(ValueError, match=f"{field} .*{size}"):
        replace(PUBLISHED, **wrong)


@pytest.mark.parametrize("kernel_size", [1, 2, 20])
def test_even_and_too_small_kernels_are_refused_by_name(kernel_size: int) -> None:
    with pytest.raises(ValueError, match=f"kernel_size .*{kernel_size}"):
        replace(PUBLISHED, kernel_size=kernel_size)


@pytest.mark.parametrize("shape", [(8,), (2, 8), (2, 2, 8), (2, 1, 1, 8), (2, 1, 0)], ids=str)
def test_other_shapes_than_a_mixture_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="mixture"):
        SuDoRMRF(NARROW)(torch.zeros(shape))
