"""What disturbed a call, in words."""

from bench.results.contention import Contention


def describe_contention(contention: Contention) -> str:
    """What was above its threshold, in a short phrase; empty when the call was undisturbed."""
    wall = _milliseconds(contention.wall_s)
    reasons = []
    if contention.has_waited:
        reasons.append(
            _own_crowd(contention) or f"{_waiters(contention)} of {wall} for a processor"
        )
    if contention.others_are_busy:
        reasons.append(
            f"others used {contention.n_busy_cpus:.1f} of {contention.n_cpus} processors"
        )
    if contention.is_stolen_from:
        stolen = _milliseconds(contention.steal_s or 0.0)
        reasons.append(f"the hypervisor took {stolen} in {wall}")
    if contention.are_others_running:
        who = "other process" if contention.n_others_running == 1 else "other processes"
        reasons.append(f"{contention.n_others_running} {who} running right before or after")
    return "; ".join(reasons)


def _own_crowd(contention: Contention) -> str:
    """Own threads that wait for each other, whatever else runs; empty where each has a place."""
    n_cpus = contention.n_cpus
    if n_cpus is None or contention.threads <= n_cpus:
        return ""
    return f"{contention.threads} threads on {n_cpus} processor{'' if n_cpus == 1 else 's'}"


def _waiters(contention: Contention) -> str:
    """Who waited and for how long; seconds of several threads add up, beyond the wall time."""
    if contention.wait_s is None:
        return f"some process waited {_milliseconds(contention.pressure_s or 0.0)}"
    who = f"{contention.threads} threads together waited" if contention.threads > 1 else "waited"
    return f"{who} {_milliseconds(contention.wait_s)}"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if seconds < 1 else f"{1000 * seconds:.0f} ms"
