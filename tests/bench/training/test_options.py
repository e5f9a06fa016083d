"""What stands where an option of bench.train is not given."""

import re
from pathlib import Path

from bench.training.options import choose_limits, choose_settings, parse_options
from bench.training.settings import TrainingSettings

DOCUMENT = Path(__file__).parents[3] / "docs" / "training.md"


def chosen(*words: str) -> TrainingSettings:
    return choose_settings(parse_options(words, "bench.train"), "any")


def test_the_papers_recipe_is_the_default() -> None:
    paper = TrainingSettings("sudormrf-0.25x", chosen().factory, "any")
    assert chosen() == chosen("--recipe", "paper") == paper
    assert choose_limits(parse_options([], "bench.train")).epochs == 120


def test_the_short_recipe_is_what_the_documents_say() -> None:
    words = re.search(r"`--recipe short` is `([^`]*)`", DOCUMENT.read_text(encoding="utf-8"))
    assert words
    assert chosen("--recipe", "short") == chosen(*words[1].split()) != chosen()


def test_an_option_that_is_given_holds_in_any_recipe() -> None:
    given = chosen("--recipe", "short", "--samples", "9000", "--no-average", "--batch", "3")
    assert (given.n_samples, given.average, given.batch) == (9000, False, 3)
    quick = chosen("--quick", "--recipe", "short", "--learning-rate", "0.5")
    assert (quick.learning_rate, quick.epoch_size) == (0.5, 320)
    assert quick.n_samples == chosen("--recipe", "short").n_samples
