"""Closed formulas for the multiply-adds of layers: written from their definitions alone.

Nothing here imports the project. A formula takes a layer's sizes and its input's sizes and gives
the multiply-adds of the output, of the weights' gradient and of the input's gradient. A tap that
meets padding counts: the conventions are those of a dense loop over positions and taps.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Macs:
    """Multiply-adds of one layer's output and of the two gradients of its backward."""

    forward: int
    weight_grad: int
    input_grad: int

    def backward(self, *, weights: bool, inputs: bool) -> int:
        """The backward, when the weights and the input each need a gradient or not."""
        return weights * self.weight_grad + inputs * self.input_grad

    def step(self, *, weights: bool, inputs: bool) -> int:
        """Forward and backward."""
        return self.forward + self.backward(weights=weights, inputs=inputs)

    def __add__(self, other: "Macs") -> "Macs":
        return Macs(
            self.forward + other.forward,
            self.weight_grad + other.weight_grad,
            self.input_grad + other.input_grad,
        )


NOTHING = Macs(0, 0, 0)


def bilinear(n_triples: int) -> Macs:
    """A layer whose output is a sum of ``n_triples`` products input x weight.

    Every term ``y += x * w`` gives one term ``dw += dy * x`` and one term ``dx += dy * w``.
    """
    return Macs(n_triples, n_triples, n_triples)


def convolved_length(length: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Positions at which a dilated kernel fits into the padded input."""
    reach = dilation * (kernel - 1) + 1
    return len(range(0, length + 2 * padding - reach + 1, stride))


def convolution(
    batch: int,
    in_chan: int,
    out_chan: int,
    kernel: Sequence[int],
    out_sizes: Sequence[int],
    groups: int = 1,
) -> Macs:
    """Every tap of every output position, for each pair of channels of one group."""
    pairs = groups * (in_chan // groups) * (out_chan // groups)
    return bilinear(batch * pairs * math.prod(kernel) * math.prod(out_sizes))


def transposed_convolution(
    batch: int,
    in_chan: int,
    out_chan: int,
    kernel: Sequence[int],
    in_sizes: Sequence[int],
    groups: int = 1,
) -> Macs:
    """Every tap of every *input* position; stride and output padding change nothing."""
    pairs = groups * (in_chan // groups) * (out_chan // groups)
    return bilinear(batch * pairs * math.prod(kernel) * math.prod(in_sizes))


def linear(leading: Sequence[int], in_features: int, out_features: int) -> Macs:
    """One matrix-vector product for each index of the leading axes."""
    return bilinear(math.prod(leading) * in_features * out_features)


GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


@dataclass(frozen=True)
class Recurrent:
    """Sizes of a stack of recurrent layers, run over ``frames`` = steps x batch."""

    cell: str  # a key of GATES
    input_size: int
    hidden_size: int
    num_layers: int = 1
    directions: int = 1
    proj_size: int = 0  # of an LSTM; 0 is none

    @property
    def state_size(self) -> int:
        """Width of what a direction hands on: to the next step and to the next layer."""
        return self.proj_size or self.hidden_size

    @property
    def rows(self) -> int:
        """Rows of the matrices in front of the gates."""
        return GATES[self.cell] * self.hidden_size

    def _layer_input(self, frames: int, index: int) -> int:
        width = self.input_size if index == 0 else self.directions * self.state_size
        return frames * self.directions * self.rows * width

    def _layer_state(self, frames: int) -> int:
        return frames * self.directions * self.rows * self.state_size

    def _layer_projection(self, frames: int) -> int:
        return frames * self.directions * self.hidden_size * self.proj_size

    def forward(self, frames: int) -> int:
        """Every matrix meets every frame."""
        inputs = sum(self._layer_input(frames, index) for index in range(self.num_layers))
        within = self._layer_state(frames) + self._layer_projection(frames)
        return inputs + self.num_layers * within

    def backward(self, frames: int, *, weights: bool, inputs: bool) -> int:
        """Back through all steps and layers, and one more forward's worth for the weights.

        Only the first layer's input matrices lead to the input and nowhere else.
        """
        if not (weights or inputs):
            return 0
        back = self.forward(frames) - (0 if inputs else self._layer_input(frames, 0))
        return back + (self.forward(frames) if weights else 0)

    def first_step_states(self, batch: int) -> int:
        """What leads back to the initial states alone: products of one step of every layer."""
        return self.num_layers * self._layer_state(batch)


@dataclass(frozen=True)
class Attention:
    """softmax(Q K') V over ``pairs`` of a query and a key (heads and batch included)."""

    pairs: int
    width: int
    value_width: int

    @property
    def forward(self) -> int:
        """Scores, then the mix of values."""
        return self.pairs * (self.width + self.value_width)

    def backward(self, *, query: bool, key: bool, value: bool) -> int:
        """DV = P' dY; dP = dY V' on the way to the scores; dQ = dS K; dK = dS' Q."""
        value_products = value + (query or key)
        return self.pairs * (value_products * self.value_width + (query + key) * self.width)
