"""FLOPs of element-wise layers, as their formulas are written; nothing here imports the project.

One FLOP is an addition, multiplication, division, comparison or selection (choosing one of two
by a comparison is one), or an elementary function: exp, log, root, tanh, sigmoid. What a formula
names twice is computed once. Sums over n numbers are n FLOPs.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Flops:
    """A layer's forward, the gradient of its input and what its parameters' gradients add."""

    forward: int
    input_grad: int
    weight_grad: int = 0

    @property
    def step(self) -> int:
        """Forward and backward."""
        return self.forward + self.input_grad + self.weight_grad


def relu(n: int) -> Flops:
    """max(x, 0); back: dy chosen or not."""
    return Flops(n, n)


def sigmoid(n: int) -> Flops:
    """s(x); back: dy * s * (1 - s)."""
    return Flops(n, 3 * n)


def tanh(n: int) -> Flops:
    """t(x); back: dy * (1 - t * t)."""
    return Flops(n, 3 * n)


def prelu(n: int) -> Flops:
    """x or w x; back: one choice, w dy, x dy; the latter summed over all but w's axis."""
    return Flops(2 * n, 3 * n, n)


def glu(n_out: int) -> Flops:
    """a s(b); back: with s(b), da = dy s and db = dy a s (1 - s), nothing shared but s."""
    return Flops(2 * n_out, (1 + 1 + 4) * n_out)


def softmax(n: int) -> Flops:
    """Largest, minus it, exp, sum, divide; back: y * (dy - sum(y * dy))."""
    return Flops(5 * n, 4 * n)


def log_softmax(n: int) -> Flops:
    """Largest, minus it, exp, sum, minus the logarithm; back: dy - exp(y) * sum(dy)."""
    return Flops(5 * n, 4 * n)


def leaky_relu(n: int) -> Flops:
    """x or a x; back: dy or a dy."""
    return Flops(2 * n, 2 * n)


def silu(n: int) -> Flops:
    """x s(x); back: with s(x), dy * s * (1 + x * (1 - s))."""
    return Flops(2 * n, 6 * n)


def gelu(n: int) -> Flops:
    """x * 0.5 * (1 + erf(x / r)); back: dy * (that factor + x * c * exp(-0.5 * x * x))."""
    return Flops(5 * n, (4 + 1 + 3 + 1 + 1 + 1) * n)


def elu(n: int) -> Flops:
    """x or a (exp(x) - 1); back: dy, or dy * a * exp(x)."""
    return Flops(4 * n, 4 * n)


def norm(n: int, *, affine: bool = True, moments: bool = True) -> Flops:
    """Group, layer or batch norm over ``n`` elements: (x - mean) * deviation * w + b.

    There: the moments take a sum, a square of x - mean and its sum (3); then minus the mean,
    times the deviation (2), times w, plus b (2). Back: the normalised input again (2); a product
    and two sums for w and b (3); two sums over the group weighted by w (3); the combination
    deviation * (g - a - x b) (4).
    """
    standardise = 2 + 3 * moments
    return Flops((standardise + 2 * affine) * n, 9 * n, 3 * n if affine else 0)


def upsample_nearest(n_out: int) -> Flops:
    """Copies; back: every output is added to its input."""
    return Flops(0, n_out)


def upsample_linear(n_out: int) -> Flops:
    """u a + v b; back: u dy and v dy, each added to its input."""
    return Flops(3 * n_out, 4 * n_out)


RECURRENT_CELLS = {
    # Number of gates; what the cell does with them.
    "LSTM": (4, 3 + 2 + 3 + 1),  # sigmoids; tanhs; f c + i g; o tanh(c)
    "GRU": (3, 2 + 1 + 1 + 4),  # sigmoids; tanh; r (U h + b); (1 - z) n + z h
    "RNN": (1, 1),
}


def recurrent(cell: str, n_units: int, *, bias: bool = True) -> int:
    """FLOPs of ``n_units`` hidden units over all steps, beside the matrix products.

    Each gate adds what comes from the input and from the state, and two biases.
    """
    n_gates, others = RECURRENT_CELLS[cell]
    return n_units * (n_gates * (3 if bias else 1) + others)


def attention_of_matrices(pairs: int, n_scaled: int) -> int:
    """Queries and keys each scaled (``n_scaled`` numbers in all), a softmax over the scores."""
    return n_scaled + softmax(pairs).forward


def attention_in_one(pairs: int) -> int:
    """The scores scaled, then a softmax."""
    return pairs + softmax(pairs).forward
