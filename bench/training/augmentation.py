"""Training mixtures changed at random, so that a small corpus has more of them.

Speed as in T. Ko, V. Peddinti, D. Povey, S. Khudanpur, "Audio augmentation for speech
recognition", Interspeech 2015: 0.9 to 1.1 times, which moves the pitch too.
"""

import math

import numpy as np
from numpy.typing import NDArray

from bench.corpora.mixing import Mixture
from bench.training.drawer import Drawer

FASTEST = 1.1
SLOWEST = 0.9
GAIN_DB = 3.0
STREAM = 1  # of random numbers, apart from those that draw the mixture


def samples_to_draw(n_samples: int) -> int:
    """Of a mixture that can be played fastest and still has so many."""
    return math.ceil(n_samples * FASTEST)


class Augmented:
    """Mixtures of ``n_samples`` whose sources have other speeds and gains than those drawn.

    ``longer`` draws them with ``samples_to_draw`` samples. Each speed is uniform between 0.9 and
    1.1, each gain between plus and minus 3 dB. As all mixtures: sources of zero mean, a mixture of
    unit variance, and always the same for the same seed, epoch and index.
    """

    def __init__(self, longer: Drawer, n_samples: int, seed: int) -> None:
        self.longer, self.n_samples, self.seed = longer, n_samples, seed

    def draw(self, epoch: int, index: int) -> Mixture:
        """Mixture number ``index`` of an epoch, always the same."""
        random = np.random.default_rng([self.seed, STREAM, epoch, index])
        drawn = self.longer.draw(epoch, index).sources
        speeds = random.uniform(SLOWEST, FASTEST, len(drawn))
        gains = 10 ** (random.uniform(-GAIN_DB, GAIN_DB, len(drawn)) / 20)
        changed = np.stack(
            [
                gain * play(source, speed, self.n_samples)
                for source, speed, gain in zip(drawn, speeds, gains, strict=True)
            ]
        )
        changed -= changed.mean(1, keepdims=True)
        sources = (changed / changed.sum(0).std()).astype(np.float32)
        return Mixture(sources.sum(0), sources)


def play(source: NDArray[np.float32], speed: float, n_samples: int) -> NDArray[np.float64]:
    """The first samples of a source ``[time]`` at another speed, by linear interpolation.

    Where all its sound comes later, it is played fastest, which reaches to its end.
    """
    at, places = np.arange(n_samples), np.arange(len(source))
    played: NDArray[np.float64] = np.interp(at * speed, places, source)
    return played if played.any() else np.interp(at * FASTEST, places, source)
