"""A signed archive of tiny packages on loopback, and a Debian that knows no other."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from builder.catalog.models import Base, Source
from builder.resolvers.base_images.bootstrap import BASE_DOCKERFILE, bootstrap_argv
from tests.integration.providers import payloads

SUITE = "tiny"
_KEY = "usr/share/keyrings/tiny.asc"


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A package that says something: `NAME` in /usr/bin prints `says`."""

    name: str
    version: str
    says: str = ""
    depends: str = ""
    provides: str = ""

    @property
    def file(self) -> str:
        """Where it lies in the archive."""
        return f"pool/{self.name}_{self.version}_all.deb"


@dataclass(kw_only=True)
class Archive:
    """What `folder` serves; `home` has the key that signs it. `asked` has every path asked for."""

    folder: Path
    home: Path
    address: str
    asked: list[str] = field(default_factory=list)
    key: str = field(init=False)

    def __post_init__(self) -> None:
        _, self.key = payloads.key(self.home)

    @property
    def source(self) -> str:
        """It as a line of sources.list."""
        return f"deb [signed-by=/{_KEY}] http://{self.address} {SUITE} main\n"

    def offer(self, *debs: Deb, date: str) -> None:
        """Offer these packages and no others, signed anew, as of a `date` as RFC 2822 has it."""
        kept = {deb.file for deb in debs}
        for path in self.folder.glob("pool/*.deb"):
            if str(path.relative_to(self.folder)) not in kept:
                path.unlink()
        index = "\n".join(map(self._entry, debs)).encode()
        suite = self.folder / "dists" / SUITE
        packages = suite / "main/binary-amd64/Packages"
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.write_bytes(index)
        release = (
            f"Origin: test\nSuite: {SUITE}\nCodename: {SUITE}\nArchitectures: amd64\n"
            f"Components: main\nDate: {date}\nSHA256:\n"
            f" {payloads.sha256(packages)} {len(index)} main/binary-amd64/Packages\n"
        )
        gpg = ("gpg", "--homedir", self.home, "--batch", "--quiet", "--clear-sign")
        (suite / "InRelease").write_text(payloads.run(*gpg, stdin=release))

    def _entry(self, deb: Deb) -> str:
        file = self.folder / deb.file
        _make(deb, file)
        control = payloads.run("dpkg-deb", "--field", file).strip()
        size = file.stat().st_size
        return f"{control}\nFilename: {deb.file}\nSize: {size}\nSHA256: {payloads.sha256(file)}\n"


def _make(deb: Deb, file: Path) -> None:
    tree = file.with_suffix(".tree")
    program = tree / "usr/bin" / deb.name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho '{deb.says}'\n")
    program.chmod(0o755)
    fields = {
        "Package": deb.name, "Version": deb.version, "Architecture": "all",
        "Maintainer": "Nobody <nobody@archive.example>", "Depends": deb.depends,
        "Provides": deb.provides,
        "Description": "A package of a test",
    }  # fmt: skip
    (tree / "DEBIAN").mkdir(exist_ok=True)
    (tree / "DEBIAN/control").write_text(_paragraph(fields))
    build = ("dpkg-deb", "--root-owner-group", "-Znone", "--build")
    payloads.run("env", "SOURCE_DATE_EPOCH=0", *build, tree, file)
    payloads.run("rm", "-r", tree)


def _paragraph(fields: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Archive]:
    """An archive that is served, and has nothing yet."""
    public = folder / "public"
    (public / "pool").mkdir(parents=True)
    asked: list[str] = []
    handler = type("Handler", (_Quiet,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(public)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    address = f"127.0.0.1:{server.server_address[1]}"
    try:
        yield Archive(folder=public, home=folder / "gpg", address=address, asked=asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        """Remember what is asked for."""
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def bare(path: Path, archive: Archive, *, about: str = "") -> Path:
    """A tar archive of a base that has nothing but what apt reads; `about` makes it another."""
    files = {
        "./etc/apt/sources.list": archive.source,
        f"./{_KEY}": archive.key,
        "./var/lib/dpkg/status": "",
        "./etc/about": about,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def debian(folder: Path, archive: Archive) -> Path:
    """A build context of a Debian whose only source is `archive`."""
    folder.mkdir()
    (folder / "sources.list").write_text(archive.source)
    (folder / "tiny.asc").write_text(archive.key)
    options = [
        '--customize-hook=rm -rf "$1"/etc/apt/sources.list.d/*',
        f"--customize-hook=copy-in {folder}/sources.list /etc/apt",
        f"--customize-hook=copy-in {folder}/tiny.asc /{Path(_KEY).parent}",
    ]
    base = Base(id="debian=13@linux/amd64", axis="debian", value="13", platform="linux/amd64")
    source = Source(bootstrap="trixie")
    payloads.run(*bootstrap_argv(base, source, str(folder / "rootfs.tar"), options))
    (folder / "Dockerfile").write_text(BASE_DOCKERFILE)
    return folder
