from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models.checkpoints.error import CheckpointError
from models.checkpoints.reference import load_reference_checkpoint, load_reference_state_dict
from tests.models.checkpoints.reference_examples import (
    NARROW,
    Sizes,
    as_network,
    make_state_dict,
    saved,
)
from tests.textbook import reference_names as textbook
from tests.textbook.agreement import noise, relative_error

both_forms = pytest.mark.parametrize("is_improved", [False, True], ids=["code", "improved"])


def disagreement(sizes: Sizes, is_improved: bool, n_samples: int) -> float:
    weights = make_state_dict(sizes, is_improved)
    network = load_reference_state_dict(weights).double()
    reference = textbook.improved_sudormrf if is_improved else textbook.sudormrf
    mixture = noise(2, 1, n_samples)
    doubles = {name: tensor.double() for name, tensor in weights.items()}
    with torch.no_grad():
        return relative_error(network(mixture), reference(doubles, mixture))


@both_forms
@pytest.mark.parametrize("n_samples", [1, 37, 240], ids="{}_samples".format)
@pytest.mark.parametrize(
    "sizes",
    [
        NARROW,
        replace(NARROW, n_src=1),
        replace(NARROW, n_src=3),
        replace(NARROW, kernel=3),
        replace(NARROW, kernel=21, levels=5),
        replace(NARROW, blocks=1, levels=1),
        replace(NARROW, filters=16, bottleneck=7, hidden=9),
        replace(NARROW, filters=4, bottleneck=4),
    ],
    ids=str,
)
def test_equals_the_textbook(sizes: Sizes, is_improved: bool, n_samples: int) -> None:
    assert disagreement(sizes, is_improved, n_samples) < 1e-10


@both_forms
def test_sizes_are_inferred(is_improved: bool) -> None:
    sizes = Sizes(n_src=3, kernel=7, filters=10, bottleneck=4, hidden=9, blocks=3, levels=2)
    config = load_reference_state_dict(make_state_dict(sizes, is_improved)).config
    inferred = Sizes(
        config.n_src,
        config.kernel_size,
        config.n_filters,
        config.bn_chan,
        config.hid_chan,
        config.n_blocks,
        config.upsampling_depth,
    )
    assert inferred == sizes
    assert config.variant == ("improved" if is_improved else "code")
    assert config.mask_activation == ("relu" if is_improved else "softmax")


@both_forms
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "stream"])
@pytest.mark.parametrize("form", ["network", "DataParallel", "state_dict"])
def test_every_form_of_file_gives_the_same_network(
    form: str, is_zip: bool, is_improved: bool, tmp_path: Path
) -> None:
    weights = make_state_dict(NARROW, is_improved)
    network = as_network(weights, "improved_sudormrf" if is_improved else "sudormrf")
    parallel = nn.DataParallel(network)
    parallel.src_device_obj = torch.device("cuda", 0)  # as where there is a GPU
    value = {
        "network": network,
        "DataParallel": parallel,
        "state_dict": parallel.state_dict(),
    }[form]
    path = tmp_path / "published.pt"
    path.write_bytes(saved(value, is_zip))
    read = load_reference_checkpoint(path).state_dict()
    expected = load_reference_state_dict(weights).state_dict()
    assert read.keys() == expected.keys()
    assert all(torch.equal(read[name], expected[name]) for name in expected)


@both_forms
def test_the_first_missing_tensor_is_named(is_improved: bool) -> None:
    weights = make_state_dict(NARROW, is_improved)
    del weights["sm.1.spp_dw.2.conv.bias"]
    with pytest.raises(CheckpointError, match=r"sm\.1\.spp_dw\.2\.conv\.bias \[5\] is missing"):
        load_reference_state_dict(weights)


@both_forms
def test_a_wrong_shape_is_named_with_the_one_expected(is_improved: bool) -> None:
    weights = make_state_dict(NARROW, is_improved)
    weights["sm.0.final_norm.act.weight"] = torch.ones(3)
    with pytest.raises(CheckpointError, match=r"final_norm\.act\.weight .*\[3\].*\[[15]\]"):
        load_reference_state_dict(weights)


@both_forms
def test_an_unknown_tensor_is_named(is_improved: bool) -> None:
    weights = make_state_dict(NARROW, is_improved) | {"sm.0.attention.weight": torch.ones(1)}
    with pytest.raises(CheckpointError, match=r"sm\.0\.attention\.weight"):
        load_reference_state_dict(weights)


@pytest.mark.parametrize("name", ["encoder.0.weight", "l1.weight", "sm.0.proj_1x1.conv.weight"])
def test_what_sizes_follow_from_must_be_there(name: str) -> None:
    weights = make_state_dict(NARROW, is_improved=False)
    del weights[name]
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load_reference_state_dict(weights)


def test_dimensions_are_checked_before_use() -> None:
    weights = make_state_dict(NARROW, is_improved=False) | {"decoder.weight": torch.ones(2)}
    with pytest.raises(CheckpointError, match=r"decoder\.weight .*\[2\].*3 dimensions"):
        load_reference_state_dict(weights)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"kernel_size .*4"):
        load_reference_state_dict(make_state_dict(replace(NARROW, kernel=4), is_improved=True))


@pytest.mark.parametrize("names", [(), ("weight",), ("gc_rnn.0.weight", "decoder.weight")], ids=str)
def test_other_networks_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(CheckpointError, match="none of the authors"):
        load_reference_state_dict({name: torch.ones(1) for name in names})


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    path.write_bytes(saved({"weight": torch.ones(2)}, is_zip=True))
    with pytest.raises(CheckpointError, match=r"other\.pt: .*none of the authors"):
        load_reference_checkpoint(path)
