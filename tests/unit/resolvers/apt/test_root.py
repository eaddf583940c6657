"""The private root of apt that is made out of a base."""

from __future__ import annotations

import io
import shlex
import tarfile
from pathlib import Path

import pytest

from builder.catalog.models import Network
from builder.common.errors import StepError
from builder.common.process import Runner
from builder.resolvers.apt.root import AptRoot

FILES = {
    "./etc/apt/sources.list": (
        "deb [signed-by=/usr/share/keyrings/a.gpg] http://archive.example s main\n"
    ),
    "./etc/apt/sources.list.d/more.sources": "Types: deb\nSigned-By: /usr/share/keyrings/a.gpg\n",
    "./usr/share/keyrings/a.pgp": "key",
    "./var/lib/dpkg/status": "Package: a\n",
    "./etc/passwd": "root",
}


def base(path: Path) -> Path:
    """An archive of a base."""
    with tarfile.open(path, "w") as tar:
        for name, text in FILES.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo("./usr/share/keyrings/a.gpg")
        link.type, link.linkname = tarfile.SYMTYPE, "a.pgp"
        tar.addfile(link)
    return path


def test_the_root_holds_what_apt_reads_and_nothing_else(tmp_path: Path) -> None:
    mirrors = {"http://archive.example": "http://mirror.example"}
    network = Network(mirrors=mirrors)
    root = tmp_path / "root"
    apt = AptRoot(folder=root, architecture="amd64", runner=Runner(), network=network)
    apt.prepare([base(tmp_path / "base.tar")])
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert found == {
        "apt.conf",
        "etc/apt/sources.list",
        "etc/apt/sources.list.d/more.sources",
        "usr/share/keyrings/a.gpg",
        "usr/share/keyrings/a.pgp",
        "var/lib/dpkg/status",
    }
    key = f"{root}/usr/share/keyrings/a.gpg"
    assert (root / "etc/apt/sources.list").read_text() == (
        f"deb [signed-by={key}] http://mirror.example s main\n"
    )
    assert f"Signed-By: {key}\n" in (root / "etc/apt/sources.list.d/more.sources").read_text()
    assert (root / "usr/share/keyrings/a.gpg").read_text() == "key"
    assert f"Dir {root};" in (root / "apt.conf").read_text()


HOSTILE = {
    "./etc/apt/sources.list.d/../../../../escaped":
        "the path 'etc/apt/sources.list.d/../../../../escaped' leaves its folder",
    "usr/share/keyrings/a\\b": "the path 'usr/share/keyrings/a\\\\b' has a backslash",
    "usr/share/keyrings//x": "the path 'usr/share/keyrings//x' has an empty part",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_base_with_a_name_that_leaves_the_root_is_refused(name: str, tmp_path: Path) -> None:
    archive, folder = tmp_path / "base.tar", tmp_path / "below" / "root"
    with tarfile.open(archive, "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 2
        tar.addfile(info, io.BytesIO(b"no"))
    apt = AptRoot(folder=folder, architecture="amd64", runner=Runner(), network=Network())
    with pytest.raises(StepError) as caught:
        apt.prepare([archive])
    assert str(caught.value) == f"the base's archive base.tar: {HOSTILE[name]}"
    assert not list(tmp_path.rglob("escaped*"))


def test_links_of_a_base_lead_to_files_of_it_alone(tmp_path: Path) -> None:
    """A loop, a link to nothing, to a folder, and out of the archive: none of them is followed."""
    archive, folder = tmp_path / "base.tar", tmp_path / "root"
    (tmp_path / "secret").write_text("mine")
    links = {
        "itself": "itself", "one": "two", "two": "one", "nothing": "none", "folder": "..",
        "outside": f"../../../..{tmp_path}/secret", "absolute": str(tmp_path / "secret"),
        "good": "/usr/share/real", "chain": "good",
    }  # fmt: skip
    with tarfile.open(archive, "w") as tar:
        real = tarfile.TarInfo("usr/share/real")
        real.size = 3
        tar.addfile(real, io.BytesIO(b"key"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            for name, target in links.items():
                link = tarfile.TarInfo(f"usr/share/keyrings/{name}{kind.decode()}")
                link.type = kind
                link.linkname = target if kind == tarfile.SYMTYPE else target.lstrip("/")
                tar.addfile(link)
    apt = AptRoot(folder=folder, architecture="amd64", runner=Runner(), network=Network())
    apt.prepare([archive])
    keyrings = folder / "usr/share/keyrings"
    assert {path.name: path.read_text() for path in keyrings.iterdir()} == {
        "good2": "key",
        "good1": "key",
    }
    assert not any(path.is_symlink() for path in folder.rglob("*"))


@pytest.mark.parametrize("name", ["with space", "it's", 'a"b', "a#b", "a%20b", "été", "a;b//c"])
def test_apt_reads_a_root_wherever_it_lies(tmp_path: Path, name: str) -> None:
    network = Network()
    root = tmp_path / name / "root"
    apt = AptRoot(folder=root, architecture="amd64", runner=Runner(), network=network)
    apt.prepare([base(tmp_path / "base.tar")])
    shown = apt.ask("apt-config", "shell", "LISTS", "Dir::State::lists/d").stdout
    assert shlex.split(shown) == [f"LISTS={root}/var/lib/apt/lists/"]


@pytest.mark.parametrize("name", ["plain", "with space", "été"])
def test_apt_reads_sources_whose_keys_are_named(tmp_path: Path, name: str) -> None:
    network = Network()
    root = tmp_path / name / "root"
    apt = AptRoot(folder=root, architecture="amd64", runner=Runner(), network=network)
    apt.prepare([base(tmp_path / "base.tar")])
    more = root / "etc/apt/sources.list.d/more.sources"
    more.write_text(f"{more.read_text()}URIs: http://b.example\nSuites: s\nComponents: main\n")
    asked = apt.ask("apt-get", "update", "--print-uris")
    assert asked.code == 0, asked.log
    for site in ("archive", "b"):
        assert f"http://{site}.example/dists/s/InRelease" in asked.stdout
    texts = (root / "etc/apt/sources.list").read_text() + more.read_text()
    assert texts.count(f"{root}/usr/share/keyrings/a.gpg") == (0 if " " in name else 2)
    trusted = [path.read_text() for path in root.glob("etc/apt/trusted.gpg.d/*")]
    assert trusted == (["key"] if " " in name else [])
