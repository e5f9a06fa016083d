"""bench.export: a file to deploy, or a sentence that says why there is none."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from bench import export, options
from bench.networks.checkpoint import save_model
from bench.networks.factory import resolve_factory

MODEL = "sudormrf-0.25x"


def test_absent_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    assert export.main([MODEL]) == 2
    assert "pip install 'separation-bench[onnx]'" in capsys.readouterr().err


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused before anything of the packages is used."""
    monkeypatch.setattr(options, "find_spec", lambda name: find_spec("bench"))


@pytest.mark.usefixtures("installed")
def test_a_file_of_another_network_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.safetensors"
    factory = "models.sudormrf:sudormrf_0_25x"
    model = resolve_factory(factory)()
    save_model(path, model, {"model": MODEL, "factory": factory})
    assert export.main(["dprnn", "--checkpoint", str(path)]) == 2
    assert f"is of {factory}, not of dprnn" in capsys.readouterr().err
    assert export.main(["dprnn", "--checkpoint", str(tmp_path / "absent")]) == 2
    assert "No checkpoint can be read from" in capsys.readouterr().err


@pytest.mark.usefixtures("installed")
def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent"
    assert export.main([MODEL, "--output", str(absent / "file.onnx")]) == 2
    assert f"Nothing can be written to {absent}" in capsys.readouterr().err


@pytest.mark.usefixtures("installed")
def test_several_networks_are_no_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert export.main(["table1"]) == 2
    assert "several networks" in capsys.readouterr().err


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")  # the packages' own, another with each release
def test_a_trained_network_becomes_a_file_that_says_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnxruntime

    torch.manual_seed(3)
    factory = "models.sudormrf:sudormrf_0_25x"
    model, path = resolve_factory(factory)().eval(), tmp_path / "model.safetensors"
    save_model(path, model, {"model": MODEL, "factory": factory})
    output = tmp_path / "deployed.onnx"
    assert export.main([MODEL, "--checkpoint", str(path), "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert "8000 samples" in said
    assert "12345 samples" in said
    session = onnxruntime.InferenceSession(output, providers=["CPUExecutionProvider"])
    described = session.get_modelmeta().custom_metadata_map
    assert (described["sample_rate"], described["n_sources"]) == ("8000", "2")
    assert len(described["commit"]) >= 7
    mixture = torch.randn(1, 1, 3000)
    (found,) = session.run(None, {"mixture": mixture.numpy()})
    with torch.inference_mode():
        assert torch.allclose(torch.from_numpy(found), model(mixture), atol=1e-4)
