"""Where a measuring process is: what its values may depend on."""

import os
import re
from collections.abc import Mapping, MutableMapping
from functools import partial
from operator import attrgetter

import torch
import torch.backends.cudnn.rnn  # torch imports it with the first recurrent layer

from bench.machine.attempt import attempt
from bench.machine.description import describe_code, describe_machine, describe_versions
from bench.measuring.gpu import describe_gpu
from bench.results.environment import Environment, TorchSetup

PREFIXES = (
    *("OMP_", "GOMP_", "KMP_", "MKL_", "MALLOC_", "GLIBC_", "PYTORCH_", "TORCH_"),
    *("CUDA_DEVICE_", "CUDA_LAUNCH_", "CUDA_MODULE_", "CUDA_VISIBLE_", "CUBLAS_", "CUDNN_"),
    *("NVIDIA_TF32_", "HIP_", "MIOPEN_", "ROCR_"),
)
"""Of variables that libraries of a measuring process listen to."""
UUID = re.compile(r"\b(GPU|MIG)-[\w/-]+")
FOLDERS = re.compile(r"(?<![^\s:;,=])[~/][^\s:;,]*/")
"""UUIDs and folders in a variable: they may name one card or a person."""

FP32_SETTINGS = {"conv": "cudnn.conv", "rnn": "cudnn.rnn", "matmul": "cuda.matmul"}
"""Below ``torch.backends``, what says how CUDA computes with float32, by kind of operation."""


def describe_environment() -> Environment:
    """Machine, versions, code, torch's build and settings: what lasts during a run.

    What can't be read is None, and the error stands in ``problems``.
    """
    problems: dict[str, str] = {}
    return Environment(
        machine=describe_machine(describe_gpu(problems), problems),
        versions=describe_versions(),
        code=describe_code(),
        torch=describe_torch(problems),
        variables=describe_variables(os.environ),
        problems=problems,
    )


def describe_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Those that libraries listen to, without what names one card or a person."""
    return {
        name: FOLDERS.sub("", UUID.sub(r"\1-...", value))
        for name, value in sorted(variables.items())
        if name.startswith(PREFIXES)
    }


def describe_torch(problems: MutableMapping[str, str]) -> TorchSetup:
    """How torch was built and is set up in this process; ``problems`` gains what it won't tell."""
    backends = torch.backends
    return TorchSetup(
        cuda_build=torch.version.cuda,
        cudnn=attempt(problems, "cudnn", _cudnn_version),
        cudnn_benchmark=backends.cudnn.benchmark,
        cudnn_allow_tf32=attempt(problems, "cudnn_allow_tf32", lambda: backends.cudnn.allow_tf32),
        matmul_precision=attempt(problems, "matmul_precision", torch.get_float32_matmul_precision),
        mkldnn=backends.mkldnn.is_available(),
        cpu_capability=backends.cpu.get_cpu_capability(),
        threads=torch.get_num_threads(),
        flushes_denormals=_flushes_denormals(),
        fp32_precision={
            kind: attempt(problems, f"fp32_precision of {kind}", partial(_fp32_precision, kind))
            for kind in FP32_SETTINGS
        },
    )


def _cudnn_version() -> int | None:
    return torch.backends.cudnn.version() if torch.cuda.is_available() else None


def _fp32_precision(kind: str) -> str:
    return str(attrgetter(f"{FP32_SETTINGS[kind]}.fp32_precision")(torch.backends))


def _flushes_denormals() -> bool:
    """Whether arithmetic on the CPU turns denormal numbers into zero in this process."""
    denormal = torch.tensor(2.0, dtype=torch.float32) ** -130
    return bool(denormal * 1.0 == 0)
