"""What the phases of a measurement are called in sentences and titles."""

from collections.abc import Mapping

from bench.results.workload import Phase

PHASE_NAMES: Mapping[Phase, str] = {
    "inference": "inference",
    "update": "training step",
    "gpu_inference": "inference on the GPU",
}


def title_of(phase: Phase) -> str:
    """The same where a title begins."""
    name = PHASE_NAMES[phase]
    return name[0].upper() + name[1:]
