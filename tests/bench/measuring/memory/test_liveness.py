"""The largest live set: by hand, and against a simulator that asks every moment anew."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.measuring.memory import liveness
from bench.measuring.memory.known import Known
from bench.measuring.memory.liveness import Lifetime, Lifetimes, largest_live_set
from bench.measuring.step import Step, no_mark, prepare_step
from bench.results.workload import Workload
from tests import fault_models

N = 1000  # elements of four bytes
FORWARD = Workload("inference", "cpu", 400, 1, "float32", 1, 0)


def chain(x: Tensor) -> Tensor:
    for _ in range(5):
        x = x.sin()
    return x


def residual(x: Tensor) -> Tensor:
    return x + x.sin().cos()


def concatenation(x: Tensor) -> Tensor:
    """Both halves and the whole, which is twice as large; ``x`` is no longer needed."""
    return torch.cat([x.sin(), x.cos()])


def views(x: Tensor) -> Tensor:
    """A small part of a tensor keeps all of it; looking at it costs nothing."""
    part = x.sin().view(-1, 10)[:, 0]
    return part.cos().unsqueeze(0).expand(10, -1)


def unread_view(x: Tensor) -> tuple[Tensor, Tensor]:
    """A view of ``x`` that nothing reads does not keep it alive; the chain goes on."""
    y = x.sin().cos()
    return x.view(-1), y.sin()


def in_place(x: Tensor) -> Tensor:
    return x.sin().cos_().sin_()


def shape_only(x: Tensor) -> Tensor:
    """``x`` is read once; its shape after the fullest moment, which holds nothing."""
    y = x.sin()
    return y + y.cos() + torch.zeros_like(x)


def copies(x: Tensor) -> Tensor:
    """Two in turn, of a transposed view, which can't be reshaped or contiguous where it lies."""
    rows = x.view(-1, 10)
    y = rows.t().reshape(-1).sin()
    return y.view(-1, 10).t().contiguous()


def unused(x: Tensor) -> Tensor:
    x.repeat(7)
    return x.sin()


@pytest.mark.parametrize(
    ("run", "n_elements"),
    [
        (chain, 2 * N),
        (residual, 3 * N),
        (concatenation, 4 * N),
        (views, 2 * N),
        (in_place, 2 * N),
        (shape_only, 3 * N),
        (unused, 8 * N),
        (copies, 2 * N),
    ],
    ids=lambda case: getattr(case, "__name__", str(case)),
)
@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("mode", [torch.enable_grad, torch.inference_mode])
def test_closed_cases(
    run: Callable[[Tensor], Tensor],
    n_elements: int,
    device: str,
    mode: Callable[[], AbstractContextManager[None]],
) -> None:
    """Inference mode reports some operators whole that are otherwise taken apart."""
    x = torch.zeros(N, device=device)
    with mode(), Lifetimes() as lifetimes:
        lifetimes.keep(run(x))
    assert lifetimes.largest_live_bytes() == 4 * n_elements


def test_a_view_that_is_not_read_keeps_nothing() -> None:
    with Lifetimes() as lifetimes:
        lifetimes.keep(unread_view(torch.zeros(N))[1])
    assert lifetimes.largest_live_bytes() == 4 * 2 * N


def test_what_is_held_apart_is_not_counted() -> None:
    weight, x = torch.zeros(N), torch.zeros(N)
    with Lifetimes([weight.view(10, -1)]) as lifetimes:  # its storage, by any view
        lifetimes.keep(x * weight)
    assert lifetimes.largest_live_bytes() == 4 * 2 * N


def test_addresses_that_are_given_out_again_are_other_storages() -> None:
    """On the CPU each result takes the place of one that is gone."""
    x = torch.zeros(N)
    with Lifetimes() as lifetimes:
        lifetimes.keep(residual(chain(chain(x))) + x)
    assert lifetimes.largest_live_bytes() == 4 * 4 * N


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_an_update_of_two_layers_by_hand(batch: int) -> None:
    """Two moments can be the fullest, and the loss is there in both.

    ReLU's backward: x, ReLU's result (its input is gone), the gradients on both its sides, and
    that of the second weights. The gradient of the first weights: x, that of the first layer's
    output, and those of all weights.
    """
    with torch.device("meta"):
        first, second = nn.Linear(4, 8, bias=False), nn.Linear(8, 2, bias=False)
        x = torch.zeros(batch, 4)
    with Lifetimes([first.weight, second.weight]) as lifetimes:
        loss = second(first(x).relu()).sum()
        loss.backward()
        with torch.no_grad():
            for weight in (first.weight, second.weight):
                assert weight.grad is not None
                weight.sub_(weight.grad)
        lifetimes.keep(loss)
    at_relu = batch * (4 + 8 + 8 + 8) + 2 * 8 + 1
    at_first = batch * (4 + 8) + 2 * 8 + 4 * 8 + 1
    assert lifetimes.largest_live_bytes() == 4 * max(at_relu, at_first)


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Operators on earlier values, each a kind and the indices of two of them."""
    kinds = st.sampled_from(["new", "in place", "view", "add", "double"])
    length = draw(st.integers(1, 12))
    return [
        (draw(kinds), draw(st.integers(0, index)), draw(st.integers(0, index)))
        for index in range(length)
    ]


def run_program(program: list[tuple[str, int, int]], x: Tensor) -> Tensor:
    values = [x]
    for kind, left, right in program:
        a, b = values[left], values[right]
        match kind:
            case "new":
                values.append(a.sin())
            case "in place":
                values.append(a.sin_())
            case "view":
                values.append(a.view(-1, 2).view(-1))
            case "add":
                values.append(a[:2] + b[:2])
            case "double":
                values.append(torch.cat([a, b]))
    return values[-1]


def simulate(program: list[tuple[str, int, int]], n_elements: int) -> int:
    """Elements held at most: at each operator, every buffer that is there and needed yet."""
    buffer_of, length_of, born, size = [0], [n_elements], [0], [n_elements]
    touched: list[set[int]] = []  # the buffers that each operator reads or writes
    for kind, left, right in program:
        reads = {buffer_of[left], *({buffer_of[right]} if kind in ("add", "double") else ())}
        length = {"add": 2, "double": length_of[left] + length_of[right]}.get(kind, length_of[left])
        if kind in ("in place", "view"):
            buffer_of.append(buffer_of[left])
        else:
            buffer_of.append(len(size))
            born.append(len(touched))
            size.append(length)
        length_of.append(length)
        if kind != "view":
            touched.append(reads | {buffer_of[-1]})
    touched[-1:] = [touched[-1] | {buffer_of[-1]}] if touched else [{buffer_of[-1]}]
    return max(
        sum(
            size[buffer]
            for buffer in range(len(size))
            if born[buffer] <= now and any(buffer in needed for needed in touched[now:])
        )
        for now in range(len(touched))
    )


@given(programs())
@settings(max_examples=60)
def test_random_programs_against_a_simulator(program: list[tuple[str, int, int]]) -> None:
    with Lifetimes() as lifetimes:
        lifetimes.keep(run_program(program, torch.zeros(6, device="meta")))
    assert lifetimes.largest_live_bytes() == 4 * simulate(program, 6)


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 9), st.integers(0, 9)), max_size=9))
@settings(max_examples=60)
def test_the_largest_live_set_against_every_moment(rows: list[tuple[int, int, int]]) -> None:
    lifetimes = [Lifetime(n_bytes, first, first + length) for n_bytes, first, length in rows]
    moments = (sum(x.n_bytes for x in lifetimes if x.first <= t <= x.last) for t in range(20))
    assert largest_live_set(lifetimes) == max(moments)


class Peeking(nn.Module):
    """Reads a value, which a tensor without data does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 2, 1)

    def forward(self, mixture: Tensor) -> Tensor:
        assert float(mixture.sum()) < 1e9
        estimates: Tensor = self.conv(mixture)
        return estimates


def test_a_network_that_needs_data_is_traced_with_data() -> None:
    found = liveness.measure_minimum(Peeking, FORWARD, prepare_step(Peeking(), FORWARD))
    assert found.values["minimum_traced_on"] == "cpu"
    assert found.values["minimum_bytes"] == 4 * (2 + 2) + 4 * 400 * (1 + 2)


@pytest.mark.parametrize("kind", [NotImplementedError, TypeError, AssertionError])
def test_what_can_not_be_traced_has_a_reason(kind: type[Exception]) -> None:
    def refuse(mark: Callable[[], None] = no_mark) -> Tensor:
        raise kind("Not under a mode.")

    step = prepare_step(fault_models.healthy(), FORWARD)
    broken = Step(step.model, step.example, refuse, None)
    found = liveness.measure_minimum(Peeking, FORWARD, broken)
    assert found == Known(
        notes={"minimum_bytes": "The step could not be traced: Not under a mode."}
    )
