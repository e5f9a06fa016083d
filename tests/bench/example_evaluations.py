"""An evaluation of a separator, with values that are easy to tell apart."""

from bench.results.quality import EvaluationRecord

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
    code={"commit": "unknown", "is_modified": False},
    started_at="2026-01-01T00:00:00Z",
)
