"""Evaluation records survive storing, and those of the first schema are read."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest

from bench.errors import UsageError
from bench.render.tables.scores_csv import render_scores
from bench.results.quality import (
    EvaluationRecord,
    append_evaluation,
    pick_own,
    read_evaluations,
)
from bench.results.score_files import read_gains
from bench.results.scores import summarize_scores
from tests.bench.example_evaluations import EVALUATION, make_scores

REPORTS = Path(__file__).parents[3] / "reports"


def without_interval(record: EvaluationRecord) -> EvaluationRecord:
    return replace(record, si_sdri_low_db=None, si_sdri_high_db=None, n_labels=None)


def test_a_record_comes_back_as_it_was() -> None:
    named = replace(EVALUATION, name="long training", n_src=3, digest=None)
    for record in (EVALUATION, named):
        assert EvaluationRecord.from_json(record.to_json()) == record


def test_a_number_that_json_has_no_word_for_is_not_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        replace(EVALUATION, si_sdri_mean_db=float("nan")).to_json()


def test_the_first_schema_is_read() -> None:
    fields = json.loads(EVALUATION.to_json()) | {"schema": 1}
    for name in ("name", "digest", "n_src", "n_labels"):
        del fields[name]
    record = EvaluationRecord.from_json(json.dumps(fields))
    assert record == without_interval(replace(EVALUATION, digest=None))


def test_an_older_interval_is_made_anew_from_the_scores_or_is_none(tmp_path: Path) -> None:
    gains = [float(number % 7) for number in range(60)]
    scores = make_scores(gains, [(f"a{number % 12}", f"b{number % 5}") for number in range(60)])
    mean = fmean(gains)
    found = replace(EVALUATION, si_sdri_mean_db=mean)
    lost = replace(found, digest="of weights whose scores are not there")
    elsewhere = replace(found, corpus="of other mixtures, with the same mean")
    (tmp_path / "some.csv").write_text(render_scores(found, scores))
    path = tmp_path / "evaluations.jsonl"
    path.write_text(
        "\n".join(
            record.to_json().replace('"schema": 3', '"schema": 2').replace('"n_labels": 40, ', "")
            for record in (found, lost, elsewhere)
        )
    )
    expected = summarize_scores(scores)
    assert expected.low_db is not None
    assert read_evaluations(path) == (
        replace(
            found,
            si_sdri_low_db=expected.low_db,
            si_sdri_high_db=expected.high_db,
            n_labels=17,
        ),
        without_interval(lost),
        without_interval(elsewhere),
    )


def test_a_torn_file_of_scores_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heads = "digest,corpus,split,mixture,improvement_db,source1_label"
    (tmp_path / "torn.csv").write_text(f"{heads}\nff,corpus-speech,test,0,")
    assert read_gains(tmp_path) == []
    assert f"{tmp_path / 'torn.csv'} is left out: it holds no scores" in capsys.readouterr().err


def test_the_committed_records_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    records = read_evaluations(REPORTS / "quality" / "evaluations.jsonl")
    assert {record.kind for record in records} == {"mixture", "oracle", "network"}
    assert capsys.readouterr().err == ""


def test_the_newest_of_each_subject_and_set_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "evaluations.jsonl"
    other_corpus = replace(EVALUATION, corpus="WSJ0-2mix")
    other_separator = replace(EVALUATION, separator="mixture", kind="mixture", training=None)
    newer = replace(EVALUATION, si_sdri_mean_db=5.0, name="renamed")
    for record in (EVALUATION, other_corpus, other_separator, newer):
        append_evaluation(path, record)
    assert set(map(EvaluationRecord.to_json, read_evaluations(path))) == {
        record.to_json() for record in (other_corpus, other_separator, newer)
    }


def test_other_weights_of_a_network_are_another_subject(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.jsonl"
    of_schema_1 = replace(EVALUATION, digest=None)
    other_weights = replace(EVALUATION, digest="other")
    for record in (of_schema_1, EVALUATION, other_weights):
        append_evaluation(path, record)
    assert read_evaluations(path) == (of_schema_1, EVALUATION, other_weights)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "{}",
        "no JSON",
        EVALUATION.to_json().replace('"schema": 3', '"schema": 4'),
        json.dumps({"schema": 2, "separator": "a"}),
        EVALUATION.to_json().replace('"corpus"', '"korpus"'),
        EVALUATION.to_json().replace('"n_pairs": 300', '"n_pairs": "many"'),
    ],
)
def test_a_line_that_is_none_is_named_and_left_out(
    tmp_path: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evaluations.jsonl"
    path.write_text(f"{EVALUATION.to_json()}\n{line}\n")
    assert read_evaluations(path) == (EVALUATION,)
    assert f"{path}, line 2, is left out: " in capsys.readouterr().err


def test_a_torn_line_spoils_no_later_one(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.jsonl"
    path.write_text(EVALUATION.to_json()[:50])
    append_evaluation(path, EVALUATION)
    assert read_evaluations(path) == (EVALUATION,)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"python -m bench\.evaluate"):
        read_evaluations(tmp_path / "none.jsonl")


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "quality").touch()
    with pytest.raises(UsageError, match=r"evaluations\.jsonl: .*--output DIR"):
        append_evaluation(tmp_path / "quality" / "evaluations.jsonl", EVALUATION)


def test_the_paper_is_of_two_sources() -> None:
    """So what is shown beside it is, too: the last of those on the most mixtures."""
    three = replace(EVALUATION, n_src=3, n_mixtures=3000)
    later = replace(EVALUATION, digest="other")
    short = replace(EVALUATION, n_mixtures=10)
    chosen = pick_own([EVALUATION, later, three, short])
    assert chosen == {("sudormrf-0.25x", "speech"): later}


def test_a_training_with_a_name_of_its_own_is_shown_where_there_is_no_other() -> None:
    named = replace(EVALUATION, digest="other", name="short recipe", n_mixtures=3000)
    key = ("sudormrf-0.25x", "speech")
    assert pick_own([EVALUATION, named]) == {key: EVALUATION}
    assert pick_own([named]) == {key: named}
