"""The path of the module that is running, and how it ends."""

from contextlib import closing

import torch
from torch import nn

from bench.counting.counter import OperationCounter
from bench.counting.modules import ModulePath


def test_closed_it_leaves_no_hook_and_keeps_what_it_saw() -> None:
    model, data = nn.Sequential(nn.Linear(3, 4), nn.Tanh()), torch.ones(2, 3)
    with closing(ModulePath(model)) as path, OperationCounter(path.current) as counter:
        model(data)
    model(data)
    assert [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()] == [0] * 3
    assert counter.by_scope.keys() == {"0", "1"}
    assert path.output_bytes == {"": 32, "0": 32, "1": 32}


def test_in_backward_it_is_the_module_that_is_differentiated() -> None:
    """Twice the forward's products; of the first layer once, as nobody needs its input's gradient.

    What follows the network (the loss) is its own, and so is the gradient of it.
    """
    model, data = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5)), torch.ones(2, 3)
    for _ in range(2):  # the second time gradients are added to those that are there
        with ModulePath(model) as path, OperationCounter(path.current) as counter:
            model(data).square().sum().backward()
    macs = {p: sum(t.macs for t in tallies.values()) for p, tallies in counter.by_scope.items()}
    first, last = 2 * 3 * 4, 2 * 4 * 5
    assert macs == {"0": 2 * first, "1": 0, "2": 3 * last, "": 0}
    assert "tanh_backward" in counter.by_scope["1"]
    gradients = counter.by_scope["2"]["add_"], counter.by_scope["0"]["add_"]
    assert [tally.calls for tally in gradients] == [2, 2]
