"""Which device a run measures on, and what its files are called after."""

from collections.abc import MutableMapping

from bench.errors import UsageError
from bench.results.environment import NO_CUDA, Environment

VISIBLE = "CUDA_VISIBLE_DEVICES"


def choose_card(requested: str, variables: MutableMapping[str, str]) -> str:
    """``cuda`` for ``cuda:1``, and that card is then the only one that new processes see.

    It is counted from 0, among those that CUDA_VISIBLE_DEVICES names where it is set. Any other
    request stays as it is. ``variables`` are those of the environment.

    Raises:
        UsageError: the variable names no such card.
    """
    device, _, number = requested.partition(":")
    if number:
        variables[VISIBLE] = _card(int(number), variables.get(VISIBLE))
    return device


def _card(number: int, visible: str | None) -> str:
    if visible is None:
        return str(number)
    cards = [card.strip() for card in visible.split(",") if card.strip()]
    if number >= len(cards):
        raise UsageError(
            f"--device cuda:{number}: {VISIBLE}={visible} names {len(cards)} GPU(s), which are "
            "counted from 0. Choose one of them, or unset the variable."
        )
    return cards[number]


def choose_device(requested: str, environment: Environment) -> str:
    """``cpu`` or ``cuda``.

    Raises:
        UsageError: CUDA was asked for and can't be used; says what was found.
    """
    is_usable = environment.usable_gpu is not None
    if requested == "auto":
        return "cuda" if is_usable else "cpu"
    if requested == "cuda" and not is_usable:
        raise UsageError(
            f"--device cuda: {_why_no_cuda(environment)}. "
            "Use --device cpu, or a machine and a build of torch with CUDA."
        )
    return requested


def explain_auto(device: str, environment: Environment) -> str:
    """Which device ``--device auto`` took, and why, in a sentence."""
    gpu = environment.usable_gpu
    if device == "cuda" and gpu:
        return f"--device auto takes the GPU: {gpu.name}."
    return f"--device auto takes the CPU: {_why_no_cuda(environment)}."


def _why_no_cuda(environment: Environment) -> str:
    """What was found, in torch's words where it has any; no full stop."""
    torch = f"torch {environment.versions['torch']}"
    build, problem = environment.torch.cuda_build, environment.problems.get(NO_CUDA)
    if problem:
        gpu = environment.machine.gpu
        return f"{torch} can't use {gpu.name if gpu else 'a GPU'}: {problem.rstrip('.')}"
    if not build:
        return f"{torch} is built without CUDA"
    visible = environment.variables.get(VISIBLE)
    return f"{torch} is built for CUDA {build} but sees no GPU" + (
        "" if visible is None else f" ({VISIBLE}={visible})"
    )


def device_name(device: str, environment: Environment) -> str:
    """``cpu``, or the GPU's name as a file name."""
    gpu = environment.machine.gpu
    name = gpu.name if device == "cuda" and gpu else device
    return name.lower().replace(" ", "-")
