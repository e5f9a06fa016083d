"""python -m tests.compare_with_reference --reference-repo DIR: against the authors' own code.

DIR is your clone of github.com/etzinis/sudo_rm_rf, which is run. Networks of its four classes get
random parameters and are saved in every form that the reader takes; what the reader builds of
each file must give their outputs. With ``--write FILE`` outputs of its later classes, with
deterministic parameters, are stored instead. Exit codes: 0 all agree, 1 one does not.
"""

import argparse
import importlib
import json
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn

from models.checkpoints.reference import load_reference_checkpoint
from tests.models.checkpoints.later_examples import (
    STORED_GROUPS,
    STORED_SHAPES,
    deterministic_mixture,
    deterministic_weights,
)
from tests.textbook.agreement import noise, randomised, relative_error

TOLERANCE = 1e-5  # float32
LENGTHS = (1, 37, 800, 4321, 6400)
STORED_LENGTHS = (1, 37, 161)
COMMAND = "python -m tests.compare_with_reference --reference-repo DIR --write FILE"
CLASSES = {
    "sudormrf": "SuDORMRF",
    "improved_sudormrf": "SuDORMRF",
    "groupcomm_sudormrf_v2": "GroupCommSudoRmRf",
    "causal_improved_sudormrf_v3": "CausalSuDORMRF",
}
"""The authors' classes by their modules."""
NARROW = {
    "out_channels": 16,
    "in_channels": 24,
    "num_blocks": 2,
    "upsampling_depth": 4,
    "enc_kernel_size": 21,
    "enc_num_basis": 32,
    "num_sources": 2,
}
CHANGES: tuple[dict[str, int], ...] = (
    {},
    {"num_sources": 3},
    {"num_sources": 1},
    {"enc_kernel_size": 11, "upsampling_depth": 3},
    {"enc_kernel_size": 41, "upsampling_depth": 5},
    {"out_channels": 8, "in_channels": 40, "enc_num_basis": 34},
    {"out_channels": 32},
    {"num_blocks": 1, "upsampling_depth": 1},
    {"out_channels": 128, "in_channels": 512, "enc_num_basis": 512, "upsampling_depth": 5},
)


def save_forms(model: nn.Module, folder: Path) -> Iterator[Path]:
    """A file of the network in each form, one after another."""
    path = folder / "saved.pt"
    for saved in (model, nn.DataParallel(model), model.state_dict()):
        for is_zip in (True, False):
            torch.save(saved, path, _use_new_zipfile_serialization=is_zip)
            yield path


@torch.no_grad()
def compare(reference: nn.Module, folder: Path) -> tuple[float, list[int]]:
    """The worst relative error over forms and lengths, and the lengths that could be compared.

    Where its hop is a multiple of four, the authors' first code fails at most lengths that it has
    to pad: it pads to fewer frames than its levels halve.
    """
    expected: dict[int, Tensor] = {}
    for n_samples in LENGTHS:
        with suppress(RuntimeError):
            expected[n_samples] = reference(noise(2, 1, n_samples).float())
    errors = []
    for path in save_forms(reference, folder):
        model = load_reference_checkpoint(path)
        for n_samples, estimates in expected.items():
            errors.append(relative_error(model(noise(2, 1, n_samples).float()), estimates))
    return max(errors), list(expected)


def build(name: str, change: dict[str, int]) -> nn.Module:
    """One of the authors' networks with random parameters, in float32."""
    module = importlib.import_module(f"sudo_rm_rf.dnn.models.{name}")
    return randomised(getattr(module, CLASSES[name])(**arguments(name, change))).float()


def arguments(name: str, change: dict[str, int]) -> dict[str, int]:
    """What the class is built with: fewer groups than its 16, for the narrow ones."""
    return (
        NARROW | change | ({"group_size": STORED_GROUPS} if name == "groupcomm_sudormrf_v2" else {})
    )


@torch.no_grad()
def write_outputs(path: Path) -> None:
    """Outputs of the later classes with deterministic parameters, as JSON.

    That the names and shapes are the authors' is seen to by their code, which takes no others.
    """
    outputs = {}
    for name, shapes in STORED_SHAPES.items():
        reference = build(name, {})
        reference.load_state_dict(deterministic_weights(shapes), strict=True)
        outputs[name] = {
            n_samples: [
                [float(f"{value:.9g}") for value in source]
                for source in reference(deterministic_mixture(n_samples))[0].tolist()
            ]
            for n_samples in STORED_LENGTHS
        }
    path.write_text(json.dumps({"command": COMMAND, "outputs": outputs}) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Compare all, print one line each."""
    parser = argparse.ArgumentParser(prog="python -m tests.compare_with_reference")
    parser.add_argument("--reference-repo", type=Path, required=True, metavar="DIR")
    parser.add_argument("--write", type=Path, metavar="FILE", help="store outputs, compare nothing")
    given = parser.parse_args(argv)
    sys.path.insert(0, str(given.reference_repo.resolve()))
    warnings.simplefilter("ignore")  # of the authors' code, about old names of torch
    if given.write:
        write_outputs(given.write)
        return 0
    n_failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in CLASSES:
            for change in CHANGES:
                error, lengths = compare(build(name, change), Path(folder))
                n_failed += not error < TOLERANCE
                print(f"{error:.1e}  {name} {arguments(name, change)}, samples {lengths}")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
