"""Memory that is full: how libraries say so, and what a command says in its place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

FULL_MEMORY = (
    "can't allocate memory",  # torch's allocator on the CPU
    "CUDA error: out of memory",  # the driver, beside torch's allocator
    "ALLOC_FAILED",  # cuBLAS, cuDNN, cuFFT
    "std::bad_alloc",  # C++, oneDNN among it
)
"""In a plain RuntimeError."""


def is_memory_full(error: BaseException) -> bool:
    """Whether an error says that there was no memory left, on the CPU or on a GPU."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return any(marker in str(error) for marker in FULL_MEMORY)


@contextmanager
def full_memory_as(
    refuse: Callable[[str], Exception], too_large: str, remedy: str
) -> Iterator[None]:
    """Raise what ``refuse`` makes of a sentence, where memory does not suffice for what is inside.

    ``too_large`` is what did not fit, ``remedy`` a sentence that says what to do.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_memory_full(error):
            raise
        words = (str(error).strip() or type(error).__name__).splitlines()[0].partition(". GPU")[0]
        raise refuse(f"{too_large} do not fit into memory ({words}). {remedy}") from error


def where_is_more(device: str) -> str:
    """What to do where memory of a device does not suffice, as the end of a sentence."""
    return "use a machine with more memory" if device == "cpu" else "use --device cpu"
