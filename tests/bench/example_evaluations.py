"""Evaluations and scores that are made up."""

from collections.abc import Sequence

from bench.results.environment import Code
from bench.results.quality import EvaluationRecord
from bench.results.scores import MixtureScore, SourceScore

EVALUATION = EvaluationRecord(
    separator="sudormrf-0.25x",
    kind="network",
    corpus="corpus-speech",
    task="speech",
    split="test",
    mixtures_digest="0123456789abcdef",
    n_mixtures=500,
    n_pairs=300,
    si_sdri_mean_db=4.1,
    si_sdri_median_db=4.0,
    si_sdri_low_db=3.9,
    si_sdri_high_db=4.3,
    input_mean_db=0.01,
    output_mean_db=4.11,
    n_without_leaks=400,
    si_sdri_without_leaks_db=3.8,
    training={"corpus": "corpus-speech", "step": 5000, "cpu_s": 3600.0, "macs": 10**15},
    code=Code("unknown", is_modified=False),
    started_at="2026-01-01T00:00:00Z",
    digest="00112233aabbccdd",
    n_labels=40,
)


def make_score(
    number: int, labels: tuple[str, ...], gain_db: float, snr_db: float = 0.0
) -> MixtureScore:
    """A mixture whose sources gain one and the same; the estimates stand in reverse order."""
    sources = (
        SourceScore(label, len(labels) - place, -0.5, gain_db - 0.5)
        for place, label in enumerate(labels)
    )
    return MixtureScore(number, snr_db, tuple(sources))


def make_scores(
    improvements_db: Sequence[float], labels: Sequence[tuple[str, ...]]
) -> list[MixtureScore]:
    pairs = zip(improvements_db, labels, strict=True)
    return [make_score(number, pair, gain) for number, (gain, pair) in enumerate(pairs)]
