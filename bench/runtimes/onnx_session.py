"""A file of ONNX in ONNX Runtime: to be timed, and to be checked when it is written."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.results.record import CellError, Status
from bench.runtimes.form import Forward

if TYPE_CHECKING:
    from onnxruntime import SessionOptions

CUDA = "CUDAExecutionProvider"
NO_KERNELS = (
    "This onnxruntime has no kernels for GPUs. Put the package that has them in its place: "
    "pip uninstall --yes onnxruntime && pip install 'separation-bench[onnx-cuda]'"
)

INPUT, OUTPUT, TIME = "mixture", "estimates", "time"
"""What a file calls what goes in, what comes out, and the length of both where it is open."""


class Session(NamedTuple):
    """A file that is ready to run."""

    forward: Forward
    version: str


def open_session(path: Path, threads: int, n_samples: int | None = None) -> Session:
    """A session whose threads sleep while they have nothing to do.

    ``n_samples`` is the only length that it will be run at, where that is known.
    """
    import onnxruntime

    options = _options(threads, n_samples)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def forward(mixture: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {INPUT: mixture.numpy()})[0])

    return Session(forward, f"onnxruntime {onnxruntime.__version__}")


def open_cuda_session(path: Path, threads: int, n_samples: int, n_src: int) -> Session:
    """A session on the GPU of this process, whose input and output stay there.

    Float32 products round their factors where torch's do (TF32), and nowhere else.

    Raises:
        CellError: this build of ONNX Runtime has no kernels for GPUs, or can't load them.
    """
    import onnxruntime

    if CUDA not in onnxruntime.get_available_providers():
        raise CellError(Status.UNSUPPORTED, NO_KERNELS)
    onnxruntime.preload_dlls()  # CUDA's libraries, as torch has them
    has_tf32 = torch.backends.cuda.matmul.allow_tf32
    providers = [(CUDA, {"device_id": 0, "use_tf32": int(has_tf32)})]
    options = _options(threads, n_samples)
    session = onnxruntime.InferenceSession(path, options, providers=providers)
    if CUDA not in session.get_providers():  # which it replaces by the CPU, with a warning
        reason = "ONNX Runtime could not load its kernels for GPUs, and would take the processor."
        raise CellError(Status.UNSUPPORTED, reason)

    def forward(mixture: Tensor) -> Tensor:
        mixture = mixture.contiguous()
        batch, _, time = mixture.shape
        estimates = mixture.new_empty(batch, n_src, time)
        binding = session.io_binding()
        for bind, name, tensor in (
            (binding.bind_input, INPUT, mixture),
            (binding.bind_output, OUTPUT, estimates),
        ):
            bind(name, "cuda", 0, np.float32, tuple(tensor.shape), tensor.data_ptr())
        torch.cuda.current_stream().synchronize()  # the session has a stream of its own
        session.run_with_iobinding(binding)  # until the device has finished
        return estimates

    return Session(forward, f"onnxruntime-gpu {onnxruntime.__version__}")


def _options(threads: int, n_samples: int | None) -> "SessionOptions":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if n_samples is not None:
        options.add_free_dimension_override_by_name(TIME, n_samples)
    return options
