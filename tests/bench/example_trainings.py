"""Lines of metrics as a training writes them, with values that are easy to follow."""

from bench.results.training import TrainingLine


def make_line(
    model: str = "sudormrf-0.25x",
    corpus: str = "speech",
    step: int = 100,
    si_sdri_db: float | None = None,
    phase: str = "separation",
    share: float | None = None,
) -> TrainingLine:
    """A step costs 1 G multiply-adds, 3 GFLOPs, half a second and half of a processor."""
    return TrainingLine(
        model=model,
        corpus=corpus,
        n_samples=8000,
        batch=4,
        phase=phase,
        step=step,
        epoch=step // 60,
        loss=-1.0,
        si_sdri_db=si_sdri_db,
        n_validation=60,
        learning_rate=1e-3,
        macs=step * 10**9,
        flops=step * 3 * 10**9,
        audio_s=step * 4.0,
        wall_s=step * 0.5,
        cpu_s=step * 0.25,
        energy_j=None,
        share=share,
    )


def make_training(model: str, corpus: str, n_epochs: int = 6) -> list[TrainingLine]:
    """A validation after each 60 steps, better by less each time."""
    return [
        make_line(model, corpus, 60 * epoch, 5 - 4 * 0.7**epoch) for epoch in range(1, 1 + n_epochs)
    ]
