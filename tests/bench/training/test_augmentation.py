"""Augmented mixtures are mixtures: zero mean, unit variance, and always the same."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.corpora.mixing import Mixture
from bench.training.augmentation import FASTEST, Augmented, play, samples_to_draw
from tests.bench.tiny_corpora import Noises

N = 4000


def tone(frequency: float, n_samples: int) -> NDArray[np.float32]:
    wave: NDArray[np.float64] = np.sin(2 * np.pi * frequency * np.arange(n_samples))
    return wave.astype(np.float32)


def test_speed_moves_the_pitch() -> None:
    """Of a slow tone, whose linear interpolation is as good as exact: (2 pi f)^2 / 8 = 5e-6."""
    longer = tone(0.001, samples_to_draw(N))
    for speed in (0.9, 1.0, 1.1):
        expected = np.sin(2 * np.pi * 0.001 * speed * np.arange(N))
        assert play(longer, speed, N) == pytest.approx(expected, abs=1e-5)


def test_sound_at_the_end_alone_is_kept() -> None:
    late = np.zeros(samples_to_draw(N), np.float32)
    late[-50:] = 1
    assert play(late, 0.9, N).any()


class Tones:
    """Two tones of equal power, as long as asked."""

    def draw(self, epoch: int, index: int) -> Mixture:
        sources = np.stack([tone(0.01, samples_to_draw(N)), tone(0.017, samples_to_draw(N))])
        return Mixture(sources.sum(0), sources)


def test_gains_and_speeds_stay_in_their_ranges_and_reach_their_ends() -> None:
    """Of tones, speed is the place of the spectrum's peak, and gain the ratio of powers."""
    augmented = Augmented(Tones(), N, seed=0)
    speeds, ratios_db = [], []
    for index in range(300):
        sources = augmented.draw(0, index).sources.astype(np.float64)
        spectrum = np.abs(np.fft.rfft(sources * np.hanning(N), 16 * N))
        speeds += list(spectrum.argmax(1) / (16 * N) / np.array([0.01, 0.017]))
        one, other = sources.std(1)
        ratios_db.append(20 * np.log10(one / other))
    assert 0.899 < min(speeds) < 0.91
    assert 1.09 < max(speeds) < 1.101
    assert -6.1 < min(ratios_db) < -4.5
    assert 4.5 < max(ratios_db) < 6.1


def test_they_are_mixtures_and_depend_on_nothing_but_their_numbers() -> None:
    augmented = Augmented(Noises(samples_to_draw(N), 0), N, seed=3)
    one, again = augmented.draw(1, 2), Augmented(Noises(samples_to_draw(N), 0), N, 3).draw(1, 2)
    assert np.array_equal(one.mixture, again.mixture)
    assert np.array_equal(one.sources, again.sources)
    assert one.sources.shape == (2, N)
    assert one.sources.dtype == np.float32
    assert np.array_equal(one.mixture, one.sources.sum(0))
    assert np.abs(one.sources.mean(1)).max() < 1e-6
    assert float(one.mixture.std()) == pytest.approx(1, abs=1e-6)
    assert not np.array_equal(one.mixture, augmented.draw(1, 3).mixture)
    assert not np.array_equal(one.mixture, Augmented(Noises(4400, 0), N, 4).draw(1, 2).mixture)
    assert samples_to_draw(N) == pytest.approx(N * FASTEST, abs=1)
