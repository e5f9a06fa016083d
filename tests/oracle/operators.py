"""What transforms, complex numbers, scans and fused layers cost, from their definitions alone.

Nothing here imports the project. Multiply-adds stand apart from FLOPs, of which one is an addition,
a multiplication, a comparison or an elementary function of real numbers.
"""

import math
from dataclasses import dataclass


def complex_transform(n_points: int, n_transforms: int = 1) -> int:
    """5 n log2 n: a butterfly of radix 2 is a complex product and two sums for two points.

    There are log2(n) stages of n / 2 butterflies of 6 + 2 + 2 real operations.
    """
    return round(n_transforms * (n_points / 2) * math.log2(n_points) * (6 + 2 + 2))


def real_transform(n_points: int, n_transforms: int = 1) -> int:
    """Half of it: two real signals fit into one complex one."""
    return round(n_transforms * (n_points / 4) * math.log2(n_points) * (6 + 2 + 2))


def n_frames(n_samples: int, n_fft: int, hop: int) -> int:
    """Of a centred STFT, which pads half a window on each side."""
    return len(range(0, n_samples + 2 * (n_fft // 2) - n_fft + 1, hop))


COMPLEX_PRODUCT = 4 + 2
"""(a + bi)(c + di) = (ac - bd) + (ad + bc)i."""
COMPLEX_QUOTIENT = (4 + 2) + 3 + 2
"""A product with the conjugate, over c c + d d, twice."""


def complex_matmul(rows: int, inner: int, columns: int) -> int:
    """Real multiply-adds: four of each product."""
    return 4 * rows * inner * columns


def rms_norm(n_groups: int, width: int, *, weight: bool) -> int:
    """X / root(mean(x x) + eps) * w.

    A square, its sum, the quotient and the weight of each number; of each group a sum with eps and
    a root. That the mean is divided once more by ``width`` is part of the mean.
    """
    return n_groups * width * (3 + weight) + 2 * n_groups


@dataclass(frozen=True)
class EncoderLayer:
    """A layer of a transformer's encoder over sequences of these lengths."""

    lengths: tuple[int, ...]
    width: int
    heads: int
    hidden: int

    @property
    def _scores(self) -> int:
        return self.heads * sum(length**2 for length in self.lengths)

    @property
    def attention_macs(self) -> int:
        """Query, key, value and output, a matrix each; scores and their mix, of each head."""
        tokens, head_width = sum(self.lengths), self.width // self.heads
        return tokens * 4 * self.width**2 + 2 * self._scores * head_width

    def attention_beside(self, *, masked: bool = False) -> int:
        """Four biases; each score scaled, masked, and in a softmax (5)."""
        return sum(self.lengths) * 4 * self.width + self._scores * (1 + masked + 5)

    @property
    def averaging(self) -> int:
        """The weights over heads."""
        return self._scores

    @property
    def macs(self) -> int:
        """With the two matrices of the feed-forward part."""
        return self.attention_macs + sum(self.lengths) * 2 * self.width * self.hidden

    def beside(self, *, gelu: bool, masked: bool = False) -> int:
        """Two biases, the activation, two residual sums and two norms (7 of each number)."""
        activation = 5 if gelu else 1
        per_token = self.hidden * (1 + activation) + self.width * (1 + 2 * (1 + 7))
        return self.attention_beside(masked=masked) + sum(self.lengths) * per_token
