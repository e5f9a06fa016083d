"""The command, with the recorded mixture of the package and networks too small to separate it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from bench import separate
from bench.measuring.mixture import load_speakers
from bench.networks.checkpoint import save_model
from models.sudormrf import SuDoRMRF, SuDoRMRFConfig
from tests.bench import tiny_corpora as tiny
from tests.models.checkpoints.later_examples import SHAPES, make_weights
from tests.models.checkpoints.reference_examples import NARROW, as_network, make_state_dict, saved
from tests.simulated_cuda.install import simulated_cuda
from tests.textbook.agreement import one_thread as one_thread

ROOT = Path(__file__).parents[2]
TINY = SuDoRMRFConfig(
    n_blocks=1, kernel_size=5, n_filters=6, bn_chan=4, hid_chan=4, upsampling_depth=3
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(tmp_path / "tiny.safetensors", SuDoRMRF(TINY), {})
    return tmp_path / "tiny.safetensors"


def record_mixture(path: Path, rate: int, n_chan: int, n_copies: int = 1) -> Path:
    """The package's two speakers, mixed; a second each copy."""
    mixture = load_speakers().sum(0).numpy()[:8000] / 2
    resampled = soxr.resample(np.stack([mixture] * n_chan, axis=1), 8000, rate)
    with soundfile.SoundFile(path, "w", rate, n_chan, "PCM_16") as file:
        for _ in range(n_copies):
            file.write(resampled)
    return path


@pytest.mark.parametrize(("rate", "n_chan"), [(44_100, 2), (8000, 1)])
def test_a_recorded_mixture_is_separated(
    rate: int, n_chan: int, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixture = record_mixture(tmp_path / "in.wav", rate, n_chan)
    folder = tmp_path / "out"
    assert separate.main([str(mixture), str(folder), "--checkpoint", str(checkpoint)]) == 0
    written = capsys.readouterr().out.splitlines()
    assert written == [str(folder / f"source{number}.wav") for number in (1, 2)]
    for path in written:
        described = soundfile.info(path)
        assert (described.samplerate, described.frames, described.channels) == (rate, rate, 1)
        assert described.subtype == "FLOAT"
        assert np.isfinite(soundfile.read(path)[0]).all()


def test_the_chunks_of_a_network_are_its_estimates(checkpoint: Path, tmp_path: Path) -> None:
    mixture = record_mixture(tmp_path / "in.wav", 8000, 1)
    samples = torch.from_numpy(soundfile.read(mixture, dtype="float32")[0])
    arguments = [str(mixture), str(tmp_path / "out"), "--checkpoint", str(checkpoint)]
    separate.main([*arguments, "--consistency", "none"])
    torch.manual_seed(0)
    model = SuDoRMRF(TINY)
    deviation = samples.std(correction=0)
    with torch.no_grad():
        expected = model(((samples - samples.mean()) / deviation)[None, None])[0] * deviation
    for number, source in enumerate(expected, start=1):
        found = soundfile.read(tmp_path / "out" / f"source{number}.wav", dtype="float32")[0]
        np.testing.assert_allclose(found, source.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("consistency", [None, "mixture"])
def test_the_sources_add_up_to_the_recording(
    consistency: str | None, checkpoint: Path, tmp_path: Path
) -> None:
    """By default with gains, which leave the residual of least squares: it lies beside the sum."""
    mixture = record_mixture(tmp_path / "in.wav", 8000, 1)
    arguments = [str(mixture), str(tmp_path / "out"), "--checkpoint", str(checkpoint)]
    chosen = ["--consistency", consistency] if consistency else []
    assert separate.main([*arguments, *chosen, "--chunk-s", "inf"]) == 0
    heard = soundfile.read(mixture)[0]
    heard -= heard.mean()
    found = [soundfile.read(path)[0] for path in sorted((tmp_path / "out").iterdir())]
    missing = heard - sum(found)
    assert abs(float(missing @ sum(found))) < 1e-5 * float(heard @ heard)
    assert all(float(source @ heard) > 0 for source in found)
    if consistency == "mixture":
        np.testing.assert_allclose(missing, 0, atol=1e-6)


@pytest.mark.parametrize(
    ("module", "adds_up"), [("groupcomm_sudormrf_v2", True), ("causal_improved_sudormrf_v3", False)]
)
def test_what_the_authors_prescribe_is_the_default(
    module: str, adds_up: bool, tmp_path: Path
) -> None:
    """Group communication's sources add up to the recording, where the option says nothing else."""
    weights = make_weights(SHAPES[module](replace(NARROW, hidden=6)))
    (tmp_path / "published.pt").write_bytes(saved(as_network(weights, module), is_zip=True))
    mixture = record_mixture(tmp_path / "in.wav", 8000, 1)
    heard = soundfile.read(mixture)[0]
    heard -= heard.mean()
    missing = {}
    for chosen in ((), ("--consistency", "gain"), ("--consistency", "mixture")):
        folder = tmp_path / "-".join(("out", *chosen))
        arguments = [str(mixture), str(folder), "--checkpoint", str(tmp_path / "published.pt")]
        assert separate.main([*arguments, *chosen]) == 0
        missing[chosen] = heard - sum(soundfile.read(path)[0] for path in folder.iterdir())
    same_as = ("--consistency", "mixture" if adds_up else "gain")
    np.testing.assert_array_equal(missing[()], missing[same_as])
    np.testing.assert_allclose(missing["--consistency", "mixture"], 0, atol=1e-6)
    assert np.abs(missing["--consistency", "gain"]).max() > 1e-3


def test_chunks_too_short_are_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixture = record_mixture(tmp_path / "in.wav", 8000, 1)
    arguments = [str(mixture), str(tmp_path / "out"), "--checkpoint", str(checkpoint)]
    for chunk_s in ("0.5", "-1", "nan"):
        assert separate.main([*arguments, "--chunk-s", chunk_s]) == 2
        assert "--chunk-s must be at least 1, not" in capsys.readouterr().err


def test_a_published_file_is_a_checkpoint_too(tmp_path: Path) -> None:
    network = as_network(make_state_dict(NARROW, is_improved=True), "improved_sudormrf")
    (tmp_path / "published.pt").write_bytes(saved(network, is_zip=False))
    mixture = record_mixture(tmp_path / "in.wav", 16_000, 1)
    arguments = [str(mixture), str(tmp_path / "out")]
    assert separate.main([*arguments, "--checkpoint", str(tmp_path / "published.pt")]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_state_dict_is_one_with_the_name_of_its_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"model_state_dict": tiny.masker().state_dict()}, tmp_path / "saved.pt")
    mixture = record_mixture(tmp_path / "in.wav", 8000, 1)
    arguments = [str(mixture), str(tmp_path / "out"), "--checkpoint", str(tmp_path / "saved.pt")]
    assert separate.main(arguments) == 2
    assert "named by --model" in capsys.readouterr().err
    assert separate.main([*arguments, "--model", tiny.FACTORY]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_bad_recording_ends_with_a_sentence_and_no_folder(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.wav").write_text("no audio")
    arguments = [str(tmp_path / "in.wav"), str(tmp_path / "out")]
    assert separate.main([*arguments, "--checkpoint", str(checkpoint)]) == 2
    assert "can't be read as audio" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "tiny.safetensors"]


def test_ctrl_c_says_that_nothing_was_written(
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    mixture = record_mixture(tmp_path / "in.wav", 8000, 1)
    monkeypatch.setattr("bench.recordings.separation.estimate", interrupted)
    arguments = [str(mixture), str(tmp_path / "out"), "--checkpoint", str(checkpoint)]
    assert separate.main(arguments) == 130
    assert capsys.readouterr().err == "Interrupted. Nothing was written.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "tiny.safetensors"]


def peak_rss_bytes(mixture: Path, checkpoint: Path) -> int:
    """Of the command in a process of its own: the kernel's mark, which no parent's adds to."""
    code = (
        "from pathlib import Path; from bench.separate import main; assert main() == 0; "
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    arguments = [str(mixture), f"{mixture}.out", "--checkpoint", str(checkpoint)]
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1]) * 1024


@pytest.mark.thorough
def test_memory_does_not_grow_with_the_recording(checkpoint: Path, tmp_path: Path) -> None:
    peaks = [
        peak_rss_bytes(record_mixture(tmp_path / f"{n_s}.wav", 44_100, 2, n_s), checkpoint)
        for n_s in (60, 600)
    ]
    assert peaks[1] - peaks[0] < 16 * 2**20  # all samples of one channel alone are 106 MB


@pytest.mark.parametrize(("scenario", "code"), [("full at once", 2), ("data-centre card", 0)])
def test_a_gpu_that_is_full_ends_with_a_sentence_and_no_folder(
    scenario: str, code: int, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixture = record_mixture(tmp_path / "in.wav", 8000, 1)
    arguments = [str(mixture), str(tmp_path / "out"), "--checkpoint", str(checkpoint)]
    with simulated_cuda(scenario):
        assert separate.main([*arguments, "--device", "cuda"]) == code
    said = capsys.readouterr().err
    if code:
        assert (
            "The intermediate results of 1 s do not fit into memory (CUDA out of memory. " in said
        )
        assert "with --chunk-s (it was 8), or use --device cpu." in said
    assert (tmp_path / "out").exists() == (code == 0)


def test_memory_that_is_full_on_the_cpu_is_said_too(
    checkpoint: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> torch.Tensor:
        return torch.empty(2**60, dtype=torch.uint8)

    mixture = record_mixture(tmp_path / "in.wav", 8000, 1)
    monkeypatch.setattr("bench.recordings.separation.estimate", full)
    arguments = [str(mixture), str(tmp_path / "out"), "--checkpoint", str(checkpoint)]
    assert separate.main(arguments) == 2
    assert "do not fit into memory (" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
