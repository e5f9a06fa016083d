"""Records of forms for tests: made up."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bench.plan import Settings
from bench.results.form import Form, Parity
from bench.results.measurements import LatencyTimes
from bench.results.record import Record
from tests.bench.example_records import SETTINGS, make_job, make_record
from tests.bench.example_results import undisturbed

FORMS: Sequence[Settings] = [
    replace(SETTINGS, runtime=runtime, dtype=dtype)
    for runtime, dtype in (
        ("eager", "float32"),
        ("onnxruntime", "float32"),
        ("onnxruntime", "int8"),
        ("openvino", "bfloat16"),
    )
]
FORM = Form(
    version="example 1.2",
    precision="float32",
    waiting="passive",
    preparation_s=12.0,
    parity=Parity(max_relative_error=2e-6, si_sdr_db=111.0, si_sdr_loss_db=0.25),
    file_bytes=14_000_000,
    any_length=True,
    peak_rss_bytes=400_000_000,
)


def timed(
    call_s: float, index: int, form: Form | None = None, first_s: float = 0.5, **workload: Any
) -> Record:
    """One process of one form: five calls that use one of two threads."""
    job = make_job("sudormrf-1.0x", round_index=index, **workload)
    found = LatencyTimes(
        times_s=(call_s * 1.01**index,) * 5,
        first_time_s=first_s,
        contention=undisturbed(5),
        turns=(0, 1, 2, 3, 4),
        processor_s=(call_s * 1.01**index,) * 5,
        form=form,
    )
    return make_record(job, found)


def rounds(call_s: float, form: Form | None = None, **workload: Any) -> list[Record]:
    """Three processes of one form."""
    return [timed(call_s, index, form, **workload) for index in range(3)]
