import errno
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from bench.errors import UsageError
from bench.evaluation.consistency import Consistency
from bench.measuring.mixture import load_speakers
from bench.networks.checkpoint import save_model
from bench.recordings import recording
from bench.recordings.recording import measure_recording
from bench.recordings.separation import load_network, separate_recording
from bench.recordings.settings import SeparationSettings
from bench.recordings.sources import unfinished_folder
from bench.recordings.stitching import Signal
from models.sudormrf import sudormrf_0_25x
from tests.textbook.agreement import one_thread as one_thread

FACTORY = "models.sudormrf:sudormrf_0_25x"
SHARES = (0.25, 0.75)


class Shares(nn.Module):
    """Its estimates are known shares of the mixture.

    Every other call has them in another order, and every third one with other signs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.n_calls = 0
        self.heard: list[Tensor] = []

    def forward(self, mixture: Tensor) -> Tensor:
        self.n_calls += 1
        self.heard.append(mixture[0, 0])
        signs = -1 if self.n_calls % 3 == 0 else 1
        shares = signs * torch.tensor(SHARES if self.n_calls % 2 else SHARES[::-1])
        return mixture * shares[:, None]


AS_IT_IS = SeparationSettings(chunk_s=2.0, consistency="none")
"""Chunks of two seconds, so that four seconds have seams."""
N_NEW = 12_000  # samples of a chunk that the one before did not have


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks far shorter than a chunk."""
    monkeypatch.setattr(recording, "BLOCK_FRAMES", 1000)


def speech() -> Signal:
    """Four seconds of two speakers at 8 kHz, in -1 .. 1."""
    mixture: Signal = (load_speakers().sum(0) / 2).float().numpy()
    return mixture


def tones(rate: int, n_frames: int) -> Signal:
    """Far below 4 kHz, so that resampling there and back keeps them."""
    time = np.arange(n_frames) / rate
    fade = np.minimum(1, np.minimum(np.arange(n_frames), np.arange(n_frames)[::-1]) / (rate / 10))
    mixed = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sin(2 * np.pi * 997 * time)
    signal: Signal = (fade * mixed).astype(np.float32)
    return signal


def separate(
    path: Path, folder: Path, model: nn.Module, settings: SeparationSettings = AS_IT_IS
) -> list[Signal]:
    moments = measure_recording(path)
    paths = separate_recording(path, folder, model, moments, settings, lambda done_s: None)
    assert sorted(folder.iterdir()) == paths
    sources = []
    for written in paths:
        samples, rate = soundfile.read(written, dtype="float32")
        assert (rate, len(samples)) == (moments.sample_rate, moments.n_frames)
        sources.append(samples)
    return sources


def check_shares(sources: list[Signal], mixture: Signal, tolerance: float) -> None:
    scale = float(np.abs(mixture).max())
    for share, source in zip(SHARES, sources, strict=True):
        np.testing.assert_allclose(source, share * mixture, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [("PCM_16", 1e-4), ("PCM_24", 1e-6), ("PCM_U8", 2e-2), ("FLOAT", 1e-6), ("DOUBLE", 1e-6)],
)
def test_sources_have_the_mixtures_scale_in_every_format(
    subtype: str, tolerance: float, tmp_path: Path
) -> None:
    mixture = speech() - speech().mean()  # the networks' estimates have no mean
    soundfile.write(tmp_path / "in.wav", mixture, 8000, subtype=subtype)
    sources = separate(tmp_path / "in.wav", tmp_path / "out", Shares())
    check_shares(sources, mixture, tolerance + 1e-2 * (subtype == "PCM_U8"))


@pytest.mark.parametrize("n_frames", [1, 7, 15_999, 16_000, 16_001, 24_000, 32_000])
def test_every_length_is_kept(n_frames: int, tmp_path: Path) -> None:
    mixture = tones(8000, 32_000)[:n_frames]
    soundfile.write(tmp_path / "in.wav", mixture, 8000, subtype="FLOAT")
    sources = separate(tmp_path / "in.wav", tmp_path / "out", Shares())
    if n_frames > 1:
        check_shares(sources, mixture - mixture.mean(), 1e-5)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
def test_every_rate_is_kept(rate: int, tmp_path: Path) -> None:
    n_frames = 3 * rate + 1
    stereo = np.stack([1.5 * tones(rate, n_frames), 0.5 * tones(rate, n_frames)], axis=1)
    soundfile.write(tmp_path / "in.wav", stereo, rate, subtype="FLOAT")
    sources = separate(tmp_path / "in.wav", tmp_path / "out", Shares())
    check_shares(sources, stereo.mean(axis=1), 2e-3)


def test_the_network_hears_mean_0_and_deviation_1(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", 0.01 * speech() + 0.2, 8000, subtype="FLOAT")
    model = Shares()
    separate(tmp_path / "in.wav", tmp_path / "out", model)
    first, *rest = model.heard
    n_overlap = 16_000 - N_NEW
    assert all(torch.equal(a[N_NEW:], b[:n_overlap]) for a, b in pairwise(model.heard))
    whole = torch.cat([first, *(chunk[n_overlap:] for chunk in rest)]).double()
    assert len(whole) == 32_000
    assert abs(float(whole.mean())) < 1e-5
    assert abs(float(whole.std()) - 1) < 1e-4


class Knows(nn.Module):
    """Returns the sources themselves, times numbers that differ, in any order and with any sign."""

    def __init__(self, sources: Signal, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levelled = torch.from_numpy(sources) * torch.tensor(levels)[:, None]
        self.n_calls = 0

    def forward(self, mixture: Tensor) -> Tensor:
        start = self.n_calls * N_NEW
        self.n_calls += 1
        heard = self.levelled[:, start : start + mixture.shape[-1]]
        turned = -heard if self.n_calls % 2 else heard
        return turned.roll(self.n_calls, 0)[None]


def two_speakers() -> Signal:
    speakers: Signal = (load_speakers() / 2).float().numpy()
    centred: Signal = speakers - speakers.mean(1, keepdims=True)
    return centred


LEVELLED = SeparationSettings(chunk_s=2.0)


@pytest.mark.parametrize("levels", [(1.0, 1.0), (-4.0, -4.0), (-0.01, 30.0), (300.0, -7.0)])
def test_sources_get_their_level_and_sign_back(levels: tuple[float, ...], tmp_path: Path) -> None:
    """To the rounding of float32 samples: 1e-5 of full scale."""
    sources = two_speakers()
    soundfile.write(tmp_path / "in.wav", sources.sum(0), 8000, subtype="FLOAT")
    found = separate(tmp_path / "in.wav", tmp_path / "out", Knows(sources, levels), LEVELLED)
    first = int(np.argmax([abs(float(one @ sources[0])) for one in found]))
    np.testing.assert_allclose(found[first], sources[0], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[1 - first], sources[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("rate", "tolerance"), [(8000, 1e-5), (44_100, 2e-3)])
@pytest.mark.parametrize("consistency", ["gain", "mixture"])
def test_the_sum_is_the_recording_at_every_rate(
    consistency: Consistency, rate: int, tolerance: float, tmp_path: Path
) -> None:
    recorded = tones(rate, 4 * rate)
    soundfile.write(tmp_path / "in.wav", recorded, rate, subtype="FLOAT")
    settings = SeparationSettings(2.0, consistency)
    sources = separate(tmp_path / "in.wav", tmp_path / "out", Loud(), settings)
    np.testing.assert_allclose(sum(sources), recorded, rtol=0, atol=tolerance)


class Loud(nn.Module):
    """Its estimates add up to minus four times the mixture, as after a training by SI-SDR."""

    def forward(self, mixture: Tensor) -> Tensor:
        return mixture * torch.tensor([-3.0, -1.0])[:, None]


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


@pytest.mark.parametrize("duration_s", [0.1, 3.0, 4.0])
def test_one_chunk_holds_a_recording_that_is_no_longer(duration_s: float, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", speech()[: round(8000 * duration_s)], 8000)
    for chunk_s in (4.0, float("inf")):
        model = Shares()
        separate(
            tmp_path / "in.wav", tmp_path / f"out{chunk_s}", model, SeparationSettings(chunk_s)
        )
        assert model.n_calls == 1


def test_what_is_louder_than_full_scale_does_not_clip(tmp_path: Path) -> None:
    mixture = 8 * tones(8000, 8000)
    soundfile.write(tmp_path / "in.wav", mixture, 8000, subtype="FLOAT")
    check_shares(separate(tmp_path / "in.wav", tmp_path / "out", Shares()), mixture, 1e-4)


def test_silence_stays_silent(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.zeros(20_000), 8000)
    for source in separate(tmp_path / "in.wav", tmp_path / "out", Shares()):
        assert not source.any()


@pytest.mark.parametrize("n_src", [1, 3])
def test_a_file_for_each_source(n_src: int, tmp_path: Path) -> None:
    class Copies(nn.Module):
        def forward(self, mixture: Tensor) -> Tensor:
            return mixture.repeat(1, n_src, 1)

    soundfile.write(tmp_path / "in.wav", speech(), 8000)
    assert len(separate(tmp_path / "in.wav", tmp_path / "out", Copies())) == n_src


def test_progress_ends_at_the_duration(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", speech()[:30_000], 8000)
    moments = measure_recording(tmp_path / "in.wav")
    done: list[float] = []
    places = tmp_path / "in.wav", tmp_path / "out"
    separate_recording(*places, Shares(), moments, AS_IT_IS, done.append)
    assert done == sorted(done)
    assert done[-1] == moments.duration_s == 30_000 / 8000


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


class Humming(nn.Module):
    """Returns sound whatever it hears, as a network with biases does."""

    def forward(self, mixture: Tensor) -> Tensor:
        return mixture.repeat(1, 2, 1) + 0.5


@pytest.mark.parametrize("level", [0.0, 0.25])
def test_silence_stays_silence(level: float, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.full(20_000, level), 8000, subtype="FLOAT")
    for source in separate(tmp_path / "in.wav", tmp_path / "out", Humming()):
        assert np.abs(source).max() < 1e-12
