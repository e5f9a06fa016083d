"""torch.compile: kernels of fused operators, in C++ for the processor.

Its preparation is its first call. The cache is a folder of the run, so that what preparing takes is
seen, which a cache of earlier runs would hide; later processes of the run find their kernels there.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from bench.results.record import CellError, Status
from bench.runtimes.casting import Cast
from bench.runtimes.form import Asked, Prepared
from bench.runtimes.made_once import make_once


def prepare(model: nn.Module, asked: Asked) -> Prepared:
    """The network compiled for the length of the mixture, as a whole or in parts."""
    import torch._inductor.config as inductor

    inductor.compile_threads = 1  # in this process, which nobody has to wait for at its end
    cache = asked.folder / f"compile-{asked.dtype}-{asked.threads}"
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache / "kernels")
    network = model if asked.dtype == "float32" else Cast(model, asked.dtype).eval()
    compiled = torch.compile(network, dynamic=False)

    @torch.inference_mode()
    def call_first(path: Path) -> Mapping[str, bool]:
        try:
            compiled(asked.mixture)
        except Exception as error:  # those of the compiler have no class in common
            raise CellError(
                Status.UNSUPPORTED, f"torch.compile stopped: {_shorten(error)}"
            ) from error
        return {}

    start = time.perf_counter()
    made = make_once(cache / "made", call_first)
    if made.earlier_s:
        call_first(made.path)
    saved_s = max(0.0, made.earlier_s - (time.perf_counter() - start))
    version = f"torch {torch.__version__}"
    return Prepared(compiled, version, asked.dtype, "passive", earlier_s=saved_s)


def _shorten(error: Exception) -> str:
    """The first line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
