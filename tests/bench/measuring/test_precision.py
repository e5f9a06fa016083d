"""TF32 by both of torch's interfaces, and autocast around a forward."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bench.measuring.precision import set_tf32, with_autocast
from bench.measuring.worker import run_job
from tests.bench.example_records import make_job

OLD_AND_NEW: dict[tuple[str, str], Callable[[], object]] = {
    ("default", "default"): lambda: None,
    ("old", "on"): lambda: setattr(torch.backends.cuda.matmul, "allow_tf32", True),
    ("new", "on"): lambda: setattr(torch.backends.cuda.matmul, "fp32_precision", "tf32"),
    ("new", "all"): lambda: setattr(torch.backends, "fp32_precision", "tf32"),
    ("new", "convolutions off"): lambda: torch._C._set_fp32_precision_setter(
        "cuda", "conv", "ieee"
    ),
}
"""What somebody may have set before; the new interface alone leaves the old one unreadable."""
seen: list[tuple[bool, bool]] = []


def precisions() -> set[str]:
    operators = ("matmul", "conv", "rnn")
    return {torch._C._get_fp32_precision_getter("cuda", operator) for operator in operators}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    generic = torch._C._get_fp32_precision_getter("generic", "all")
    yield
    torch._C._set_fp32_precision_setter("generic", "all", generic)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = True


@pytest.mark.parametrize("before", OLD_AND_NEW)
@pytest.mark.parametrize("is_on", [False, True])
def test_both_interfaces_say_the_same_for_all_operators(
    is_on: bool, before: tuple[str, str]
) -> None:
    OLD_AND_NEW[before]()
    set_tf32(is_on)
    assert precisions() == {"tf32" if is_on else "ieee"}
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == is_on


def tells_tf32() -> nn.Module:
    seen.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
    return nn.Conv1d(1, 2, 1)


@pytest.mark.parametrize("tf32", [False, True])
def test_a_worker_sets_it_before_the_network_is_built(tf32: bool) -> None:
    """On the CPU nothing is set: torch's defaults are a mixture."""
    factory, threads = f"{__name__}:tells_tf32", torch.get_num_threads()
    for device in ("cuda", "cpu"):
        job = make_job(probe="contract", factory=factory, device=device, tf32=tf32, threads=threads)
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True
        seen.clear()
        run_job(job, io.StringIO())
        assert seen == [(tf32, tf32) if device == "cuda" else (False, True)]


def product(mixture: Tensor) -> Tensor:
    return mixture @ torch.ones(4, 4)


@pytest.mark.parametrize(("dtype", "found"), [
    ("float32", torch.float32),
    ("amp-bfloat16", torch.bfloat16),
    ("amp-float16", torch.float16),
])  # fmt: skip
def test_autocast_shortens_products_and_ends_with_the_forward(
    dtype: str, found: torch.dtype
) -> None:
    workload = make_job(dtype=dtype).workload
    assert with_autocast(product, workload, "cpu")(torch.ones(2, 4)).dtype == found
    assert product(torch.ones(2, 4)).dtype == torch.float32
    plain = replace(workload, dtype="float32")
    assert with_autocast(product, plain, "cpu") is product


def test_autocast_is_refused_on_meta() -> None:
    forward = with_autocast(product, make_job(dtype="amp-bfloat16").workload, "meta")
    with pytest.raises(RuntimeError, match="meta"):
        forward(torch.ones(2, 4, device="meta"))
