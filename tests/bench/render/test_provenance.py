"""Where values come from, in words: also of a machine that does not tell everything."""

from dataclasses import replace

from bench.render.provenance import describe_provenance
from bench.results.environment import Environment
from bench.results.summary import summarize
from tests.bench.example_records import ENVIRONMENT, environment, make_job, make_record


def described(place: Environment = ENVIRONMENT) -> dict[str, str]:
    summary = summarize([make_record(make_job(), environment=place)])
    return dict(describe_provenance(summary))


def test_a_machine_that_tells_everything_has_no_problems() -> None:
    lines = described()
    assert "Problems" not in lines
    assert "8.00 GB of memory" in lines["Processor"]
    assert "precision highest, cuDNN none (TF32 on," in lines["Flags"]


def test_what_could_not_be_read_is_said_and_no_value_is_made_up() -> None:
    quiet = environment(
        machine={"memory_bytes": None},
        torch={"cudnn_allow_tf32": None, "matmul_precision": None},
    )
    problems = {"memory_bytes": "OSError: no /proc", "cudnn_allow_tf32": "RuntimeError: mixed"}
    lines = described(replace(quiet, problems=problems))
    assert "memory not known" in lines["Processor"]
    assert "precision not told, cuDNN none (TF32 not told," in lines["Flags"]
    assert lines["Problems"] == (
        "memory_bytes (OSError: no /proc); cudnn_allow_tf32 (RuntimeError: mixed)"
    )
