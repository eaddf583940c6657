"""A release of Julia as upstream lays it out, made of the Julia that Debian 11 had.

No later Debian has Julia, and upstream's tarballs are not reached from every build machine. This
one is of another build, and of the same shape: `julia-1.5.3/` with bin, lib, share and etc.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from pathlib import Path

from builder.common.process import Command, Runner
from builder.network.upstreams import UPSTREAM

VERSION = "1.5.3"
TARBALL = f"bin/linux/x64/1.5/julia-{VERSION}-linux-x86_64.tar.gz"
LIBRARIES = "lib/x86_64-linux-gnu"

# The C library and what is close to it must be those of the base.
_OF_THE_BASE = (
    "ld-", "libc-", "libc.", "libdl", "libm-", "libm.", "libmvec", "libnsl", "libnss", "libpthread",
    "libresolv", "librt", "libutil", "libanl",
)  # fmt: skip

# Upstream's finds its libraries by itself; Debian's is told where they are.
_START = f"""\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$here/../{LIBRARIES}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
exec "$here/julia-program" "$@"
"""


def make_release(folder: Path, runner: Runner) -> None:
    """Write `bin/versions.json` and the tarball that it names below `folder`."""
    root = folder / "root"
    argv = ("mmdebstrap", "--variant=extract", "--include=julia", "bullseye", str(root))
    runner.run(Command(argv=argv, timeout=600))
    place = folder / f"julia-{VERSION}"
    _lay_out(root, place)
    archive = folder / TARBALL
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        tar.add(place, arcname=place.name)
    shutil.rmtree(root)
    shutil.rmtree(place)
    (folder / "bin/versions.json").write_text(json.dumps(_versions(archive.read_bytes())))


def _lay_out(root: Path, place: Path) -> None:
    source = root / "usr" / LIBRARIES
    (place / LIBRARIES).mkdir(parents=True)
    for path in (*source.glob("*.so*"), *(root / LIBRARIES).glob("*.so*")):
        if not path.name.startswith(_OF_THE_BASE):
            shutil.copy2(path, place / LIBRARIES, follow_symlinks=False)
    for name, origin in {
        f"{LIBRARIES}/julia": source / "julia",
        "share/julia": root / "usr/share/julia",
        "etc/julia": root / "etc/julia",
    }.items():
        shutil.copytree(origin, place / name, symlinks=True)
    # Links between packages end outside of what was taken; nothing opens them.
    for path in place.rglob("*"):
        if path.is_symlink() and not path.exists():
            path.unlink()
    (place / "bin").mkdir()
    shutil.copy2(root / "usr/bin/julia", place / "bin/julia-program")
    (place / "bin/julia").write_text(_START)
    (place / "bin/julia").chmod(0o755)


def _versions(archive: bytes) -> dict[str, object]:
    """What upstream says of its versions; a newer one that is not stable must not be taken."""
    file = {
        "kind": "archive",
        "triplet": "x86_64-linux-gnu",
        "url": f"{UPSTREAM['julia']}/{TARBALL}",
        "sha256": hashlib.sha256(archive).hexdigest(),
    }
    return {
        VERSION: {"stable": True, "files": [file]},
        "1.5.4-rc1": {"stable": False, "files": [file]},
    }
