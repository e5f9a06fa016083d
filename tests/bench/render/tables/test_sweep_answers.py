"""The tables of answers: each where its cells are, with numbers known by hand."""

from dataclasses import replace

from bench.render.cell_names import CellNames
from bench.render.tables.sweep_answers import render_answers
from bench.results.record import Record, Status
from bench.results.sweep_answers import summarize_sweep
from tests.bench.example_records import make_job, make_rounds
from tests.bench.made_up_sweep import ENTRIES, Grid, is_of, make_sweep, without_result


def render(records: list[Record]) -> str:
    sweep = summarize_sweep([entry.name for entry in ENTRIES], records)
    return "\n\n".join(render_answers(sweep, CellNames.of(ENTRIES, sweep.cells)))


def section(text: str, title: str) -> list[str]:
    return text.partition(f"## {title}\n")[2].partition("\n## ")[0].splitlines()


STILL = Grid(noise=1e-5)


def test_a_sweep_over_lengths_alone_answers_what_it_can() -> None:
    titles = [line for line in render(make_sweep(Grid())).splitlines() if line.startswith("## ")]
    assert titles == [
        "## The longest audio for the memory at hand",
        "## Real-time factor against length",
        "## Where networks cross in time",
    ]


def test_the_longest_audio_has_its_extrapolation_beside_it() -> None:
    """(6 GB - 250 MB) / 40 MB a second = 143.75 s, 4.5 times 32 s."""
    lines = section(render(make_sweep(Grid())), "The longest audio for the memory at hand")
    row = next(line for line in lines if line.startswith("| Convolutional"))
    assert row.startswith("| Convolutional |  | 6.00 GB | 2.4 min | ")
    assert row.endswith("| 4.5 × |")


def test_an_answer_beyond_a_hundred_times_is_cut() -> None:
    grid = Grid(models=("conv",), lengths=(400, 800, 1600, 3200))
    lines = section(render(make_sweep(grid)), "The longest audio for the memory at hand")
    assert any("| more than 40 s |  | 100 × |" in line for line in lines)


def test_real_time_factors_are_of_the_smallest_batch() -> None:
    grid = replace(STILL, models=("conv",), lengths=(8000, 16000), batches=(1, 2))
    lines = section(render(make_sweep(grid)), "Real-time factor against length")
    assert lines[1:4] == [
        "| Model | Setting | 1 s | 2 s |",
        "| :--- | :--- | ---: | ---: |",
        "| Convolutional | batch 1 | 0.104 ± 0.0 % | 0.102 ± 0.0 % |",
    ]
    assert not any("batch 2" in line for line in lines)


def test_a_time_that_cannot_be_trusted_is_a_range() -> None:
    text = render(make_rounds([[0.4] * 5, [0.5] * 5], make_job("conv", n_samples=16000)))
    assert "| Convolutional |  | 0.20 to 0.25, noisy |" in text


def test_a_cell_without_a_time_has_its_status() -> None:
    records = [
        without_result(record, Status.KILLED, "Killed.")
        if is_of(record, "conv", "latency", 16000)
        else record
        for record in make_sweep(Grid(models=("conv",), lengths=(8000, 16000)))
    ]
    lines = section(render(records), "Real-time factor against length")
    assert lines[3].endswith("| killed |")


def test_throughput_is_shown_at_the_shortest_and_the_longest_audio() -> None:
    grid = replace(STILL, models=("conv",), lengths=(4000, 8000, 16000), batches=(1, 4))
    lines = section(render(make_sweep(grid)), "Mixtures a second against batch")
    rows = [line.split(" | ") for line in lines if line.startswith("| Convolutional")]
    assert [row[1] for row in rows] == ["0.5 s", "2 s"]
    assert rows[0][3:] == ["18.5 ± 0.0 %", "19.6 ± 0.0 %", "4 |"]


def test_threads_that_take_as_long_are_not_distinguished() -> None:
    grid = Grid(models=("conv",), lengths=(8000,), threads=(1, 2, 4), noise=0.02)
    lines = section(render(make_sweep(grid)), "The best number of threads")
    (row,) = (line for line in lines if line.startswith("| Convolutional"))
    assert row.endswith(("| 2, not distinguishable from 4 |", "| 4, not distinguishable from 2 |"))


def test_the_crossing_is_a_sentence() -> None:
    lines = section(render(make_sweep(STILL)), "Where networks cross in time")
    assert lines[1].startswith("- Attentive is faster below 5.02 s, Convolutional above; from 5.")


def on_gpu() -> list[Record]:
    grid = Grid(("conv",), (8000,), (1, 4, 16), (1,), "gpu_inference", "cuda", noise=1e-5)
    return make_sweep(grid)


def test_batches_on_a_gpu_have_a_row_each() -> None:
    text = render(on_gpu())
    lines = section(text, "Batches on the GPU")
    rows = [line.split(" | ") for line in lines if line.startswith("| Convolutional")]
    assert [row[3] for row in rows] == ["1", "4", "16"]
    assert rows[1][4:] == [
        "404 ms ± 0.0 %",
        "9.90 ± 0.0 %",
        "101 ms ± 0.0 %",
        "210 MB",
        "52.5 MB",
        "410 MB",
        "2.00 J |",
    ]
    assert "Mixtures a second against batch" not in text


def test_the_batch_that_fills_the_gpu_is_seen() -> None:
    records = [
        without_result(record, Status.OOM, "Refused.")
        if record.job.workload.batch == 16 and record.job.probe in ("memory", "latency")
        else record
        for record in on_gpu()
    ]
    lines = section(render(records), "Batches on the GPU")
    assert (
        lines[5] == "| Convolutional | 1 s |  | 16 | oom |  |  | oom |  | not known | not known |"
    )


def test_of_nothing_nothing_is_said() -> None:
    assert render([]) == ""
