"""Real things for a mirror to serve, made of what Debian and this machine have.

`python -m tests.integration.providers.payloads FOLDER` fills a folder for BUILDER_MIRROR_JULIA.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.network.upstreams import upstream

JULIA = "1.5.3"  # Debian 11's, the last that Debian has
_NOT_JULIAS = ("libc6", "libc-bin", "libcrypt1", "libgcc-s1", "libstdc++6", "gcc-", "zlib1g")


def sha256(path: Path) -> str:
    """The hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(*argv: str | Path, cwd: Path | None = None, stdin: str = "") -> str:
    """What a program prints."""
    done = subprocess.run(
        [str(word) for word in argv], cwd=cwd, input=stdin, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
    return done.stdout


def download(package: str, folder: Path) -> Path:
    """A package of this machine's own release, as a .deb."""
    folder.mkdir(parents=True, exist_ok=True)
    run("apt-get", "download", "-o", "APT::Sandbox::User=root", package, cwd=folder)
    (found,) = folder.glob(f"{package}_*.deb")
    return found


def renamed(deb: Path, target: Path, fields: Mapping[str, str]) -> Path:
    """A .deb with other fields in its control file, and nothing that it depends on."""
    target.parent.mkdir(parents=True, exist_ok=True)
    tree = target.with_suffix(".tree")
    run("dpkg-deb", "--raw-extract", deb, tree)
    control = (tree / "DEBIAN/control").read_text().splitlines()
    gone = {*fields, "Depends", "Pre-Depends", "Recommends", "Suggests", "Conflicts", "Breaks",
            "Replaces", "Enhances", "Source"}  # fmt: skip
    kept: list[str] = []
    for line in control:
        if line[:1] == " " and kept and kept[-1] == "":
            continue
        kept.append("" if line.partition(":")[0] in gone else line)
    lines = [*(f"{key}: {value}" for key, value in fields.items()), *filter(None, kept)]
    (tree / "DEBIAN/control").write_text("\n".join(lines) + "\n")
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, target)
    shutil.rmtree(tree)
    return target


# An apt repository.


def key(home: Path) -> tuple[str, str]:
    """A throw-away key below `home`: its fingerprint, and itself in ASCII."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    gpg = ("gpg", "--homedir", home, "--batch", "--quiet")
    run(*gpg, "--passphrase", "", "--quick-generate-key", "Nobody <nobody@mirror.example>",
        "ed25519", "sign", "1d")  # fmt: skip
    listed = run(*gpg, "--with-colons", "--list-keys")
    fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line[:3] == "fpr")
    return fingerprint, run(*gpg, "--armor", "--export")


def sign(folder: Path, home: Path, *, root: Path) -> None:
    """Make `folder` a flat, signed repository of its .debs; their paths are from `root`."""
    entries = []
    for deb in sorted(folder.glob("*.deb")):
        control = run("dpkg-deb", "--field", deb).strip()
        where = deb.relative_to(root)
        entries.append(
            f"{control}\nFilename: {where}\nSize: {deb.stat().st_size}\nSHA256: {sha256(deb)}\n"
        )
    packages = folder / "Packages"
    packages.write_text("\n".join(entries))
    release = (
        "Origin: test\nDate: Mon, 23 Nov 2026 00:00:00 UTC\nSHA256:\n"
        f" {sha256(packages)} {packages.stat().st_size} Packages\n"
    )
    signed = run("gpg", "--homedir", home, "--batch", "--quiet", "--clear-sign", stdin=release)
    (folder / "InRelease").write_text(signed)


# Julia.


def julia(folder: Path, kept: Path) -> Path:
    """Debian 11's Julia as upstream packs it, and versions.json, as a mirror has them.

    `kept` is where the tarball stays, as it takes a while to make.
    """
    tarball = kept / f"julia-{JULIA}-linux-x86_64.tar.gz"
    if not tarball.exists():
        _pack_julia(tarball)
    place = folder / "bin/linux/x64" / tarball.name
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(tarball, place)
    file = {
        "triplet": "x86_64-linux-gnu", "kind": "archive", "arch": "x86_64", "os": "linux",
        "url": upstream("julia", str(place.relative_to(folder))), "sha256": sha256(place),
    }  # fmt: skip
    versions = {JULIA: {"files": [file], "stable": True}}
    (folder / "bin/versions.json").write_text(json.dumps(versions))
    return place


def _pack_julia(tarball: Path) -> None:
    work = tarball.parent / "julia.work"
    shutil.rmtree(work, ignore_errors=True)
    tree, top = work / "tree", work / f"julia-{JULIA}"
    for deb in _bullseye(work / "apt", "julia"):
        if not deb.name.startswith(_NOT_JULIAS):
            run("dpkg-deb", "--extract", deb, tree)
    library = Path("lib") / f"{platform.machine()}-linux-gnu"
    shutil.copytree(tree / "usr" / library, top / library, symlinks=True)
    if (tree / library).is_dir() and not (tree / "lib").is_symlink():
        shutil.copytree(tree / library, top / library, symlinks=True, dirs_exist_ok=True)
    for name in ("share/julia", "bin"):
        shutil.copytree(tree / "usr" / name, top / name, symlinks=True)
    shutil.copytree(tree / "etc/julia", top / "etc/julia", symlinks=True)
    partial = tarball.with_suffix(".partial")
    with tarfile.open(partial, "w:gz", compresslevel=1) as tar:
        tar.add(top, top.name)
    partial.rename(tarball)
    shutil.rmtree(work)


def _bullseye(folder: Path, package: str) -> list[Path]:
    """A package of Debian 11 with all that it needs, from where this machine gets its own."""
    for name in ("state/lists/partial", "cache/archives/partial", "etc"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    sites = run("apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages",
                "Component: main").split()  # fmt: skip
    archive = next(site for site in sites if not site.rstrip("/").endswith("-security"))
    (folder / "etc/sources.list").write_text(
        f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {archive} bullseye main\n"
    )
    options = [
        f"-oDir::State={folder}/state", f"-oDir::Cache={folder}/cache",
        f"-oDir::State::status={folder}/status",
        f"-oDir::Etc::sourcelist={folder}/etc/sources.list",
        "-oDir::Etc::sourceparts=-", "-oDir::Etc::preferencesparts=-", "-oAcquire::Languages=none",
        "-oAPT::Sandbox::User=root", "-oAcquire::Check-Valid-Until=false",
    ]  # fmt: skip
    run("apt-get", *options, "update")
    run("apt-get", *options, "install", "--download-only", "--yes", "--no-install-recommends",
        package)  # fmt: skip
    return sorted((folder / "cache/archives").glob("*.deb"))


# Python.


def python(target: Path) -> None:
    """This machine's Python as a relocatable tree in a folder `python`."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)

    def wanted(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        skipped = {"test", "tests", "idlelib", "site-packages", "dist-packages", "__pycache__"}
        is_out = skipped.intersection(Path(info.name).parts) or "/config-" in info.name
        return None if is_out else info

    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(target, "w:gz", compresslevel=1) as tar:
        tar.add((base / "bin" / name).resolve(), f"python/bin/{name}")
        tar.add(base / "lib" / name, f"python/lib/{name}", filter=wanted)
        for library in base.glob(f"lib/lib{name}*.so*"):
            tar.add(library, f"python/lib/{library.name}")


# Wheels.


def wheel(folder: Path, name: str, version: str, tag: str, module: Path) -> Path:
    """A wheel of another name around a package that is installed here."""
    path = folder / f"{name}-{version}-{tag}.whl"
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(module.glob("*.py")):
            archive.write(file, f"{name}/{file.name}")
        archive.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.11\n",
        )
        archive.writestr(
            f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def simple_index(folder: Path, wheels: Sequence[Path]) -> None:
    """A page of links, as a simple index has it; `+` is quoted in URLs."""
    links = "".join(
        f'<a href="{path.name.replace("+", "%2B")}#sha256={sha256(path)}">{path.name}</a><br/>\n'
        for path in wheels
    )
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")


if __name__ == "__main__":
    where = Path(sys.argv[1])
    print(julia(where, where))
