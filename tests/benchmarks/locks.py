"""Measures `builder lock --upgrade` and `builder outdated` on the catalog of this checkout."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("matrix.yaml", "matrix.lock", "images", "charts")


def main() -> None:
    """Once to fill the caches, then each once; a copy is locked, not this checkout."""
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            source, place = ROOT / part, Path(folder) / part
            if source.is_dir():
                shutil.copytree(source, place)
            else:
                shutil.copy(source, place)
        for words in (("lock", "--upgrade"), ("lock", "--upgrade"), ("outdated",)):
            start, before = time.perf_counter(), processor()
            builder(folder, *words)
            seconds, used = time.perf_counter() - start, processor() - before
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
            print(
                f"builder {' '.join(words)}: {seconds:.1f} s, {used:.1f} s of the processor,"
                f" at most {peak:.0f} MB so far"
            )


def processor() -> float:
    """The seconds that programs which have ended took of the processor, with what they started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def builder(folder: str, *words: str) -> None:
    """Run the builder on the catalog in a folder."""
    command = [Path(sys.executable).with_name("builder"), *words, "--root", folder]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # fmt: skip


if __name__ == "__main__":
    main()
