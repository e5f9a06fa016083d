"""python -m bench.separate: separate a recording into its sources with a trained network.

Exit codes: 0 written; 2 the recording, the checkpoint or the folder is not as needed, or memory is
full, and nothing was written; 130 Ctrl-C, 143 SIGTERM, and nothing was written.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.command import name_program, run_command
from bench.errors import EXIT_OK, UsageError
from bench.evaluation.consistency import CONSISTENCIES, prescribed_consistency
from bench.machine.own_pages import keep_own_pages
from bench.networks import shipped
from bench.recordings.settings import CHUNK_S, SeparationSettings

OURS = (
    "Separated with the network that comes with the package, SuDoRM-RF 0.25x trained on mixtures "
    "of two sounds, not for speech or music ({card}). Name another with "
    "--checkpoint FILE: bench.train writes one, and docs/checkpoints.md says which of the authors' "
    "can be read."
)


def build_parser() -> argparse.ArgumentParser:
    """What to separate, with which network, in what chunks, to which levels."""
    parser = argparse.ArgumentParser(
        prog=name_program("separate"),
        description="Separate a recording into sources, one WAV for each (32-bit float, one "
        "channel, the recording's sample rate and length). Channels are mixed down to one.",
        epilog="Exit codes: 0 written; 2, 130 (Ctrl-C) and 143 (SIGTERM) nothing written.",
    )
    parser.add_argument("recording", type=Path, metavar="IN.wav", help="any rate and length")
    parser.add_argument(
        "folder", type=Path, metavar="OUT_DIR", help="is made; must be empty where it exists"
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="of bench.train, the authors', or a state dict (default: the network that comes with "
        "the package, for mixtures of two sounds)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="of a state dict: in the registry, or package.module:function",
    )
    parser.add_argument(
        "--consistency",
        choices=CONSISTENCIES,
        help="gain: each source gets the level and sign with which all add up to the recording "
        "best; mixture: what is missing is added to all in equal shares, for networks trained so; "
        "none: as the network returns them, at any level and with any sign (default: mixture for "
        "networks that prescribe it, as the authors' group communication; gain for others)",
    )
    parser.add_argument(
        "--chunk-s",
        type=float,
        default=CHUNK_S,
        metavar="S",
        help="seconds that the network hears at once (default: %(default)s); longer takes more "
        "memory, inf takes the whole recording",
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="default: cpu")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, separate, and turn every ending into an exit code."""
    arguments = build_parser().parse_args(argv)
    if argv is None:  # the program itself, and no call of it
        keep_own_pages()
    return run_command(lambda: separate(arguments), kept="Nothing was written.")


def separate(arguments: argparse.Namespace) -> int:
    """Load the network, read the recording's moments, separate."""
    if arguments.checkpoint is None and arguments.model:
        raise UsageError("--model says of which network a --checkpoint FILE is; name that too.")
    from bench.networks.full_memory import full_memory_as, where_is_more
    from bench.recordings.recording import measure_recording
    from bench.recordings.separation import load_network, separate_recording
    from bench.render.terminal.seconds import show_seconds  # after --help has had its answer

    settings = SeparationSettings(arguments.chunk_s, arguments.consistency or "gain")
    moments = measure_recording(arguments.recording)
    elsewhere = where_is_more(arguments.device)
    with full_memory_as(UsageError, "The weights", f"You can {elsewhere}."):
        path = arguments.checkpoint or shipped.WEIGHTS
        model = load_network(path, arguments.device, arguments.model)
    if not arguments.consistency and (prescribed := prescribed_consistency(model)):
        settings = replace(settings, consistency=prescribed)
    too_large = f"The intermediate results of {min(arguments.chunk_s, moments.duration_s):.3g} s"
    remedy = f"Ask for less at once with --chunk-s (it was {arguments.chunk_s:g}), or {elsewhere}."
    with (
        full_memory_as(UsageError, too_large, remedy),
        show_seconds("separating", moments.duration_s) as advance,
    ):
        paths = separate_recording(
            arguments.recording, arguments.folder, model, moments, settings, advance
        )
    for path in paths:
        print(path)
    if arguments.checkpoint is None:
        print(OURS.format(card=shipped.CARD), file=sys.stderr)
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
