"""Files that are whole at any moment, and that say what is in them."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bench.errors import UsageError
from bench.networks.checkpoint import (
    METADATA_KEY,
    load_state,
    read_metadata,
    save_model,
    save_state,
)
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig
from tests.bench import tiny_corpora as tiny

CONFIG = SuDoRMRFConfig(
    n_blocks=1, kernel_size=5, n_filters=6, bn_chan=4, hid_chan=4, upsampling_depth=3
)


def test_the_header_says_what_was_given(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    metadata = {"model": "tiny", "factory": tiny.FACTORY, "code": {"commit": "abc"}}
    save_model(path, tiny.masker(), metadata)
    assert read_metadata(path) == metadata | {"schema": 2}


def test_the_header_of_a_sudormrf_has_its_configuration(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, SuDoRMRF(CONFIG), {"source": "noise"})
    assert read_metadata(path) == {
        "schema": 2,
        "source": "noise",
        "architecture": "SuDoRMRF",
        "config": asdict(CONFIG),
    }


def test_both_forms_of_the_first_schema_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    trained = {"schema": 1, "model": "tiny", "factory": tiny.FACTORY}
    save_file({"w": torch.ones(1)}, path, metadata={METADATA_KEY: json.dumps(trained)})
    assert read_metadata(path) == trained
    header = {"architecture": "SuDoRMRF", "config": json.dumps(asdict(CONFIG)), "source": "a"}
    save_file({"w": torch.ones(1)}, path, metadata=header)
    assert read_metadata(path) == header | {"schema": 1, "config": asdict(CONFIG)}


def test_a_foreign_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    save_file({"w": torch.ones(1)}, path, metadata={"format": "pt"})
    assert read_metadata(path) == {}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({METADATA_KEY: "[]"}, "damaged"),
        ({METADATA_KEY: "{"}, "damaged"),
        ({METADATA_KEY: "[" * 100_000}, "damaged"),
        ({METADATA_KEY: "{}"}, "has schema None; this code reads 2"),
        ({METADATA_KEY: '{"schema": 3}'}, "has schema 3; this code reads 2"),
        ({"architecture": "SuDoRMRF", "config": "{"}, "damaged"),
    ],
)
def test_a_header_that_can_not_be_read_is_refused(
    header: dict[str, str], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"w": torch.zeros(2)}, path, metadata=header)
    with pytest.raises(UsageError, match=rf"model\.safetensors.*{reason}"):
        read_metadata(path)


def test_every_cut_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, SuDoRMRF(CONFIG), {})
    content = path.read_bytes()
    for n_bytes in [*range(0, len(content), 997), len(content) - 1]:
        path.write_bytes(content[:n_bytes])
        with pytest.raises(UsageError, match=r"model\.safetensors"):
            read_metadata(path)


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
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
