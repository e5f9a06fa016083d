"""LSTM, GRU and plain recurrent layers against the closed formulas.

On the meta device the counter takes a layer whole, and every matrix meets every step. On the CPU
torch runs one of two other programs, whose differences are exact and tested here:

* oneDNN's LSTM (float32, no projections) always computes all gradients, needed or not;
* the loop over steps stops at the first one: the initial state needs no gradient.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.bench.counting.layer_counts import (
    DEVICES,
    GRADIENT_MODES,
    backward,
    count,
    count_layer,
    total,
    unknown,
)
from tests.oracle import elementwise as oracle
from tests.oracle.matmul import Recurrent

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
law = settings(max_examples=25, deadline=None, derandomize=True)
GRADIENTS = list(product((False, True), (False, True)))
LAYERS = {"LSTM": nn.LSTM, "GRU": nn.GRU, "RNN": nn.RNN}
WITHOUT_ONEDNN = not torch.backends.mkldnn.is_available()


@dataclass(frozen=True)
class Case:
    """A stack of layers as torch builds it, and what to feed it."""

    sizes: Recurrent
    steps: int
    batch: int | None  # none: an input without a batch axis
    batch_first: bool = False
    bias: bool = True
    nonlinearity: str = "tanh"

    @property
    def n_batch(self) -> int:
        return self.batch or 1

    @property
    def frames(self) -> int:
        return self.steps * self.n_batch

    @property
    def shape(self) -> tuple[int, ...]:
        if self.batch is None:
            return (self.steps, self.sizes.input_size)
        lead = (self.batch, self.steps) if self.batch_first else (self.steps, self.batch)
        return (*lead, self.sizes.input_size)

    def build(self) -> nn.Module:
        sizes = self.sizes
        more: dict[str, Any] = {"proj_size": sizes.proj_size} if sizes.cell == "LSTM" else {}
        if sizes.cell == "RNN":
            more = {"nonlinearity": self.nonlinearity}
        layer: nn.Module = LAYERS[sizes.cell](
            sizes.input_size,
            sizes.hidden_size,
            sizes.num_layers,
            bias=self.bias,
            batch_first=self.batch_first,
            bidirectional=sizes.directions == 2,
            **more,
        )
        return layer

    def counted(
        self, device: str, *, weights: bool, inputs: bool, dtype: torch.dtype = torch.float32
    ) -> tuple[int, int]:
        """Multiply-adds there and back."""
        there, whole = count_layer(
            self.build(), self.shape, device=device, weights=weights, inputs=inputs, dtype=dtype
        )
        assert set(unknown(whole)) <= {"transpose_"}  # see test_operations_unknown.py
        return total(there), backward(there, whole)


@st.composite
def cases(draw: st.DrawFn, cell: str, projected: bool = False) -> Case:
    hidden = draw(st.integers(2, 5))
    sizes = Recurrent(
        cell,
        input_size=draw(st.integers(1, 5)),
        hidden_size=hidden,
        num_layers=draw(st.integers(1, 3)),
        directions=draw(st.integers(1, 2)),
        proj_size=draw(st.integers(1, hidden - 1)) if projected else 0,
    )
    return Case(
        sizes,
        steps=draw(st.integers(1, 4)),
        batch=draw(st.none() | st.integers(1, 3)),
        batch_first=draw(st.booleans()),
        bias=draw(st.booleans()),
        nonlinearity=draw(st.sampled_from(["tanh", "relu"])),
    )


def check_whole(case: Case) -> None:
    """The closed formula, to the unit."""
    for weights, inputs in GRADIENTS:
        there, back = case.counted("meta", weights=weights, inputs=inputs)
        assert there == case.sizes.forward(case.frames), (case, weights, inputs)
        assert back == case.sizes.backward(case.frames, weights=weights, inputs=inputs), (
            case,
            weights,
            inputs,
        )


def check_loop(case: Case, dtype: torch.dtype = torch.float32) -> None:
    """The same, less the way from the first step to the initial states."""
    unneeded = case.sizes.first_step_states(case.n_batch)
    for weights, inputs in GRADIENTS:
        there, back = case.counted("cpu", weights=weights, inputs=inputs, dtype=dtype)
        expected = case.sizes.backward(case.frames, weights=weights, inputs=inputs)
        assert there == case.sizes.forward(case.frames), (case, weights, inputs)
        assert back == max(0, expected - unneeded), (case, weights, inputs)


@law
@given(cases("LSTM"))
def test_lstm(case: Case) -> None:
    check_whole(case)


@law
@given(cases("LSTM", projected=True))
def test_lstm_with_projections(case: Case) -> None:
    check_whole(case)
    check_loop(case)


@law
@given(cases("GRU"))
def test_gru(case: Case) -> None:
    check_whole(case)
    check_loop(case)


@law
@given(cases("RNN"))
def test_rnn(case: Case) -> None:
    check_whole(case)
    check_loop(case)


@law
@given(cases("LSTM"))
def test_lstm_as_a_loop(case: Case) -> None:
    check_loop(case, torch.float64)  # oneDNN has no float64


@pytest.mark.skipif(WITHOUT_ONEDNN, reason="this torch has no oneDNN")
@law
@given(cases("LSTM"))
def test_lstm_of_onednn_computes_every_gradient(case: Case) -> None:
    forward = case.sizes.forward(case.frames)
    for weights, inputs in GRADIENTS:
        back = 2 * forward if weights or inputs else 0
        assert case.counted("cpu", weights=weights, inputs=inputs) == (forward, back)


@pytest.mark.parametrize("cell", LAYERS)
def test_a_loop_whose_initial_state_needs_a_gradient_is_the_closed_formula(cell: str) -> None:
    case = Case(Recurrent(cell, 3, 4, num_layers=2, directions=2), steps=3, batch=2)
    layer = case.build().double()
    data = torch.ones(case.shape, dtype=torch.float64, requires_grad=True)
    state = torch.ones(4, 2, 4, dtype=torch.float64, requires_grad=True)
    states: Any = (state, torch.ones_like(state)) if cell == "LSTM" else state
    out = layer(data, states)[0]
    back = count(lambda: out.backward(torch.ones_like(out)))
    assert total(back) == case.sizes.backward(case.frames, weights=True, inputs=True)


@pytest.mark.parametrize("mode", GRADIENT_MODES)
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("cell", LAYERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_gradient_mode_does_not_change_a_forward(
    cell: str, device: str, mode: str, dtype: torch.dtype
) -> None:
    case = Case(Recurrent(cell, 3, 4, num_layers=2, directions=2), steps=3, batch=2)
    layer = case.build().to(device, dtype)
    data = torch.ones(case.shape, device=device, dtype=dtype)

    def forward() -> None:
        with GRADIENT_MODES[mode]():
            layer(data)

    assert total(count(forward)) == case.sizes.forward(case.frames)


def gradient(value: Tensor) -> Tensor:
    assert value.grad is not None
    return value.grad


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("cell", LAYERS)
@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("proj_size", [0, 3])
def test_shapes_on_meta_are_those_of_the_real_layer(
    cell: str, batch_first: bool, batch: int | None, proj_size: int
) -> None:
    sizes = Recurrent(cell, 3, 4, 2, 2, proj_size if cell == "LSTM" else 0)
    case = Case(sizes, 5, batch, batch_first)

    def shapes(device: str) -> tuple[list[Any], dict[str, Any]]:
        layer = case.build().to(device)
        data = torch.ones(case.shape, device=device, requires_grad=True)
        results: list[Any] = []

        def run() -> None:
            out, state = layer(data)
            out.sum().backward()
            states = state if isinstance(state, tuple) else (state,)
            results.extend(tuple(value.shape) for value in (out, *states, gradient(data)))

        count(run)
        return results, {name: gradient(value).shape for name, value in layer.named_parameters()}

    assert shapes("meta") == shapes("cpu")


def further_flops(case: Case, device: str, dtype: torch.dtype) -> tuple[int, int]:
    there, whole = count_layer(
        case.build(), case.shape, device=device, weights=True, inputs=True, dtype=dtype
    )
    forward, step = (total(tallies, "flops") - 2 * total(tallies) for tallies in (there, whole))
    return forward, step - forward


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("cell", "proj_size"), [("LSTM", 0), ("LSTM", 3), ("RNN", 0), ("GRU", 0)])
def test_flops_beside_the_products(cell: str, proj_size: int, bias: bool) -> None:
    case = Case(Recurrent(cell, 3, 4, 2, 2, proj_size), steps=5, batch=2, bias=bias)
    expected = oracle.recurrent(cell, case.frames * 2 * 2 * 4, bias=bias)
    assert further_flops(case, "meta", torch.float32) == (expected, 2 * expected)
    saved = 0 if cell != "GRU" else case.frames * 2 * 2 * 4  # the loop has h' = n + z (h - n)
    assert further_flops(case, "cpu", torch.float64)[0] == expected - saved


@pytest.mark.skipif(WITHOUT_ONEDNN, reason="this torch has no oneDNN")
@pytest.mark.parametrize("bias", [False, True])
def test_onednn_counts_its_gates(bias: bool) -> None:
    case = Case(Recurrent("LSTM", 3, 4), steps=5, batch=2, bias=bias)
    expected = oracle.recurrent("LSTM", 10 * 4, bias=bias)
    # Back: twice, the stated approximation.
    assert further_flops(case, "cpu", torch.float32) == (expected, 2 * expected)


@pytest.mark.parametrize("device", DEVICES)
def test_a_layer_called_with_keywords(device: str) -> None:
    layer: Any = nn.GRU(3, 4).to(device)
    options = {"has_biases": True, "num_layers": 1, "dropout": 0.0, "train": False}
    call = {
        "input": torch.ones(5, 2, 3, device=device),
        "hx": torch.ones(1, 2, 4, device=device),
        "params": layer._flat_weights,
        **options,
        "bidirectional": False,
        "batch_first": False,
    }
    assert total(count(lambda: torch.gru(**call))) == Recurrent("GRU", 3, 4).forward(10)
