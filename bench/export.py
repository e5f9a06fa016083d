"""python -m bench.export: write a network as a file that can be deployed, and check it by running.

Exit codes: 0 written and checked; 1 the file does not compute what the network does, and was not
written; 2 the request can't be met; 130 Ctrl-C, 143 SIGTERM, and nothing was written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.command import name_program, run_command
from bench.errors import EXIT_CELL_FAILED, EXIT_OK, UsageError
from bench.machine.description import describe_code
from bench.options import require_installed
from bench.registry import SAMPLE_RATE
from bench.runtimes import RUNTIMES

if TYPE_CHECKING:
    from bench.networks.trained import TrainedNetwork

N_SAMPLES = 8000
"""Of the mixture that a network is traced with."""
OTHER_SAMPLES = 12_345
"""At which a file that holds for every length is run too."""


def build_parser() -> argparse.ArgumentParser:
    """Which network, with which weights, into which file."""
    parser = argparse.ArgumentParser(
        prog=name_program("export"),
        description="Write a network as a file of ONNX, with its sample rate, number of sources "
        "and commit in the metadata, and check it by running it beside the network.",
        epilog="Exit codes: 0 written and checked; 1 wrong and not written; 2 the request can't be "
        "met.",
    )
    parser.add_argument("model", metavar="MODEL", help="a name, or package.module:function")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="its weights, of bench.train or another (docs/checkpoints.md); random without",
    )
    parser.add_argument("--to", choices=["onnx"], default="onnx", help="default: onnx")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="default: MODEL.onnx in the current folder"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, export, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: write_file(arguments), kept="Nothing was written.")


def write_file(arguments: argparse.Namespace) -> int:
    """Build the network, trace it beside the file's place, check, and put the file there."""
    require_installed([RUNTIMES["onnxruntime"]])
    network = load_network(arguments.model, arguments.checkpoint)
    from bench.measuring.mixture import load_example
    from bench.results.record import CellError
    from bench.runtimes.onnx_file import add_metadata, export

    name = network.name.replace(":", "-")
    output = arguments.output or Path(f"{name}.onnx")
    mixture = load_example(N_SAMPLES).mixture.float()
    try:
        with TemporaryDirectory(prefix=".export-", dir=output.parent) as folder:
            written = Path(folder) / output.name
            any_length = export(network.model, mixture, written)
            add_metadata(written, describe(network, any_length))
            if problem := check(network, written, any_length):
                print(f"error: {problem}", file=sys.stderr)
                return EXIT_CELL_FAILED
            for part in sorted(Path(folder).iterdir()):
                print(part.replace(output.parent / part.name))
    except CellError as error:
        raise UsageError(f"{network.name} can't be exported: {error}") from error
    except OSError as error:
        raise UsageError(
            f"Nothing can be written to {output.parent.resolve()}: {error.strerror}. Choose "
            "another --output FILE."
        ) from error
    return EXIT_OK


def load_network(request: str, checkpoint: Path | None) -> "TrainedNetwork":
    """The network with the weights of a file, or with random ones, which is said.

    Raises:
        UsageError: there is no such network, or the file is of another.
    """
    from bench.networks.trained import build_untrained, load_trained

    if checkpoint is not None:
        return load_trained(checkpoint, request)
    print("Without --checkpoint FILE the weights are random.", file=sys.stderr)
    return build_untrained(request)


def describe(network: "TrainedNetwork", any_length: bool) -> dict[str, str]:
    """What whoever deploys the file wants to know; all values are text."""
    import torch

    code = describe_code()
    n_src = network.model(torch.zeros(1, 1, N_SAMPLES)).shape[1]
    return {
        "model": network.name,
        "sample_rate": str(SAMPLE_RATE),
        "n_sources": str(n_src),
        "n_samples": "any" if any_length else str(N_SAMPLES),
        "weights": network.digest,
        "commit": code.commit + (", modified" if code.is_modified else ""),
        "torch": torch.__version__,
    }


def check(network: "TrainedNetwork", path: Path, any_length: bool) -> str:
    """What is wrong with the file, run on speech that it was not traced with; empty: nothing."""
    import torch

    from bench.measuring.form import compare
    from bench.measuring.mixture import load_example
    from bench.results.form import judge
    from bench.runtimes.onnx_session import open_session

    session = open_session(path, threads=torch.get_num_threads())
    for n_samples in (N_SAMPLES, OTHER_SAMPLES) if any_length else (N_SAMPLES,):
        mixture = load_example(n_samples, batch=2).mixture[1:].float()
        with torch.inference_mode():
            reference = network.model(mixture)
        sources = load_example(n_samples, 2, reference.shape[1]).sources[1:]
        parity = compare(session.forward(mixture), reference, sources)
        if problem := judge(parity, "float32"):
            return f"At {n_samples} samples the file is wrong. {problem}"
        print(
            f"{n_samples} samples in {session.version}: largest error "
            f"{parity.max_relative_error:.1e}, SI-SDR {parity.si_sdr_db:.0f} dB"
        )
    return ""


if __name__ == "__main__":
    sys.exit(main())
