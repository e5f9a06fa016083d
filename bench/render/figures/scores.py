"""The figure of one evaluation: what each mixture gained."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure as Canvas

from bench.render.figures.paper import TWO_COLUMNS, paper_style
from bench.render.figures.saving import save_figure
from bench.results.scores import MixtureScore, QualitySummary

COLOUR = "#1f3a93"


@paper_style()
def write_scores_figure(
    scores: Sequence[MixtureScore], summary: QualitySummary, title: str, stem: Path
) -> list[Path]:
    """Improvement against the SNR of the mixture, and its histogram, as SVG, PNG and PDF."""
    canvas = Canvas(figsize=(TWO_COLUMNS, 3.2), layout="constrained")
    cloud, bars = canvas.subplots(1, 2, sharey=True, width_ratios=(3, 1))
    improvements = [score.improvement_db for score in scores]
    cloud.scatter(
        [score.snr_db for score in scores],
        improvements,
        s=4,
        color=COLOUR,
        alpha=0.4,
        linewidths=0,
        rasterized=True,  # thousands of points
    )
    others = "the second" if len(scores[0].sources) == 2 else "the others"
    cloud.set_xlabel(f"SNR of the mixture, first source over {others} (dB)")
    cloud.set_ylabel("SI-SDRi (dB)")
    bars.hist(improvements, bins=40, orientation="horizontal", color=COLOUR)
    bars.set_xlabel("mixtures")
    for axis in (cloud, bars):
        axis.axhline(summary.mean_db, color="#d55e00", linewidth=1, label="mean")
        axis.grid(visible=True, color="#e4e4e4", linewidth=0.6)
        axis.set_axisbelow(True)
    cloud.legend(frameon=False)
    canvas.suptitle(f"{title}: {summary.mean_db:.2f} dB")
    return save_figure(canvas, stem)
