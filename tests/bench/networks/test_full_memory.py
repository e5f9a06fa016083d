"""Memory that is full is told apart from other errors, and becomes a sentence."""

import pytest
import torch

from bench.errors import UsageError
from bench.networks.full_memory import full_memory_as, is_memory_full, where_is_more

CUDA = "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 6.00 GiB"


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (torch.OutOfMemoryError(CUDA), True),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("no"), False),
    ],
)
def test_which_errors_mean_that_memory_is_full(error: Exception, is_full: bool) -> None:
    assert is_memory_full(error) == is_full


def test_the_sentence_says_what_was_too_large_and_what_to_do() -> None:
    with (
        pytest.raises(UsageError) as caught,
        full_memory_as(UsageError, "The results of 8 mixtures", "Take fewer."),
    ):
        raise torch.OutOfMemoryError(CUDA)
    assert str(caught.value) == (
        "The results of 8 mixtures do not fit into memory (CUDA out of memory. Tried to allocate "
        "20.00 GiB). Take fewer."
    )


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), full_memory_as(UsageError, "It", "No."):
        raise RuntimeError("shapes")
    with pytest.raises(UsageError, match="MemoryError"), full_memory_as(UsageError, "It", "No."):
        raise MemoryError


def test_a_gpu_that_is_full_has_the_cpu_beside_it() -> None:
    assert where_is_more("cuda") == "use --device cpu"
    assert where_is_more("cpu") == "use a machine with more memory"
