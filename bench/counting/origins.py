"""From an operator of backward to the forward operator that it differentiates.

Autograd numbers its nodes. A node is made right before its forward operator runs, so while that
runs the newest number is its own; and while backward evaluates the node, torch tells which it is.
"""

from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch._C._autograd import _get_sequence_nr

Origin = TypeVar("Origin")


def newest_node() -> int:
    """The number of the node that autograd made last."""
    return _get_sequence_nr() - 1


class Origins(Generic[Origin]):
    """What is known of forward operators, by the nodes that were made for them."""

    def __init__(self, model: nn.Module) -> None:
        self._by_node: dict[int, Origin] = {}
        self._owners = {
            id(parameter): path
            for path, module in model.named_modules()
            for parameter in module.parameters(recurse=False)
        }

    def note(self, origin: Origin) -> None:
        """A forward operator runs; one after it without a node of its own changes nothing."""
        self._by_node.setdefault(newest_node(), origin)

    def of(self, number: int | None) -> Origin | None:
        """What was noted when a node was made."""
        return None if number is None else self._by_node.get(number)

    def owner_of(self, node: Any) -> str | None:
        """The module whose parameter's gradient a node accumulates; None of any other node."""
        parameter = getattr(node, "variable", None)
        return None if parameter is None else self._owners.get(id(parameter), "")


def evaluated_node() -> Any:
    """The node that backward evaluates at this moment; None outside of backward."""
    return torch._C._current_autograd_node()
