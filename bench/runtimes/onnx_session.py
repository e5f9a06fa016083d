"""A file of ONNX in ONNX Runtime: to be timed, and to be checked when it is written."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from bench.runtimes.form import Forward

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

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if n_samples is not None:
        options.add_free_dimension_override_by_name(TIME, n_samples)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def forward(mixture: Tensor) -> Tensor:
        return torch.from_numpy(session.run(None, {INPUT: mixture.numpy()})[0])

    return Session(forward, f"onnxruntime {onnxruntime.__version__}")
