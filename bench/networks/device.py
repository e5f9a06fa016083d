"""The device of the commands that run networks in their own process."""

import torch

from bench.errors import UsageError


def choose_device(name: str, number: int = 0) -> torch.device:
    """``cpu``, ``cuda``, or for ``auto`` CUDA where there is any.

    Processes that share a machine take its GPUs in turn: ``number`` counts them, from 0.

    Raises:
        UsageError: CUDA was asked for and is not there.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError(
            f"--device cuda: torch {torch.__version__} has no CUDA device here. Use --device cpu."
        )
    return torch.device("cuda", number % torch.cuda.device_count())
