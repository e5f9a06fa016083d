"""Results for tests: what each probe would have found, made up and different in every value."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bench.results.ceilings import (
    BandwidthCeiling,
    Ceilings,
    PeakCeiling,
    ProductCeiling,
    ProductShape,
    RepeatedTimes,
)
from bench.results.contention import CallContention
from bench.results.energy_use import EnergyUse, EnergyWindow
from bench.results.environment import (
    GpuReading,
)
from bench.results.forecast import MemoryForecast
from bench.results.measurements import (
    ContractCheck,
    CounterComparison,
    CounterResult,
    LatencyTimes,
    Launches,
    MemoryPeaks,
    ModuleCounts,
    ModuleRow,
    OperationCount,
    ParameterCount,
    Result,
    ScalingCounts,
    StreamTimes,
    Tally,
)
from bench.results.profile import StepTrace
from bench.results.record import Job
from tests.bench.example_profiles import CHAIN, profile_update

GPU_READING = GpuReading(
    name="Example GPU",
    driver_version="550.1",
    compute_mode="default",
    sm_clock_hz=1.41e9,
    sm_clock_max_hz=1.98e9,
    memory_clock_hz=1.593e9,
    memory_clock_max_hz=1.6e9,
    throttle_reasons=(),
    temperature_c=41.0,
    power_w=120.0,
    power_limit_w=400.0,
)
PARTS_S = dict.fromkeys(("zero_grad", "forward", "loss", "backward", "optimiser"), (0.1,) * 3)


def undisturbed(n_calls: int, threads: int = 2, n_cpus: int = 4) -> CallContention:
    """Nothing else used the processors during any call."""
    return CallContention(
        threads=threads,
        n_cpus=n_cpus,
        wait_s=(0.0,) * n_calls,
        involuntary_switches=(0,) * n_calls,
        others_cpu_s=(0.0,) * n_calls,
        steal_s=(0.0,) * n_calls,
        pressure_s=(0.0,) * n_calls,
        n_others_running=(0,) * n_calls,
    )


def measured(scale: float, job: Job) -> Result:
    """What a job's probe would have found: values that grow with ``scale`` and the phase."""
    scale *= 3 if job.workload.phase == "update" else 1
    return EXAMPLES[job.probe](scale, job)


def _contract(scale: float, job: Job) -> Result:
    return ContractCheck(n_src=2)


def _forecast(scale: float, job: Job) -> Result:
    return MemoryForecast(
        minimum_bytes=int(22_500_003 * scale),
        allocated_bytes=int(91_000_000 * scale),
        process_bytes=int(311_000_000 * scale),
        available_bytes=7_000_000_000,
        n_smaller=2,
    )


def _parameters(scale: float, job: Job) -> Result:
    return ParameterCount(
        n_params=int(1_000_003 * scale),
        n_trainable_params=int(1_000_003 * scale),
        n_buffer_elements=0,
        weight_bytes=int(4_000_012 * scale),
    )


def _operations(scale: float, job: Job) -> Result:
    macs, flops = int(1_234_567_891 * scale), int(2_469_135_793 * scale)
    return OperationCount(macs, flops, {"convolution": Tally("matmul", 1, macs, flops)}, "meta")


def _memory(scale: float, job: Job) -> Result:
    on_cpu: dict[str, Any] = {
        "floor_rss_bytes": 200_000_000,
        "peak_rss_bytes": int(300_000_007 * scale),
        "growth_rss_bytes": int(100_000_001 * scale),
        "memory_profiler_bytes": int(290_000_003 * scale),
    }
    on_gpu: dict[str, Any] = {
        "peak_reserved_bytes": int(110_000_000 * scale),
        "cold_peak_allocated_bytes": int(120_000_000 * scale),
        "cold_peak_reserved_bytes": int(130_000_000 * scale),
        "process_bytes": int(500_000_000 * scale),
        "cold_process_bytes": int(510_000_000 * scale),
    }
    return MemoryPeaks(
        **(on_gpu if job.workload.device == "cuda" else on_cpu),
        peak_allocated_bytes=4 * int(22_500_003 * scale),
        weight_bytes=int(4_000_012 * scale),
        gradient_bytes=int(4_000_008 * scale),
        optimiser_bytes=int(8_000_016 * scale),
        activation_bytes=int(74_000_000 * scale),
        minimum_bytes=int(22_500_003 * scale),
    )


def _latency(scale: float, job: Job) -> Result:
    """Rounds differ by one percent; the middle of three is 0.101 s times the scale."""
    found = LatencyTimes(
        times_s=(0.101 * 1.01 ** (job.round - 1) * scale, 0.05 * scale, 7.0 * scale),
        first_time_s=0.9 * scale,
        is_warmup_stable=False,
        stopped_by="budget",
        contention=undisturbed(3),
        turns=(0, 1, 2),
        page_faults=(0, 2, 11),
        load_s=1.5 * scale,
        parts_s=PARTS_S if job.workload.phase == "update" else {},
    )
    return found if job.workload.device == "cpu" else _with_gpu(found, scale)


def _with_gpu(times: LatencyTimes, scale: float) -> LatencyTimes:
    """The host takes a quarter longer, a cold cache a half; a round takes 40 J times the scale."""
    return replace(
        times,
        host_times_s=tuple(1.25 * time_s for time_s in times.times_s),
        cold_cache_times_s=tuple(1.5 * time_s for time_s in times.times_s),
        gpu_before=replace(GPU_READING, total_energy_j=1000.0),
        gpu_during=replace(GPU_READING, total_energy_j=1000.0 + 40 * scale),
    )


def _launches(scale: float, job: Job) -> Result:
    """Busy for four tenths of a call; a graph takes half the time."""
    is_captured = job.workload.phase != "update"
    return Launches(
        call_s=0.101 * scale,
        n_launches=int(500 * scale),
        busy_s=0.4 * 0.101 * scale,
        replay_s=0.0505 * scale if is_captured else None,
        replay_status="ok" if is_captured else "skipped",
    )


def _layers(scale: float, job: Job) -> Result:
    macs = int(1000 * scale)
    return ModuleCounts((ModuleRow("", "Network", "other", 10, macs, 2 * macs, macs, 2 * macs, 8),))


def _scaling(scale: float, job: Job) -> Result:
    macs = tuple(int(scale * 1000 * seconds) for seconds in (1, 2, 3))
    return ScalingCounts(
        fitted_samples=(8000, 16000, 24000),
        fitted_macs=macs,
        fixed_macs=0.0,
        macs_per_sample=macs[0] / 8000,
        is_on_a_line=True,
        checked_samples=160000,
        checked_macs=20 * macs[0],
        error_at_checked=0.0,
        checked_batch=4,
        batch_ratio=4.0,
    )


def _counters(scale: float, job: Job) -> Result:
    names = ("ours", "torch", "fvcore", "ptflops", "thop_rules", "transposed_once_rules")
    counts = {name: CounterResult(1e9 * scale, int(2e9 * scale), 0.5) for name in names}
    return CounterComparison(counts, {name: counts[name] for name in ("ours", "torch")})


def _streaming(scale: float, job: Job) -> Result:
    return StreamTimes(
        chunk_samples=job.workload.chunk_samples or 160,
        hop_samples=160,
        lookahead_samples=20,
        latency_samples=180,
        state_bytes=655_600,
        macs_per_hop=int(38_830_080 * scale),
        times_s=(0.01 * scale, 0.02 * scale),
        is_contended=False,
    )


def _ceilings(scale: float, job: Job) -> Result:
    """A floor of 0.05 s times the scale; 100 GFLOP/s, twice that in bfloat16, 10 and 50 GB/s."""

    def runs(call_s: float) -> RepeatedTimes:
        return RepeatedTimes(4, (4 * call_s,) * 3, undisturbed(3))

    peaks = {"float32": 1e11, "bfloat16": 2e11}
    sizes = {1 << 18: 5e10, 1 << 27: 1e10}
    return Ceilings(
        dtype="float32",
        macs=int(2e9 * scale),
        bytes_moved=int(8e8 * scale),
        compulsory_bytes=10_000_000,
        products=(ProductCeiling(ProductShape(500, 400, 1000), 9, runs(0.05 * scale / 9)),),
        peaks=tuple(
            PeakCeiling(name, 768, runs(2 * 768**3 / rate)) for name, rate in peaks.items()
        ),
        bandwidths=tuple(BandwidthCeiling("copy", n, runs(n / rate)) for n, rate in sizes.items()),
    )


def _energy(scale: float, job: Job) -> Result:
    """10 W at rest and 30 W at work, for 5 s each, in which a call takes 0.1 s times the scale."""
    is_on_gpu = job.workload.device == "cuda"
    counter = "NVML total energy" if is_on_gpu else "RAPL package-0"
    other = "NVML sampled power (instant)" if is_on_gpu else None
    names = [name for name in (counter, other) if name]

    def window(power_w: float, n_calls: int = 0) -> EnergyWindow:
        wall_s = 0.1 * scale * n_calls or 5.0
        return EnergyWindow(
            wall_s=wall_s,
            energies_j=dict.fromkeys(names, power_w * wall_s),
            n_calls=n_calls,
            contention=undisturbed(1).calls([wall_s])[0],
        )

    return EnergyUse(
        counter=counter,
        update_s=0.002,
        audio_s=job.workload.batch * job.workload.duration_s,
        before=window(10.0),
        work=window(30.0, math.ceil(5.0 / (0.1 * scale))),
        after=window(10.0),
        other_counter=other,
        gpu=replace(GPU_READING, n_other_processes=0) if is_on_gpu else None,
    )


EXAMPLES: Mapping[str, Callable[[float, Job], Result]] = {
    "ceilings": _ceilings,
    "contract": _contract,
    "forecast": _forecast,
    "parameters": _parameters,
    "operations": _operations,
    "memory": _memory,
    "latency": _latency,
    "launches": _launches,
    "layers": _layers,
    "scaling": _scaling,
    "counters": _counters,
    "energy": _energy,
    "streaming": _streaming,
    "profile": lambda scale, job: profile_update(CHAIN[: 1 + round(scale)]),
    "trace": lambda scale, job: StepTrace("H4sIAAAAAAAA"),
}
