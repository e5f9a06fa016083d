"""The folder of a training: its weights, its state, its metrics."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench.errors import TrainingStoppedError, UsageError
from bench.files import append_line
from bench.machine.description import describe_code
from bench.networks.checkpoint import load_state, save_model, save_state
from bench.results.training import METRICS_NAME, TrainingLine, rewind_training
from bench.training.training import Training

STATE_NAME = "state.pt"
MODEL_NAME = "model.safetensors"


@contextmanager
def open_folder(path: Path, leads: bool) -> Iterator["TrainingFolder"]:
    """The folder, made and kept for one training by the process that leads.

    Raises:
        UsageError: it can't be written to, or another training is at work in it.
    """
    with ExitStack() as stack:
        if leads:
            try:
                path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(path / "lock").acquire(blocking=False))
            except Timeout as error:
                raise UsageError(
                    f"Another training is at work in {path}. Choose another --output DIR."
                ) from error
            except OSError as error:
                raise UsageError(
                    f"{path} can't be written to: {error.strerror or error}. "
                    "Choose another folder with --output DIR."
                ) from error
        yield TrainingFolder(path)


class TrainingFolder:
    """Reads and writes the files of one training; a full disk stops it with the old ones whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.saved_step: int | None = None  # of the state that is there

    def resume(self, training: Training) -> Mapping[str, Any] | None:
        """Take up the state that is there, if any; returns the code that wrote it.

        Lines that a killed process wrote after its last state go out of the metrics.

        Raises:
            UsageError: it belongs to another training.
        """
        state = load_state(self.path / STATE_NAME)
        if state is not None:
            training.load(state)
            self.saved_step = training.position.step
        if training.group.leads:
            position, path = training.position, self.path / METRICS_NAME
            self._write(lambda: rewind_training(path, position.step, position.validated_step))
        return None if state is None else dict(state["code"])

    def save(self, training: Training) -> None:
        """Write the state to go on from."""
        self._write(lambda: save_state(self.path / STATE_NAME, training.state()))
        self.saved_step = training.position.step

    def record(self, line: TrainingLine) -> None:
        """Write a line of metrics."""
        self._write(lambda: append_line(self.path / METRICS_NAME, line.to_json()))

    def keep_best(self, training: Training, line: TrainingLine) -> None:
        """Write the weights of the best validation so far, with what is known of them.

        The learning rate is the setting's: the metrics have that of the validation's step.
        """
        metadata = asdict(line) | asdict(training.settings) | {"code": asdict(describe_code())}
        self._write(lambda: save_model(self.path / MODEL_NAME, training.kept, metadata))

    def describe(self) -> str:
        """What a training that stopped leaves here, in a sentence."""
        kept = [] if self.saved_step is None else [f"the state of step {self.saved_step}"]
        if (self.path / MODEL_NAME).exists():
            kept.append("the weights of the best validation")
        if not kept:
            return f"No state was saved before, so {self.path} holds nothing to go on from."
        return f"{self.path} holds {' and '.join(kept)}."

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            raise TrainingStoppedError(
                f"{self.path} can't be written to: {error.strerror or error}. "
                "Free some space and repeat the command."
            ) from error
