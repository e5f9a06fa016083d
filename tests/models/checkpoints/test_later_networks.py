"""Files of the authors' group communication and third causal network."""

import io
import json
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.checkpoints.error import CheckpointError
from models.checkpoints.reference import load_reference_checkpoint, load_reference_state_dict
from models.checkpoints.torch_file import read_state_dict
from models.streaming import StreamingSuDoRMRF
from tests.models.checkpoints.later_examples import (
    N_GROUPS,
    SHAPES,
    STORED_SHAPES,
    causal_v3_shapes,
    deterministic_mixture,
    deterministic_weights,
    groupcomm_shapes,
    make_weights,
)
from tests.models.checkpoints.reference_examples import MINIMAL, NARROW, Sizes, as_network, saved
from tests.models.checkpoints.test_inert_pickle import attacks
from tests.models.checkpoints.test_torch_file import mutated, repacked
from tests.textbook.agreement import noise, relative_error
from tests.textbook.later_names import causal_v3_sudormrf, groupcomm_sudormrf

GROUPCOMM, CAUSAL_V3 = SHAPES
TEXTBOOKS: dict[str, Callable[[Mapping[str, Tensor], Tensor], Tensor]] = {
    GROUPCOMM: partial(groupcomm_sudormrf, n_groups=N_GROUPS),
    CAUSAL_V3: causal_v3_sudormrf,
}
EVEN = replace(NARROW, hidden=6)  # that groups divide
OUTPUTS = json.loads((Path(__file__).parent / "data" / "later_outputs.json").read_text())["outputs"]
both = pytest.mark.parametrize("module", SHAPES)


def example(module: str) -> dict[str, Tensor]:
    return make_weights(SHAPES[module](EVEN))


@both
@pytest.mark.parametrize("n_samples", [1, 37, 161])
def test_outputs_are_those_of_the_authors_code(module: str, n_samples: int) -> None:
    """Stored numbers; the file says which command made them."""
    network = load_reference_state_dict(deterministic_weights(STORED_SHAPES[module]))
    with torch.no_grad():
        estimates = network(deterministic_mixture(n_samples))[0]
    expected = torch.tensor(OUTPUTS[module][str(n_samples)])
    assert expected.abs().min() > 0
    assert relative_error(estimates, expected) < 1e-5


@both
@pytest.mark.parametrize("n_samples", [1, 37, 240], ids="{}_samples".format)
@pytest.mark.parametrize(
    "sizes",
    [
        EVEN,
        replace(EVEN, n_src=1),
        replace(EVEN, n_src=3),
        replace(EVEN, kernel=3),
        replace(EVEN, kernel=21, levels=5),
        replace(EVEN, blocks=1, levels=1),
        replace(EVEN, filters=16, bottleneck=8, hidden=10),
        replace(EVEN, filters=4, bottleneck=4),
    ],
    ids=str,
)
def test_equals_the_textbook(module: str, sizes: Sizes, n_samples: int) -> None:
    weights = make_weights(SHAPES[module](sizes))
    network = load_reference_state_dict(weights).double()
    mixture = noise(2, 1, n_samples)
    doubles = {name: tensor.double() for name, tensor in weights.items()}
    with torch.no_grad():
        assert relative_error(network(mixture), TEXTBOOKS[module](doubles, mixture)) < 1e-10


@both
def test_sizes_are_inferred(module: str) -> None:
    sizes = Sizes(n_src=3, kernel=7, filters=10, bottleneck=4, hidden=8, blocks=3, levels=2)
    config = load_reference_state_dict(make_weights(SHAPES[module](sizes))).config
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
    assert config.n_groups == (N_GROUPS if module == GROUPCOMM else None)


def test_what_leaves_no_trace_follows_from_the_class() -> None:
    grouped, causal = (load_reference_state_dict(example(module)) for module in SHAPES)
    assert (grouped.config.mask_activation, grouped.config.norm) == ("relu", "gln")
    assert grouped.prescribed_consistency == "mixture"
    assert isinstance(causal, StreamingSuDoRMRF)
    assert causal.prescribed_consistency is None


@both
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "stream"])
@pytest.mark.parametrize("form", ["network", "DataParallel", "state_dict"])
def test_every_form_of_file_gives_the_same_network(
    form: str, is_zip: bool, module: str, tmp_path: Path
) -> None:
    weights = example(module)
    network = as_network(weights, module)
    for part in network.modules():
        part.__dict__["causal_mask"] = torch.ones(3)  # beside the parameters, as the authors' have
    parallel = nn.DataParallel(network)
    value = {"network": network, "DataParallel": parallel, "state_dict": parallel.state_dict()}
    path = tmp_path / "published.pt"
    path.write_bytes(saved(value[form], is_zip))
    read = load_reference_checkpoint(path).state_dict()
    expected = load_reference_state_dict(weights).state_dict()
    assert read.keys() == expected.keys()
    assert all(torch.equal(read[name], expected[name]) for name in expected)


@both
@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "stream"])
def test_every_cut_is_an_error(module: str, is_zip: bool) -> None:
    minimal = replace(MINIMAL, bottleneck=2, hidden=2)
    content = saved(as_network(make_weights(SHAPES[module](minimal)), module), is_zip)
    cuts = [*range(0, len(content), 211), *range(len(content) - 30, len(content))]
    for n_bytes in cuts:
        with pytest.raises(CheckpointError):
            read_state_dict(io.BytesIO(content[:n_bytes]))


@both
@pytest.mark.parametrize("form", ["stream", "pickle in a zip"])
def test_damage_gives_a_network_or_our_error_and_nothing_runs(
    module: str, form: str, tmp_path: Path
) -> None:
    canary = tmp_path / "ran"
    attack = attacks(f"touch {canary}")["REDUCE"][0][2:-1]
    minimal = make_weights(SHAPES[module](replace(MINIMAL, bottleneck=2, hidden=2)))
    content = saved(as_network(minimal, module), is_zip=form != "stream")
    load_reference_state_dict(read_state_dict(io.BytesIO(content)))  # what is damaged was whole
    choose = random.Random(form)
    for round_ in range(100):
        mutant = mutated(content, choose) if form == "stream" else repacked(content, choose)
        if round_ % 4 == 0:
            mutant = mutant.replace(b"_backward_hooksq", attack + b"X\x01\x00\x00\x00aq", 1)
        with suppress(CheckpointError):
            load_reference_state_dict(read_state_dict(io.BytesIO(mutant)))
    assert not canary.exists()


@both
def test_every_missing_tensor_is_named(module: str) -> None:
    weights = example(module)
    for name in weights:
        rest = {other: tensor for other, tensor in weights.items() if other != name}
        with pytest.raises(CheckpointError) as refused:
            load_reference_state_dict(rest)
        assert name in str(refused.value)


@both
def test_every_other_shape_is_refused(module: str) -> None:
    """Also those that sizes follow from: another one then no longer fits."""
    weights = example(module)
    for name, tensor in weights.items():
        for shape in ((0,), (*tensor.shape, 1), tuple(n + 1 for n in tensor.shape) or (2,)):
            with pytest.raises(CheckpointError):
                load_reference_state_dict(weights | {name: torch.zeros(shape)})


@both
def test_an_unknown_tensor_is_named(module: str) -> None:
    with pytest.raises(CheckpointError, match=r"sm\.0\.attention\.weight"):
        load_reference_state_dict(example(module) | {"sm.0.attention.weight": torch.ones(1)})


@pytest.mark.parametrize("width", [0, 3])
def test_groups_that_do_not_divide_the_channels_are_refused(width: int) -> None:
    weights = example(GROUPCOMM)
    weights["sm.0.UBlock.proj_1x1.conv.weight"] = torch.zeros(3, width, 1)
    with pytest.raises(CheckpointError, match=r"n_groups|has the shape"):
        load_reference_state_dict(weights)


def test_the_examples_have_the_counts_of_the_published_sizes() -> None:
    sizes = Sizes(2, 21, 512, 256, 512, 8, 5)
    n_parameters = sum(torch.Size(s).numel() for s in groupcomm_shapes(sizes, 16).values())
    assert n_parameters == 507_177
    sizes = Sizes(2, 21, 512, 128, 512, 16, 4)
    n_parameters = sum(torch.Size(s).numel() for s in causal_v3_shapes(sizes).values())
    assert n_parameters == 3_090_146
