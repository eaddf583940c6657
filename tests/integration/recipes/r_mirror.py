"""A mirror of Package Manager, of sources as CRAN has them: Debian keeps upstream's own.

Of what it serves nothing is made up but the index, which is read from the packages.
"""

from __future__ import annotations

import gzip
import json
import lzma
import re
import tarfile
from email.parser import HeaderParser
from pathlib import Path

from tests.integration.providers.payloads import run

SNAPSHOT = "2026-11-20"
# here needs rprojroot; glue is compiled; praise needs nothing.
PACKAGES = ("glue", "here", "praise", "rprojroot")
_SUITE = "trixie"
_FIELDS = ("Package", "Version", "Depends", "Imports", "LinkingTo", "License")


def fill(folder: Path) -> dict[str, str]:
    """Make the mirror in `folder`; the version of each package."""
    contrib = folder / f"cran/{SNAPSHOT}/src/contrib"
    contrib.mkdir(parents=True)
    entries = dict(_take(source, contrib) for source in _sources(folder / "debian"))
    (contrib / "PACKAGES").write_text("\n".join(entries.values()))
    dates = folder / "__api__/repos/cran/transaction-dates"
    dates.parent.mkdir(parents=True)
    dates.write_text(json.dumps([{"alias": "2017-10-10"}, {"alias": SNAPSHOT}]))
    return {name: _version(entry) for name, entry in entries.items()}


def _sources(folder: Path) -> list[Path]:
    """The upstream part of Debian's source packages, from the archive that this machine asks."""
    (folder / "lists/partial").mkdir(parents=True)
    site = run("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages").split()[0]
    (folder / "sources.list").write_text(f"deb-src {site} {_SUITE} main\n")
    options = [
        f"-oDir::Etc::sourcelist={folder}/sources.list", "-oDir::Etc::sourceparts=/dev/null",
        f"-oDir::State::lists={folder}/lists", f"-oDir::Cache={folder}",
        "-oAPT::Sandbox::User=root",
    ]  # fmt: skip
    run("apt-get", *options, "update")
    names = [f"r-cran-{name.lower()}" for name in PACKAGES]
    said = run("apt-get", *options, "source", "--print-uris", *names)
    found = []
    for url, name, digest in re.findall(r"^'(\S+)' (\S+\.orig\.tar\.\w+) \d+ (\S+)", said, re.M):
        found.append(folder / name)
        run("/usr/lib/apt/apt-helper", *options, "download-file", url, found[-1], digest)
    assert len(found) == len(PACKAGES), said
    return found


def _take(source: Path, contrib: Path) -> tuple[str, str]:
    """Put a source where a repository has it; the name of the package, and its entry."""
    data = source.read_bytes()
    if source.suffix == ".xz":
        data = gzip.compress(lzma.decompress(data), mtime=0)
        source = source.with_suffix(".gz")
        source.write_bytes(data)
    with tarfile.open(source) as tar:
        name = tar.getnames()[0].partition("/")[0]
        file = tar.extractfile(f"{name}/DESCRIPTION")
        assert file is not None
        fields = HeaderParser().parsestr(file.read().decode())
    text = "".join(f"{key}: {fields[key]}\n" for key in _FIELDS if fields[key])
    (contrib / f"{name}_{fields['Version']}.tar.gz").write_bytes(data)
    return name, text


def _version(entry: str) -> str:
    return HeaderParser().parsestr(entry)["Version"]
