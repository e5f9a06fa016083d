"""How much memory a cell of a sweep will need, told before it is measured."""

from dataclasses import dataclass

from bench.results.measurements import Result


@dataclass(frozen=True)
class MemoryForecast(Result):
    """Made from smaller cells of the same network and from the liveness walk of this cell alone."""

    minimum_bytes: int  # of the liveness walk
    allocated_bytes: int  # predicted peak of torch's allocator
    process_bytes: int  # predicted peak of the process
    available_bytes: int  # that the machine had at this moment
    n_smaller: int  # measured cells that it rests on
