"""Start the measuring process: ``python -P start.py ROOT FD [MODULE ...]``, run by its path.

It takes ``bench`` from ROOT, whatever the current folder or PYTHONPATH holds, and from where this
file lies if ROOT is empty or holds no worker. ROOT also comes first where modules are looked for,
which is how a revision from before this file finds its networks.
"""

import runpy
import sys
from pathlib import Path

HOME = Path(__file__).parents[2]
load_from = runpy.run_path(str(HOME / "bench" / "origin.py"))["load_from"]

if root := sys.argv.pop(1):
    sys.path.insert(0, root)
# The folder of the worker, by its present name and by that of revisions from before 0.3.
folders = ("measuring", "measure")
theirs = [name for name in folders if root and (Path(root, "bench", name, "worker.py")).exists()]
load_from(Path(root) if theirs else HOME, "bench")
folder = theirs[0] if theirs else folders[0]
runpy.run_module(f"bench.{folder}.worker", run_name="__main__", alter_sys=True)
