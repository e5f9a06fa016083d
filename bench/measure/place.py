"""Where the training steps of a run take place, and what its files are called after."""

from bench.errors import UsageError
from bench.results.environment import Environment


def choose_device(requested: str, environment: Environment) -> str:
    """``cpu`` or ``cuda``.

    Raises:
        UsageError: CUDA was asked for and is not there; says what was found.
    """
    gpu = environment.machine.gpu
    if requested == "auto":
        return "cuda" if gpu else "cpu"
    if requested == "cuda" and not gpu:
        version = environment.versions["torch"]
        build = environment.torch.cuda_build
        found = f"is built for CUDA {build} but sees no GPU" if build else "is built without CUDA"
        raise UsageError(
            f"--device cuda: torch {version} {found}. "
            "Use --device cpu, or a machine and a build of torch with CUDA."
        )
    return requested


def device_name(device: str, environment: Environment) -> str:
    """``cpu``, or the GPU's name as a file name."""
    gpu = environment.machine.gpu
    name = gpu.name if device == "cuda" and gpu else device
    return name.lower().replace(" ", "-")
