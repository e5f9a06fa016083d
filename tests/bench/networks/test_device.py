"""The device that was asked for, or a sentence."""

import pytest
import torch

from bench.errors import UsageError
from bench.networks.device import choose_device


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("no_gpu")
def test_without_cuda_it_is_the_cpu_or_a_sentence() -> None:
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    with pytest.raises(UsageError, match=r"--device cuda: torch .* no CUDA device.*--device cpu"):
        choose_device("cuda")


@pytest.mark.usefixtures("gpus")
def test_processes_take_the_gpus_in_turn() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert [choose_device("auto", n).index for n in range(3)] == [0, 1, 0]
    assert choose_device("cuda") == torch.device("cuda", 0)
