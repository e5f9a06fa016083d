"""What the measuring processes of one run of forms share, on the parent's side."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from bench.runtimes.made_once import FOLDER_VARIABLE


@contextmanager
def sharing_what_is_made() -> Iterator[None]:
    """A folder for the measuring processes of a run, in which torch's threads wait passively.

    So do those of the other runtimes.
    """
    before = dict(os.environ)
    with TemporaryDirectory(prefix="separation-bench-") as made:
        os.environ |= {FOLDER_VARIABLE: made, "OMP_WAIT_POLICY": "PASSIVE"}
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
