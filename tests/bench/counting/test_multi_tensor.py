"""Operators on lists of tensors cost what the same operators cost tensor by tensor."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.bench.counting.layer_counts import count, total, unknown

law = settings(max_examples=10, deadline=None, derandomize=True)
shapes = st.lists(st.lists(st.integers(1, 5), max_size=3), min_size=1, max_size=4)

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "decoupled decay": {"weight_decay": 0.1, "decoupled_weight_decay": True},
    "maximum": {"amsgrad": True},
    "ascent": {"maximize": True},
    "everything": {"weight_decay": 0.1, "amsgrad": True, "maximize": True},
}


def step_of(sizes: list[list[int]], **options: Any) -> Callable[[], object]:
    """A step of Adam that has its state; weights and gradients are ones."""
    weights = [torch.ones(size, requires_grad=True) for size in sizes]
    optimiser = torch.optim.Adam(weights, lr=1e-3, **options)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimiser.step()
    return optimiser.step


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("way", ["foreach", "fused"])
@law
@given(sizes=shapes)
def test_a_step_of_adam_costs_the_same_in_every_way(
    way: str, options: dict[str, Any], sizes: list[list[int]]
) -> None:
    one_by_one = count(step_of(sizes, foreach=False, **options))
    together = count(step_of(sizes, **{way: True}, **options))
    assert unknown(together) == {}
    assert total(together, "flops") == total(one_by_one, "flops")
    assert total(together) == 0


@law
@given(sizes=shapes)
def test_lists_move_the_bytes_of_their_tensors(sizes: list[list[int]]) -> None:
    """But for the one that is added to each count of steps, which is a tensor of four bytes then.

    The counts are read as numbers once more with lists.
    """
    one_by_one, together = (count(step_of(sizes, foreach=way)) for way in (False, True))
    for tallies in (one_by_one, together):
        del tallies["_local_scalar_dense"]
    for what, further in (("bytes_read", 4), ("bytes_written", 0)):
        assert total(together, what) - total(one_by_one, what) == further


PAIRS: dict[str, tuple[Callable[[list[Tensor]], Any], Callable[[Tensor], Any]]] = {
    "sum": (lambda x: torch._foreach_add(x, x), lambda x: x + x),
    "sum in place": (lambda x: torch._foreach_add_(x, 1.0), lambda x: x.add_(1.0)),
    "power of a number": (lambda x: torch._foreach_pow(2.0, x), lambda x: 2.0**x),
    "product and sum": (
        lambda x: torch._foreach_addcmul(x, x, x),
        lambda x: torch.addcmul(x, x, x),
    ),
    "norm": (torch._foreach_norm, torch.linalg.vector_norm),
    "maximum": (torch._foreach_max, torch.max),
    "copy": (lambda x: torch._foreach_copy_(x, x), lambda x: x.copy_(x)),
    "zeros": (torch._foreach_zero_, lambda x: x.zero_()),
}


@pytest.mark.parametrize(("of_list", "of_one"), PAIRS.values(), ids=PAIRS)
def test_an_operator_on_a_list_is_as_many_operators(
    of_list: Callable[[list[Tensor]], Any], of_one: Callable[[Tensor], Any]
) -> None:
    tensors = [torch.ones(size) for size in (3, 4, 5)]
    together = count(lambda: of_list(tensors))
    one_by_one = count(lambda: [of_one(tensor) for tensor in tensors])
    assert unknown(together) == {}
    for what in ("flops", "bytes_read", "bytes_written"):
        assert total(together, what) == total(one_by_one, what)


def test_an_operator_whose_single_form_has_no_formula_is_still_unknown() -> None:
    assert unknown(count(lambda: torch.lgamma(torch.ones(2)))) == {"lgamma": 1}
    assert unknown(count(lambda: torch._foreach_lgamma([torch.ones(2)]))) == {"_foreach_lgamma": 1}


def test_a_gradient_scaler_by_hand() -> None:
    """The loss times the scale; per gradient two; its inverse; a new scale."""
    weight = torch.ones(5, requires_grad=True)
    optimiser, scaler = torch.optim.SGD([weight], lr=0.0), torch.amp.GradScaler("cpu")

    def step() -> None:
        scaler.scale(weight.sum()).backward()
        scaler.unscale_(optimiser)
        scaler.update()

    step()
    optimiser.zero_grad()
    tallies = count(step)
    assert unknown(tallies) == {}
    assert tallies["_amp_foreach_non_finite_check_and_unscale_"].flops == 2 * 5
    assert tallies["_amp_foreach_non_finite_check_and_unscale_"].bytes_written == 4 * (5 + 1)
    assert tallies["_amp_update_scale_"].flops == 3
