"""Wall time of whole commands: the two worked examples from 100 starts, and `--help`.

    python benchmarks/whole_run.py

Each command runs in a process of its own with empty caches (PyTensor, matplotlib), several times.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3
COMMANDS = {
    "run coins lsat6 --starts 100": ["run", "coins", "lsat6", "--starts", "100", "--quiet", "--out", "reports"],
    "--help": ["--help"],
}


def timed(arguments: list[str]) -> float:
    """Seconds of one run in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor",
            "MPLCONFIGDIR": f"{folder}/matplotlib",
        }
        begin = time.perf_counter()
        command = [str(Path(sys.executable).with_name("em-crosscheck")), *arguments]
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin


print("| command | median seconds | all runs |")
print("|---|---:|---|")
for name, arguments in COMMANDS.items():
    seconds = [timed(arguments) for _ in range(RUNS)]
    print(f"| `em-crosscheck {name}` | {statistics.median(seconds):.2f} | {', '.join(f'{s:.2f}' for s in seconds)} |")
