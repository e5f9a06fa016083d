"""What can't be read, separated or written is named, and nothing is left behind."""

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from bench.errors import UsageError
from bench.networks.checkpoint import save_model
from bench.recordings.recording import measure_recording
from bench.recordings.separation import load_network
from bench.recordings.sources import open_source, unfinished_folder
from models.sudormrf import sudormrf_0_25x
from tests.bench.recordings.separating import (
    LEVELLED,
    Shares,
    separate,
    speech,
)

FACTORY = "models.sudormrf:sudormrf_0_25x"


def test_a_disk_that_is_full_at_the_end_is_named_and_nothing_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are scaled when all of them are there."""

    def is_full(path: Path, gain: float) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    soundfile.write(tmp_path / "in.wav", speech(), 8000)
    monkeypatch.setattr("bench.recordings.separation.scale_source", is_full)
    with pytest.raises(UsageError, match="No space left"):
        separate(tmp_path / "in.wav", tmp_path / "out", Shares(), LEVELLED)
    assert os.listdir(tmp_path) == ["in.wav"]


def write_bad(kind: str, path: Path) -> None:
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "no samples":
            soundfile.write(path, np.zeros(0), 8000)
        case "NaN" | "infinite":
            samples = speech()
            samples[20_000] = np.nan if kind == "NaN" else -np.inf
            soundfile.write(path, samples, 8000, subtype="FLOAT")
        case "text":
            path.write_text("no audio")
        case "half a header":
            soundfile.write(path, speech(), 8000)
            path.write_bytes(path.read_bytes()[:30])
        case "folder":
            path.mkdir()
        case "shorter than a sample at 8 kHz":
            soundfile.write(path, np.ones(2), 48_000)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("empty", "can't be read as audio"),
        ("no samples", "0 samples"),
        ("NaN", r"not finite before 2\.6 s"),
        ("infinite", "not finite"),
        ("text", "can't be read as audio"),
        ("half a header", "can't be read as audio"),
        ("folder", "no recording"),
        ("missing", "no recording"),
        ("shorter than a sample at 8 kHz", "too few"),
    ],
)
def test_bad_recordings_are_named_with_the_reason(kind: str, reason: str, tmp_path: Path) -> None:
    write_bad(kind, tmp_path / "in.wav")
    with pytest.raises(UsageError, match=rf"in\.wav.*{reason}|{reason}.*in\.wav"):
        measure_recording(tmp_path / "in.wav")


class Fails(nn.Module):
    """Fails at its second chunk, when the files already exist."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__()
        self.error = error
        self.n_calls = 0

    def forward(self, mixture: Tensor) -> Tensor:
        self.n_calls += 1
        if self.n_calls < 2:
            return mixture.repeat(1, 2, 1)
        if self.error:
            raise self.error
        return torch.full_like(mixture, torch.nan)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (RuntimeError("broken"), RuntimeError),
        (None, UsageError),
    ],
    ids=["Ctrl-C", "a bug", "NaN"],
)
def test_nothing_is_left_of_a_separation_that_did_not_end(
    error: BaseException | None, raised: type[BaseException], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "in.wav", speech(), 8000)
    with pytest.raises(raised):
        separate(tmp_path / "in.wav", tmp_path / "out", Fails(error))
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    with unfinished_folder(tmp_path / "out") as unfinished:
        (unfinished / "source1.wav").write_bytes(b"half")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["source1.wav"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_may_be_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with unfinished_folder(tmp_path / "out") as unfinished:
        (unfinished / "source1.wav").touch()
    assert (tmp_path / "out" / "source1.wav").exists()


def test_a_full_folder_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(UsageError, match="already exists"), unfinished_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["file/out", "missing/out"])
def test_a_folder_that_cant_be_made_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"{name} can't be written"):  # noqa: SIM117
        with unfinished_folder(tmp_path / name):
            pass


def test_a_full_disk_is_named_and_nothing_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(self: soundfile.SoundFile, data: Any) -> None:
        raise soundfile.LibsndfileError(2)

    soundfile.write(tmp_path / "in.wav", speech(), 8000)
    monkeypatch.setattr(soundfile.SoundFile, "write", is_full)
    with pytest.raises(UsageError, match="is full"):
        separate(tmp_path / "in.wav", tmp_path / "out", Shares())
    assert os.listdir(tmp_path) == ["in.wav"]


@pytest.mark.parametrize("name", ["source2.wav", "scaled-source1.wav"])
def test_a_disk_without_room_for_another_file_is_no_fault_of_the_recording(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = soundfile.SoundFile.__init__

    def is_full(self: soundfile.SoundFile, path: Path, *more: Any, **options: Any) -> None:
        if Path(path).name == name:
            raise soundfile.LibsndfileError(2)
        opened(self, path, *more, **options)

    soundfile.write(tmp_path / "in.wav", speech(), 8000)
    monkeypatch.setattr(soundfile.SoundFile, "__init__", is_full)
    with pytest.raises(UsageError, match=rf"^{name} can't be written.*Free some space"):
        separate(tmp_path / "in.wav", tmp_path / "out", Shares(), LEVELLED)
    assert os.listdir(tmp_path) == ["in.wav"]


@pytest.mark.parametrize(
    ("n_frames", "container"), [(1, "WAV"), (2**30 - 256, "WAV"), (2**30 - 255, "RF64")]
)
def test_lengths_that_a_wav_file_can_not_say_have_a_container_that_can(
    n_frames: int, container: str, tmp_path: Path
) -> None:
    """The size of a WAV file has 32 bits: of 6.2 h at 48 kHz the rest would be lost."""
    with open_source(tmp_path / "out.wav", 48_000, n_frames) as file:
        file.write(np.ones(7))
    assert soundfile.info(tmp_path / "out.wav").format == container
    samples, _ = soundfile.read(tmp_path / "out.wav")
    assert samples.tolist() == [1.0] * 7


class OtherLength(nn.Module):
    """Returns samples that its input does not have, or not all."""

    def __init__(self, n_more: int) -> None:
        super().__init__()
        self.n_more = n_more

    def forward(self, mixture: Tensor) -> Tensor:
        time = mixture.shape[-1] + self.n_more
        return torch.zeros(1, 2, time)


@pytest.mark.parametrize("n_more", [-3, 3])
def test_estimates_of_another_length_are_refused(n_more: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", speech(), 8000)
    with pytest.raises(UsageError, match=r"expected a tensor \[1, n_src, 16000\]"):
        separate(tmp_path / "in.wav", tmp_path / "out", OtherLength(n_more))
    assert os.listdir(tmp_path) == ["in.wav"]


def test_a_gpu_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"--device cuda: .* no CUDA device"):
        load_network(tmp_path / "any", "cuda")


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x02}.", b"12345678{", b"text"], ids=str)
def test_a_file_that_is_no_checkpoint_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(UsageError, match=r"model\.bin: "):
        load_network(tmp_path / "model.bin", "cpu")


def test_a_training_gives_a_checkpoint(tmp_path: Path) -> None:
    model = sudormrf_0_25x()
    save_model(
        tmp_path / "model.safetensors", model, {"factory": FACTORY, "model": "sudormrf-0.25x"}
    )
    loaded = load_network(tmp_path / "model.safetensors", "cpu")
    assert not loaded.training
    weights = loaded.state_dict()
    assert all(torch.equal(weights[name], own) for name, own in model.state_dict().items())


def test_a_factory_that_is_not_registered_is_never_called(tmp_path: Path) -> None:
    save_model(
        tmp_path / "model.safetensors", nn.Linear(1, 1), {"factory": "os:abort", "model": "own"}
    )
    with pytest.raises(UsageError, match=r"os:abort.*not in the registry"):
        load_network(tmp_path / "model.safetensors", "cpu")


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.bin: No such file"):
        load_network(tmp_path / "missing.bin", "cpu")
