"""Where a measuring process is: what its values may depend on."""

import os

import torch

from bench.machine.description import describe_code, describe_machine, describe_versions
from bench.results.environment import Environment, GpuDevice, TorchSetup

PREFIXES = (
    *("OMP_", "GOMP_", "KMP_", "MKL_", "MALLOC_", "GLIBC_", "PYTORCH_", "TORCH_"),
    *("CUDA_DEVICE_", "CUDA_LAUNCH_", "CUDA_VISIBLE_", "CUBLAS_", "CUDNN_"),
)
"""Of variables that libraries of a measuring process listen to."""


def describe_environment() -> Environment:
    """Machine, versions, code, torch's build and settings: what lasts during a run."""
    return Environment(
        machine=describe_machine(describe_gpu()),
        versions=describe_versions(),
        code=describe_code(),
        torch=describe_torch(),
        variables={
            name: value for name, value in sorted(os.environ.items()) if name.startswith(PREFIXES)
        },
    )


def describe_gpu() -> GpuDevice | None:
    """The first CUDA device, or None."""
    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(0)
    return GpuDevice(
        name=properties.name,
        memory_bytes=properties.total_memory,
        compute_capability=f"{properties.major}.{properties.minor}",
        n_visible=torch.cuda.device_count(),
    )


def describe_torch() -> TorchSetup:
    """How torch was built and is set up in this process."""
    return TorchSetup(
        cuda_build=torch.version.cuda,
        cudnn=torch.backends.cudnn.version() if torch.cuda.is_available() else None,
        cudnn_benchmark=torch.backends.cudnn.benchmark,
        cudnn_allow_tf32=torch.backends.cudnn.allow_tf32,
        matmul_precision=torch.get_float32_matmul_precision(),
        mkldnn=torch.backends.mkldnn.is_available(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        threads=torch.get_num_threads(),
        flushes_denormals=_flushes_denormals(),
    )


def _flushes_denormals() -> bool:
    """Whether arithmetic on the CPU turns denormal numbers into zero in this process."""
    denormal = torch.tensor(2.0, dtype=torch.float32) ** -130
    return bool(denormal * 1.0 == 0)
