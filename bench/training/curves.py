"""Curves of a training for TensorBoard, which is optional."""

from pathlib import Path

from bench.errors import UsageError
from bench.results.training import TrainingLine
from bench.training.training import Position


class Curves:
    """An observer of the loop that writes TensorBoard's files.

    Raises:
        UsageError: TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise UsageError(
                "TensorBoard is not installed. To install it: "
                "pip install 'separation-bench[train]'; or train without --tensorboard."
            ) from error
        self.writer = SummaryWriter(str(folder))

    def step(self, position: Position, audio_s: float) -> None:
        """Nothing: curves have a point for each line of metrics."""

    def validating(self, n_done: int, n_mixtures: int) -> None:
        """Nothing, for the same reason."""

    def line(self, line: TrainingLine) -> None:
        """Add a point to each curve."""
        values = {"loss": line.loss, "learning_rate": line.learning_rate, "flops": line.flops}
        if line.si_sdri_db is not None:
            values[f"si_sdri_db/{line.phase}"] = line.si_sdri_db
        for name, value in values.items():
            self.writer.add_scalar(name, value, line.step)
        self.writer.flush()
