"""The sources of a recording: their level, sign, length, rate and sum."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from bench.evaluation.consistency import Consistency
from bench.measuring.mixture import load_speakers
from bench.recordings.recording import measure_recording
from bench.recordings.separation import separate_recording
from bench.recordings.settings import SeparationSettings
from bench.recordings.stitching import Signal
from tests.bench.recordings.separating import (
    AS_IT_IS,
    LEVELLED,
    N_NEW,
    SHARES,
    Shares,
    separate,
    speech,
    tones,
)


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


class Humming(nn.Module):
    """Returns sound whatever it hears, as a network with biases does."""

    def forward(self, mixture: Tensor) -> Tensor:
        return mixture.repeat(1, 2, 1) + 0.5


@pytest.mark.parametrize("level", [0.0, 0.25])
def test_silence_stays_silence(level: float, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", np.full(20_000, level), 8000, subtype="FLOAT")
    for source in separate(tmp_path / "in.wav", tmp_path / "out", Humming()):
        assert np.abs(source).max() < 1e-12
