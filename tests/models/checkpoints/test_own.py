import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from models.checkpoints.error import CheckpointError
from models.checkpoints.own import load_checkpoint, network_of, save_checkpoint
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig

NARROW = SuDoRMRFConfig(
    n_blocks=2, kernel_size=5, n_filters=6, bn_chan=4, hid_chan=5, upsampling_depth=3
)


def write(path: Path, config: object, architecture: str = "SuDoRMRF") -> None:
    """A file with the weights of the narrow network and another header."""
    header = {"architecture": architecture, "config": json.dumps(config)}
    save_file(SuDoRMRF(NARROW).state_dict(), path, metadata=header)


@pytest.mark.parametrize(
    "config",
    [
        NARROW,
        replace(NARROW, n_src=3, variant="text", norm="ln"),
        replace(NARROW, variant="improved", mask_activation="relu", decoders="one"),
        replace(NARROW, norm="frame", is_causal=True),
    ],
    ids=str,
)
def test_a_network_comes_back_with_its_configuration(
    config: SuDoRMRFConfig, tmp_path: Path
) -> None:
    model = SuDoRMRF(config)
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model, {"trained_on": "noise"})
    read = load_checkpoint(path)
    assert read.config == config
    mixture = torch.randn(2, 1, 100, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(read(mixture), model(mixture))
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["trained_on"] == "noise"


def test_what_was_read_can_be_trained(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model", SuDoRMRF(NARROW), {})
    read = load_checkpoint(tmp_path / "model")
    read(torch.ones(1, 1, 50)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in read.parameters())


def test_a_failed_save_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, SuDoRMRF(NARROW), {})
    before = path.read_bytes()

    def is_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", is_full)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(path, SuDoRMRF(replace(NARROW, n_blocks=1)), {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_every_cut_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, SuDoRMRF(NARROW), {})
    content = path.read_bytes()
    for n_bytes in [*range(0, len(content), 997), len(content) - 1]:
        path.write_bytes(content[:n_bytes])
        with pytest.raises(CheckpointError, match=r"model\.safetensors"):
            load_checkpoint(path)


FIELDS = asdict(NARROW)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (FIELDS | {"n_blocks": 3}, r"separator\.blocks\.2.* is missing"),
        (FIELDS | {"n_blocks": 1}, r"separator\.blocks\.1.* is not a tensor"),
        (FIELDS | {"hid_chan": 7}, r"expand\.0\.weight .*\[5, 4, 1\].*\[7, 4, 1\]"),
        (FIELDS | {"n_blocks": 10**9}, "too few"),
        (FIELDS | {"upsampling_depth": 10**9}, "too few"),
        (FIELDS | {"n_filters": 10**12}, r"encoder\.0\.weight .* is expected"),
        (FIELDS | {"n_filters": 10**30}, "No network"),
        (FIELDS | {"n_blocks": 1.5}, "No network"),
        (FIELDS | {"n_blocks": "2"}, "damaged"),
        (FIELDS | {"width": 2}, "width"),
        (FIELDS | {"variant": "best"}, "best"),
        ([1, 2], "damaged"),
        ({}, "n_blocks"),
    ],
    ids=range(13),
)
def test_weights_must_be_those_of_the_configuration(
    config: object, reason: str, tmp_path: Path
) -> None:
    write(tmp_path / "other.safetensors", config)
    with pytest.raises(CheckpointError, match=rf"other\.safetensors: .*{reason}"):
        load_checkpoint(tmp_path / "other.safetensors")


def test_other_architectures_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "other.safetensors", FIELDS, architecture="ConvTasNet")
    with pytest.raises(CheckpointError, match=r"ConvTasNet.*SuDoRMRF"):
        load_checkpoint(tmp_path / "other.safetensors")


def test_a_file_without_header_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / "bare.safetensors")
    with pytest.raises(CheckpointError, match="architecture None"):
        load_checkpoint(tmp_path / "bare.safetensors")


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "missing.safetensors")


def test_weights_of_other_kinds_become_float32() -> None:
    halves: dict[str, Any] = {n: w.half() for n, w in SuDoRMRF(NARROW).state_dict().items()}
    model = network_of(NARROW, halves)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
