"""Files that are whole at any moment, and that say what is in them."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from bench.errors import UsageError
from bench.networks.checkpoint import (
    METADATA_KEY,
    load_metadata,
    load_model,
    load_state,
    save_model,
    save_state,
)
from tests.bench import tiny_corpora as tiny

METADATA: dict[str, Any] = {
    "model": "tiny",
    "factory": tiny.FACTORY,
    "si_sdri_db": 3.25,
    "code": {"commit": "abc", "is_modified": False},
}


def test_weights_and_metadata_come_back_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = tiny.masker()
    save_model(path, model, METADATA)
    loaded, metadata = load_model(path, tiny.FACTORY)
    assert metadata == METADATA | {"schema": 1}
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_a_process_killed_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies beside it is never read."""
    path = tmp_path / "state.pt"
    save_state(path, {"step": 1})
    (tmp_path / f".state.pt.{os.getpid()}").write_bytes(path.read_bytes()[:100])
    state = load_state(path)
    assert state is not None
    assert state["step"] == 1
    save_state(path, {"step": 2})
    assert load_state(path) == {"schema": 1, "step": 2}


def test_no_state_is_none(tmp_path: Path) -> None:
    assert load_state(tmp_path / "state.pt") is None


def test_a_foreign_file_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(b"nonsense")
    with pytest.raises(UsageError, match=r"not the state of a training"):
        load_state(path)


def test_foreign_weights_are_no_checkpoint(tmp_path: Path) -> None:
    text, plain = tmp_path / "text", tmp_path / "plain.safetensors"
    text.write_text("nonsense, and longer than eight bytes")
    save_file({"weight": torch.zeros(2)}, plain)
    for path in (text, plain):
        with pytest.raises(UsageError, match=r"is not a checkpoint of bench.train"):
            load_metadata(path)
    with pytest.raises(UsageError, match=r"No checkpoint can be read"):
        load_metadata(tmp_path / "absent")


@pytest.mark.parametrize("header", ["[]", '{"schema": 1}', '{"schema": 1, "model": "tiny"}', "3"])
def test_a_header_without_a_network_is_no_checkpoint(header: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"weight": torch.zeros(2)}, path, metadata={METADATA_KEY: header})
    with pytest.raises(UsageError, match=r"is not a checkpoint of bench.train"):
        load_metadata(path)


def test_a_checkpoint_of_another_network_than_asked_for_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, tiny.masker(), METADATA)
    with pytest.raises(UsageError, match=r"is of tests\..*:masker, not of a\.b:c. Correct --model"):
        load_model(path, "a.b:c")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, tiny.two_step(), METADATA)
    with pytest.raises(UsageError, match=r"do not fit tiny.*commit abc"):
        load_model(path, tiny.FACTORY)


@pytest.mark.parametrize(
    ("factory", "reason"), [("absent.module:net", "absent"), (f"{tiny.FACTORY}s", "no function")]
)
def test_a_network_that_is_not_here_is_named(factory: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, tiny.masker(), METADATA | {"factory": factory})
    with pytest.raises(UsageError, match=f"can't be built: .*{reason}"):
        load_model(path, factory)


def test_a_function_that_only_the_file_names_is_never_called(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, tiny.masker(), METADATA | {"factory": "os:abort"})
    with pytest.raises(UsageError, match=r"os:abort.*not in the registry.*--model os:abort"):
        load_model(path)
