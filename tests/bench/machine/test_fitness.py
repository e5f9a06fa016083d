"""What makes a machine unfit: each fault alone on a machine that has no other."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.machine.energy import PackageSearch
from bench.machine.finding import Finding, Severity
from bench.machine.fitness import Readings, find_faults, is_fit
from bench.machine.pages import KEEP_PAGES
from tests.bench.machine.fit_machine import (
    COSTLY,
    DESKTOP,
    FAILED,
    FIT,
    KEPT,
    LOCKED,
    OK,
    STATE,
    TRIAL,
    UNFIT,
    UNKNOWN,
    WARN,
    described,
    gpu,
    load,
    machine,
    state,
    told,
    told_one_processor,
    unusable,
)


def finding(readings: Readings, topic: str) -> Finding:
    (found,) = [found for found in find_faults(readings) if found.topic == topic]
    return found


CASES: dict[str, tuple[Readings, str, Severity, str]] = {
    "a neighbour": (load(others_cpu_s=0.6), "load", UNFIT, "others use 1.2 of 4 processors"),
    "a small one": (load(others_cpu_s=0.3), "load", WARN, "others use 0.6 of 4 processors"),
    "only ticks": (load(others_cpu_s=0.02), "load", OK, "0.0 of 4"),
    "load unknown": (load(others_cpu_s=None), "load", UNKNOWN, "not available"),
    "steal": (load(steal_s=0.1), "steal", UNFIT, "100 ms taken in 500 ms"),
    "a tick of steal": (load(steal_s=0.01), "steal", OK, "10 ms taken in 500 ms"),
    "steal unknown": (load(steal_s=None), "steal", UNKNOWN, "not available"),
    "governor": (state(governor="powersave"), "governor", WARN, "powersave"),
    "mixed": (state(governor="performance, powersave"), "governor", WARN, "powersave"),
    "governor unknown": (state(governor=None), "governor", UNKNOWN, "not available"),
    "turbo": (state(is_boost_on=True), "turbo", WARN, "on"),
    "turbo unknown": (state(is_boost_on=None), "turbo", UNKNOWN, "not available"),
    "heat": (state(n_thermal_throttles=3), "heat", WARN, "3 times"),
    "heat unknown": (state(n_thermal_throttles=None), "heat", UNKNOWN, "not available"),
    "virtual": (machine(is_virtual=True), "hypervisor", WARN, "virtual machine"),
    "virtual unknown": (machine(is_virtual=None), "hypervisor", UNKNOWN, "not available"),
    "quota": (machine(quota_cpus=1.5), "quota", WARN, "1.5 of 4 processors"),
    "a wide quota": (machine(quota_cpus=4.0), "quota", OK, "all"),
    "threads": (
        told(OMP_NUM_THREADS="64"),
        "threads",
        WARN,
        "64 threads on 4 processors (OMP_NUM_THREADS=64)",
    ),
    "threads of MKL": (
        told(OMP_NUM_THREADS="4", MKL_NUM_THREADS="5"),
        "threads",
        WARN,
        "5 threads on 4 processors (MKL_NUM_THREADS=5)",
    ),
    "outer and inner threads": (told(OMP_NUM_THREADS="8,2"), "threads", WARN, "8 threads on 4"),
    "as many threads": (told(OMP_NUM_THREADS="4,8"), "threads", OK, "4 processors"),
    "active": (
        told(OMP_WAIT_POLICY="active"),
        "waiting threads",
        WARN,
        "keep their processors busy (OMP_WAIT_POLICY=active)",
    ),
    "passive": (told(OMP_WAIT_POLICY="PASSIVE"), "waiting threads", OK, "sleep"),
    "spins": (told(GOMP_SPINCOUNT="1M"), "waiting threads", WARN, "(GOMP_SPINCOUNT=1M)"),
    "spins for ever": (told(GOMP_SPINCOUNT="INFINITY"), "waiting threads", WARN, "INFINITY"),
    "spins as by default": (told(GOMP_SPINCOUNT="300k"), "waiting threads", OK, "sleep"),
    "blocks late": (told(KMP_BLOCKTIME="201"), "waiting threads", WARN, "(KMP_BLOCKTIME=201)"),
    "blocks never": (told(KMP_BLOCKTIME="infinite"), "waiting threads", WARN, "infinite"),
    "blocks soon": (told(KMP_BLOCKTIME="20000 us"), "waiting threads", OK, "sleep"),
    "blocks unreadably": (told(KMP_BLOCKTIME="for long"), "waiting threads", OK, "sleep"),
    "one spins for nobody": (
        told_one_processor(OMP_WAIT_POLICY="ACTIVE"),
        "waiting threads",
        OK,
        "there is one",
    ),
    "threads bring little": (
        told(replace(TRIAL, thread_gain=2.99)),
        "thread gain",
        WARN,
        "4 threads multiply matrices 3.0 times as fast as one at this moment",
    ),
    "threads bring enough": (told(replace(TRIAL, thread_gain=3.0)), "thread gain", OK, "3.0 times"),
    "threads bring unknown": (
        told(replace(TRIAL, thread_gain=None)),
        "thread gain",
        UNKNOWN,
        "could not be measured. The measuring process did not tell.",
    ),
    "one brings nothing": (told_one_processor(), "thread gain", OK, "one processor"),
    "pages given back": (
        told(COSTLY),
        "malloc",
        WARN,
        "a forward of Network takes 1.4 times as long as with pages kept, "
        "6,054 page faults a call instead of 0",
    ),
    "faults not counted": (told(replace(COSTLY, page_faults=None)), "malloc", WARN, "1.4 times"),
    "calls disturbed": (
        told(replace(TRIAL, time_ratio=None, problem="All were disturbed.")),
        "malloc",
        WARN,
        "gives pages back, 6,054 page faults a call instead of 0; how much time that takes could "
        "not be measured. All were disturbed.",
    ),
    "pages kept": (told(COSTLY, **KEPT), "malloc", OK, "set to keep its pages"),
    "pages kept by tunables": (
        told(
            COSTLY,
            GLIBC_TUNABLES="glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1099511627776",
        ),
        "malloc",
        OK,
        "set to keep its pages",
    ),
    "large blocks given back": (
        told(COSTLY, MALLOC_TRIM_THRESHOLD_="1099511627776"),
        "malloc",
        WARN,
        "1.4 times",
    ),
    "other malloc": (
        replace(state(allocator="jemalloc"), trial=COSTLY),
        "malloc",
        OK,
        "jemalloc, in place",
    ),
    "malloc unknown": (state(allocator=None), "malloc", UNKNOWN, "not available"),
    "low memory": (state(memory_available_bytes=2_000_000_000), "memory", WARN, "2.00 GB"),
    "no memory": (state(memory_available_bytes=500_000_000), "memory", UNFIT, "500 MB"),
    "memory unknown": (state(memory_available_bytes=None), "memory", UNKNOWN, "not available"),
    "swap": (state(swap_used_bytes=2_000_000_000), "swap", WARN, "2.00 GB in use"),
    "old pages in swap": (state(swap_used_bytes=1_000_000), "swap", OK, "1.00 MB in use"),
    "swap unknown": (state(swap_used_bytes=None), "swap", UNKNOWN, "not available"),
    "preload": (state(preloaded=("libjemalloc.so.2",)), "LD_PRELOAD", WARN, "libjemalloc.so.2"),
    "no clear_refs": (replace(FIT, can_reset_peak=False), "peak memory", WARN, "clear_refs"),
    "CPU build": (
        replace(FIT, environment=described(cuda_build=None)),
        "GPU",
        WARN,
        "without CUDA",
    ),
    "no kernels": (
        unusable("CUDA error: no kernel image"),
        "GPU",
        WARN,
        "it: CUDA error: no kernel",
    ),
    "old driver": (
        unusable("The NVIDIA driver is too old.", gpu=None),
        "GPU",
        WARN,
        "Example GPU; torch is built for CUDA 12.8 and can't use it: The NVIDIA driver is too old",
    ),
    "GPU not seen": (machine(gpu=None), "GPU", WARN, "CUDA 12.8 and does not see it"),
    "GPU busy": (gpu(n_other_processes=2), "GPU load", UNFIT, "2 other"),
    "GPU busy, hidden": (
        gpu(memory_used_bytes=3_000_000_000),
        "GPU load",
        UNFIT,
        "not listed; 3.00 GB",
    ),
    "no list, but memory": (
        gpu(n_other_processes=None, memory_used_bytes=3_000_000_000),
        "GPU load",
        UNFIT,
        "not listed; 3.00 GB",
    ),
    "a desktop at rest": (gpu(**DESKTOP), "GPU load", OK, "but 3 of a desktop at rest"),
    "a desktop at rest, its memory hidden": (
        gpu(**DESKTOP | {"other_graphics_bytes": None}),
        "GPU load",
        OK,
        "but 3 of a desktop at rest",
    ),
    "a desktop at work": (
        gpu(**DESKTOP | {"other_graphics_share": 0.3}),
        "GPU load",
        UNFIT,
        "3 process(es) that draw much",
    ),
    "a desktop that holds much": (
        gpu(**DESKTOP | {"other_graphics_bytes": 3_000_000_000}),
        "GPU load",
        UNFIT,
        "3 process(es) that draw much",
    ),
    "a desktop, and one that computes": (
        gpu(**DESKTOP | {"n_other_processes": 4}),
        "GPU load",
        UNFIT,
        "1 other process(es); 1.40 GB in use",
    ),
    "a desktop, and much that it does not hold": (
        gpu(**DESKTOP | {"memory_used_bytes": 3_000_000_000}),
        "GPU load",
        UNFIT,
        "not listed; 3.00 GB",
    ),
    "GPU busy, by nobody who is listed": (
        gpu(busy_share=0.9),
        "GPU load",
        UNFIT,
        "500 MB in use; 90% busy",
    ),
    "GPU hardly busy": (gpu(busy_share=0.02), "GPU load", OK, "no other"),
    "GPU memory hidden": (gpu(memory_used_bytes=None), "GPU load", OK, "no other"),
    "GPU processes unknown": (gpu(n_other_processes=None), "GPU load", UNKNOWN, "not available"),
    "GPU hot": (
        gpu(throttle_reasons=("idle", "thermal slowdown by the hardware")),
        "GPU clock",
        UNFIT,
        "held back: thermal slowdown by the hardware",
    ),
    "GPU clock unknown": (gpu(throttle_reasons=None), "GPU clock", UNKNOWN, "not available"),
    "GPU driver": (gpu(is_persistent=False), "GPU driver", WARN, "unloaded"),
    "GPU driver unknown": (gpu(is_persistent=None), "GPU driver", UNKNOWN, "not available"),
    "energy of packages and board": (
        gpu(total_energy_j=5.0),
        "energy",
        OK,
        "RAPL package-0 and NVML total energy can be read",
    ),
    "energy of root": (
        replace(FIT, packages=LOCKED),
        "energy",
        WARN,
        "no counter can be read. Only root may.",
    ),
    "energy of the board alone": (
        replace(gpu(total_energy_j=5.0), packages=PackageSearch(None, "There is none.")),
        "energy",
        OK,
        "NVML total energy can be read",
    ),
    "no energy": (
        replace(FIT, packages=PackageSearch(None, "There is none.")),
        "energy",
        UNKNOWN,
        "There is none.",
    ),
    "an extra": (replace(FIT, missing_extras=["asteroid"]), "packages", WARN, "extra asteroid"),
    "other run": (
        replace(FIT, other_run="another run (process 7)"),
        "other runs",
        UNFIT,
        "another run (process 7) is measuring now",
    ),
    "output": (replace(FIT, unwritable="x: Read-only"), "output", UNFIT, "x: Read-only"),
}


def test_a_machine_without_a_fault() -> None:
    findings = find_faults(FIT)
    assert {found.severity for found in findings} == {OK}
    assert is_fit(findings)
    topics = [found.topic for found in findings]
    assert len(set(topics)) == len(topics)


@pytest.mark.parametrize("case", CASES)
def test_one_fault_changes_one_finding(case: str) -> None:
    readings, topic, severity, found = CASES[case]
    assert finding(readings, topic).severity == severity
    assert found in finding(readings, topic).found
    others = [other for other in find_faults(readings) if other.topic != topic]
    assert {other.severity for other in others} == {OK}
    assert is_fit(find_faults(readings)) == (severity != UNFIT)


def test_what_is_wrong_has_a_reason_and_a_remedy_and_what_is_right_has_none() -> None:
    for readings, *_ in CASES.values():
        for found in find_faults(readings):
            is_wrong = found.severity in (WARN, UNFIT)
            assert bool(found.why) == bool(found.remedy) == is_wrong
            assert found.found


def test_every_topic_can_be_wrong() -> None:
    wrong = {topic for _, topic, severity, _ in CASES.values() if severity in (WARN, UNFIT)}
    assert wrong == {found.topic for found in find_faults(FIT)}


def test_a_trial_that_failed_is_said_and_leaves_the_machine_fit() -> None:
    findings = find_faults(replace(FIT, trial=FAILED))
    assert is_fit(findings)
    for topic, severity in (("thread gain", UNKNOWN), ("malloc", WARN)):
        (found,) = [found for found in findings if found.topic == topic]
        assert found.severity == severity
        assert "could not be measured. The kernel did it." in found.found


def test_threads_that_spin_beside_others_are_told_who_waits_for_them() -> None:
    readings = replace(load(others_cpu_s=0.6), variables={"OMP_WAIT_POLICY": "ACTIVE"})
    found = finding(readings, "waiting threads")
    assert found.found.endswith("(OMP_WAIT_POLICY=ACTIVE), while others use 1.2 of 4 processors")
    assert found.remedy == "export OMP_WAIT_POLICY=PASSIVE"
    counted = finding(told(GOMP_SPINCOUNT="1M", KMP_BLOCKTIME="infinite"), "waiting threads")
    assert counted.remedy == "unset GOMP_SPINCOUNT KMP_BLOCKTIME; export OMP_WAIT_POLICY=PASSIVE"


def test_what_keeps_pages_is_what_latencies_are_measured_with() -> None:
    remedy = finding(told(COSTLY), "malloc").remedy
    for name, value in KEEP_PAGES.items():
        assert f"{name}={value}" in remedy.split()
    assert finding(told(COSTLY, **KEEP_PAGES), "malloc").severity == OK


def test_without_a_gpu_there_is_one_finding_about_it() -> None:
    without = replace(machine(gpu=None), state=replace(STATE, gpu=None))
    found = [found for found in find_faults(without) if found.topic.startswith("GPU")]
    assert [(found.topic, found.severity) for found in found] == [("GPU", OK)]
    hidden_driver = state(gpu=None)
    assert finding(hidden_driver, "GPU load").severity == UNKNOWN
    broken = replace(unusable("Too old.", gpu=None), state=replace(STATE, gpu=None))
    assert finding(broken, "GPU").severity == WARN
    assert "Too old." in finding(broken, "GPU").found


def test_missing_extras_are_installed_by_one_command() -> None:
    readings = replace(FIT, missing_extras=["asteroid", "history"])
    remedy = finding(readings, "packages").remedy
    assert remedy == "pip install 'separation-bench[asteroid,history]'"


@settings(max_examples=50)
@given(seconds=st.tuples(st.floats(0, 10), st.floats(0, 10)))
def test_more_load_is_never_better(seconds: tuple[float, float]) -> None:
    order = [OK, WARN, UNFIT]
    less, more = (finding(load(others_cpu_s=s), "load").severity for s in sorted(seconds))
    assert order.index(less) <= order.index(more)
