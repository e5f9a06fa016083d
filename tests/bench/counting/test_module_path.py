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
