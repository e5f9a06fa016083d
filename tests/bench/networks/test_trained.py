"""Whoever wrote the weights: the network has them, or a sentence says what is needed."""

import io
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bench.errors import UsageError
from bench.evaluation.consistency import prescribed_consistency
from bench.networks.checkpoint import METADATA_KEY, save_model, save_state
from bench.networks.trained import load_trained
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig, sudormrf_0_25x
from tests.bench import tiny_corpora as tiny
from tests.models.checkpoints.later_examples import SHAPES, make_weights
from tests.models.checkpoints.reference_examples import NARROW, as_network, make_state_dict, saved

METADATA: dict[str, Any] = {
    "model": "tiny",
    "factory": tiny.FACTORY,
    "si_sdri_db": 3.25,
    "code": {"commit": "abc", "is_modified": False},
}
CONFIG = SuDoRMRFConfig(
    n_blocks=1, kernel_size=5, n_filters=6, bn_chan=4, hid_chan=4, upsampling_depth=3
)
NAME, FACTORY = "sudormrf-0.25x", "models.sudormrf:sudormrf_0_25x"


def assert_has_weights(model: nn.Module, of: nn.Module) -> None:
    found, expected = model.state_dict(), of.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert not model.training


def test_a_network_of_ones_own_comes_back_with_what_is_known_of_it(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = tiny.masker()
    save_model(path, model, METADATA)
    loaded = load_trained(path, tiny.FACTORY)
    assert (loaded.name, loaded.metadata) == ("tiny", METADATA | {"schema": 2})
    assert_has_weights(loaded.model, model)


def test_a_sudormrf_needs_no_name_at_all(tmp_path: Path) -> None:
    path = tmp_path / "narrow.safetensors"
    model = SuDoRMRF(CONFIG)
    save_model(path, model, {})
    loaded = load_trained(path)
    assert (loaded.name, loaded.is_published) == ("narrow", False)
    assert_has_weights(loaded.model, model)


def test_both_forms_of_the_first_schema_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    header = {METADATA_KEY: json.dumps({"schema": 1, "model": NAME, "factory": FACTORY})}
    model: nn.Module = sudormrf_0_25x()
    save_file(model.state_dict(), path, metadata=header)
    assert load_trained(path).name == NAME
    assert_has_weights(load_trained(path).model, model)
    header = {"architecture": "SuDoRMRF", "config": json.dumps(asdict(CONFIG))}
    model = SuDoRMRF(CONFIG)
    save_file(model.state_dict(), path, metadata=header)
    assert load_trained(path).name == "old"
    assert_has_weights(load_trained(path).model, model)


def as_compiled(model: nn.Module) -> dict[str, Any]:
    return {f"_orig_mod.{name}": tensor for name, tensor in model.state_dict().items()}


def as_lightning(model: nn.Module) -> dict[str, Any]:
    """What its Trainer saves beside the weights, as its version 2 does."""
    optimiser = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    weights = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    return {
        "epoch": 3,
        "global_step": 40,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": weights | {"loss.weight": torch.ones(1)},
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4}}}},
        "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.ones(())}},
        "optimizer_states": [optimiser.state_dict()],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": {"rate": 1e-3, "names": ("a", None)},
    }


WRAPPINGS: dict[str, Callable[[nn.Module], Any]] = {
    "state_dict": lambda model: model.state_dict(),
    "DataParallel": lambda model: nn.DataParallel(model).state_dict(),
    "torch.compile": as_compiled,
    "model_state_dict": lambda model: {
        "epoch": 2,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": torch.optim.SGD(model.parameters(), 0.1).state_dict(),
        "loss": np.float64(0.5),
        "best": np.float32(0.25),
        "seen": torch.tensor([True, False]),
        "random": torch.get_rng_state(),
    },
    "asteroid": lambda model: {"model_name": "A", "state_dict": model.state_dict(), "infos": {}},
    "model": lambda model: {"model": model.state_dict(), "args": {"rate": 0.1}},
    "Lightning": as_lightning,
}


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "stream"])
@pytest.mark.parametrize("form", WRAPPINGS)
@pytest.mark.parametrize(
    ("build", "request_"),
    [(sudormrf_0_25x, NAME), (tiny.masker, tiny.FACTORY)],
    ids=["ours", "own"],
)
def test_ordinary_state_dicts_are_read(
    build: Callable[[], nn.Module], request_: str, form: str, is_zip: bool, tmp_path: Path
) -> None:
    path = tmp_path / "saved.pt"
    model = build()
    torch.save(WRAPPINGS[form](model), path, _use_new_zipfile_serialization=is_zip)
    loaded = load_trained(path, request_)
    assert (loaded.name, loaded.metadata) == (request_, {})
    assert_has_weights(loaded.model, model)
    with pytest.raises(UsageError, match=r"saved\.pt: .*which network.* named by --model"):
        load_trained(path)


def test_safetensors_of_others_are_state_dicts(tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    model = tiny.masker()
    save_file(model.state_dict(), path)
    assert_has_weights(load_trained(path, tiny.FACTORY).model, model)
    with pytest.raises(UsageError, match="named by --model"):
        load_trained(path)


def test_published_weights_need_no_name_and_keep_their_digest(tmp_path: Path) -> None:
    """The same weights in a file of ours are the same weights."""
    weights = make_state_dict(NARROW, is_improved=True)
    path = tmp_path / "published.pt"
    path.write_bytes(saved(as_network(weights, "improved_sudormrf"), is_zip=False))
    published = load_trained(path)
    assert (published.name, published.is_published) == ("published", True)
    save_model(tmp_path / "ours.safetensors", published.model, {})
    ours = load_trained(tmp_path / "ours.safetensors")
    assert not ours.is_published
    assert ours.digest == published.digest
    weights["decoder.weight"][0, 0, 0] += 1e-6
    path.write_bytes(saved(weights, is_zip=True))
    assert load_trained(path).digest != published.digest


@pytest.mark.parametrize(
    ("module", "consistency"),
    [("groupcomm_sudormrf_v2", "mixture"), ("causal_improved_sudormrf_v3", None)],
)
def test_the_authors_later_networks_are_read_and_keep_what_they_prescribe(
    module: str, consistency: str | None, tmp_path: Path
) -> None:
    weights = make_weights(SHAPES[module](replace(NARROW, hidden=6)))
    path = tmp_path / "published.pt"
    path.write_bytes(saved(nn.DataParallel(as_network(weights, module)), is_zip=True))
    published = load_trained(path)
    assert published.is_published
    save_model(tmp_path / "ours.safetensors", published.model, {})
    ours = load_trained(tmp_path / "ours.safetensors")
    assert_has_weights(ours.model, published.model)
    for network in (published.model, ours.model):
        assert prescribed_consistency(network) == consistency


def test_the_state_of_a_training_is_answered_with_its_weights(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, tiny.training().state())
    for own_factory in (None, tiny.FACTORY):
        with pytest.raises(
            UsageError, match=r"state\.pt: .*model\.safetensors beside it: give that"
        ):
            load_trained(path, own_factory)


def test_another_network_than_the_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, tiny.masker(), METADATA)
    with pytest.raises(UsageError, match=r"is of tests\..*:masker, not of a\.b:c. Correct --model"):
        load_trained(path, "a.b:c")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, tiny.two_step(), METADATA)
    with pytest.raises(UsageError, match=r"do not fit tiny: .*is missing.*commit abc"):
        load_trained(path, tiny.FACTORY)
    torch.save(tiny.two_step().state_dict(), path)
    with pytest.raises(UsageError, match=r"do not fit tests\..*is missing.*Correct --model"):
        load_trained(path, tiny.FACTORY)


@pytest.mark.parametrize(
    ("factory", "reason"), [("absent.module:net", "absent"), (f"{tiny.FACTORY}s", "no function")]
)
def test_a_network_that_is_not_here_is_named(factory: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, tiny.masker(), METADATA | {"factory": factory})
    with pytest.raises(UsageError, match=f"can't be built: .*{reason}"):
        load_trained(path, factory)


@pytest.mark.parametrize("request_", ["sudormrf-*", "all"])
def test_one_network_is_named(request_: str, tmp_path: Path) -> None:
    path = tmp_path / "saved.pt"
    torch.save(tiny.masker().state_dict(), path)
    with pytest.raises(UsageError, match="several networks"):
        load_trained(path, request_)


@pytest.mark.parametrize("own_factory", [None, "tiny"])
@pytest.mark.parametrize("schema", [1, 2])
def test_a_function_that_only_the_file_names_is_never_called(
    schema: int, own_factory: str | None, tmp_path: Path
) -> None:
    """Its own name for the network is not the function's."""
    path = tmp_path / "model.safetensors"
    header = {METADATA_KEY: json.dumps(METADATA | {"factory": "os:abort", "schema": schema})}
    save_file(tiny.masker().state_dict(), path, metadata=header)
    with pytest.raises(UsageError, match=r"os:abort.*not in the registry.*--model os:abort"):
        load_trained(path, own_factory)


def test_a_configuration_that_is_not_the_weights_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    described = {"schema": 2, "architecture": "SuDoRMRF", "config": asdict(CONFIG) | {"n_src": 3}}
    save_file(SuDoRMRF(CONFIG).state_dict(), path, metadata={METADATA_KEY: json.dumps(described)})
    with pytest.raises(UsageError, match=r"model\.safetensors: .*is expected.*n_src=3"):
        load_trained(path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x02}.", b"12345678{", b"text"], ids=str)
def test_a_file_that_is_no_checkpoint_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(UsageError, match=r"model\.bin: .*"):
        load_trained(tmp_path / "model.bin")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.bin: No such file"):
        load_trained(tmp_path / "missing.bin")


class Executes:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.abort, ()  # type: ignore[return-value]


def test_a_pickle_beside_the_weights_is_not_run_either(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"state_dict": tiny.masker().state_dict(), "loss": Executes()}, buffer)
    (tmp_path / "saved.pt").write_bytes(buffer.getvalue())
    with pytest.raises(UsageError, match=r"saved\.pt: .*abort.*Nothing in it was run"):
        load_trained(tmp_path / "saved.pt", tiny.FACTORY)
