"""From the scores of an evaluation to its record."""

import re
from collections.abc import Sequence
from statistics import fmean

from bench.evaluation.mixtures import Material
from bench.evaluation.subjects import Subject
from bench.machine.description import describe_code
from bench.results.quality import EvaluationRecord
from bench.results.scores import MixtureScore, QualitySummary, mean_without

DIGEST_SHOWN = 8  # hexadecimal digits that tell two trainings apart in a file's name


def stem_of(subject: Subject, material: Material, name: str | None) -> str:
    """How the files of an evaluation begin: other weights give other files."""
    parts = [material.stem, name or subject.name, (subject.digest or "")[:DIGEST_SHOWN]]
    return re.sub(r"[^\w.-]", "_", "-".join(filter(None, parts)).replace(" ", "-"))


def make_record(
    subject: Subject,
    material: Material,
    scores: Sequence[MixtureScore],
    summary: QualitySummary,
    started_at: str,
    name: str | None,
) -> EvaluationRecord:
    """The line that is kept."""
    n_without_leaks, without_leaks_db = mean_without(scores, material.leaks)
    return EvaluationRecord(
        separator=subject.name,
        kind=subject.kind,
        corpus=material.corpus,
        task=material.task,
        split=material.split,
        mixtures_digest=material.mixtures.digest,
        n_mixtures=len(scores),
        n_pairs=summary.n_pairs,
        si_sdri_mean_db=summary.mean_db,
        si_sdri_median_db=summary.median_db,
        si_sdri_low_db=summary.low_db,
        si_sdri_high_db=summary.high_db,
        input_mean_db=fmean(score.input_db for score in scores),
        output_mean_db=fmean(score.output_db for score in scores),
        n_without_leaks=n_without_leaks,
        si_sdri_without_leaks_db=without_leaks_db,
        training=subject.training,
        code=describe_code(),
        started_at=started_at,
        name=name,
        digest=subject.digest,
        n_src=material.mixtures.n_src,
        n_labels=summary.n_labels,
    )
