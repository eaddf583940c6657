"""Layers of apt: what is locked of what apt chooses, what it is told, and where files come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.config.parse import Network
from builder.errors import StepError
from builder.packages import LockedPackage
from builder.process import Output
from builder.resolvers.apt import AptRoot
from builder.resolvers.apt_layers import AptLayers
from builder.resolvers.fetch import Fetcher
from tests.fakes.answers import Answer, Registry
from tests.fakes.layers import asked
from tests.fakes.lines import IMPATIENT
from tests.fakes.programs import FakePrograms

NETWORK = Network(ca="", http_proxy="", https_proxy="", no_proxy="", mirrors={})
DATA = {name: name.encode() for name in ("git", "less", "liberror-perl")}
POLICY = """\
{name}:
  Installed: (none)
  Candidate: {version}
  Version table:
     {version} 500
        500 {archive} {suite}/main amd64 Packages
"""


def digest(name: str) -> str:
    return hashlib.sha256(DATA[name]).hexdigest()


def package(name: str, version: str, file: str = "", source: str = "trixie") -> LockedPackage:
    file = file or f"pool/main/{name}_{version}_amd64.deb"
    return LockedPackage(version=version, digest=f"sha256:{digest(name)}", source=source, file=file)


class Apt:
    """Layers of a base whose apt is played, and whose archives are on loopback."""

    def __init__(self, folder: Path, server: Registry) -> None:
        self.server, self.folder = server, folder
        self.archive = f"http://{server.address}/debian/"
        self.security = f"http://{server.address}/debian-security/"
        self.programs = FakePrograms(
            {"apt-get indextargets": (f"trixie {self.archive}\ntrixie-security {self.security}\n")}
        )
        status = folder / "root/var/lib/dpkg/status"
        status.parent.mkdir(parents=True)
        status.write_text("Package: base-files\n")
        root = AptRoot(
            folder=folder / "root", architecture="amd64", runner=self.programs, network=NETWORK
        )
        fetcher = Fetcher(network=NETWORK, folder=folder / "files", patience=IMPATIENT)
        self.layers = AptLayers(
            prepare=lambda base, lock: root,
            providers={},
            fetcher=fetcher,
            folder=folder / "records",
        )

    def has(self, name: str, version: str, suite: str = "trixie") -> None:
        """What apt would install of a package, beside what was said before."""
        archive = self.security if suite.endswith("-security") else self.archive
        words = {"name": name, "version": version, "suite": suite, "archive": archive}
        uri = f"'{archive}pool/main/{name}_{version}_amd64.deb' {name}_{version}_amd64.deb"
        self._say("apt-get install", f"{uri} 1 SHA256:{digest(name)}\n")
        self._say("apt-cache policy", POLICY.format(**words))
        self._say("apt-cache show", f"Package: {name}\nVersion: {version}\n\n")

    def _say(self, words: str, text: str) -> None:
        before = self.programs.answers.get(words, "")
        assert not isinstance(before, Output)
        self.programs.answers[words] = before + text

    def serve(self, files: Mapping[str, bytes]) -> None:
        """What the archives have, by path."""

        def answer(_method: str, path: str) -> Answer:
            return (200, {}, files[path]) if path in files else (404, {}, b"")

        self.server.script = answer


@pytest.fixture
def apt(tmp_path: Path, registry: Registry) -> Apt:
    return Apt(tmp_path, registry)


def test_what_apt_chooses_is_locked_with_its_suite_and_path(apt: Apt) -> None:
    apt.has("git", "2.47-1", "trixie-security")
    apt.has("liberror-perl", "0.17-1")
    assert apt.layers.resolve(asked("git")) == {
        "git": package("git", "2.47-1", source="trixie-security"),
        "liberror-perl": package("liberror-perl", "0.17-1"),
    }
    (argv,) = apt.programs.words("apt-get", "install")
    assert argv[-1] == "git"


def test_apt_is_told_what_ancestors_have_and_what_is_held(apt: Apt) -> None:
    apt.has("less", "668-1")
    below = apt.layers.resolve(asked("less"))
    request = asked(
        "git",
        below=below,
        limits={"git": "1:2.47*"},
        keep={"liberror-perl": package("liberror-perl", "0.16-1"), "git": package("git", "1")},
    )
    apt.layers.resolve(request)
    assert apt.programs.given["Dir::State::status"] == (
        "Package: base-files\n\nPackage: less\nStatus: install ok installed\nVersion: 668-1\n"
    )
    assert apt.programs.given["Dir::Etc::preferences"] == (
        "Package: git\nPin: version 1:2.47*\nPin-Priority: 1001\n\n"
        "Package: liberror-perl\nPin: version 0.16-1\nPin-Priority: 1001\n"
    )


def test_a_child_changes_no_package_of_its_parent(apt: Apt) -> None:
    apt.has("less", "700-1")
    below = {"less": package("less", "668-1")}
    apt.has("less", "668-1")
    with pytest.raises(StepError) as caught:
        apt.layers.resolve(asked("git", below=below, owners={"less": "base/debian=13"}))
    assert str(caught.value) == (
        "leaf/debian=13 needs less 700-1, and base/debian=13 has 668-1\n"
        "  hint: lock that again: builder lock --upgrade less"
    )


def test_what_an_ancestor_has_and_the_archive_no_more(apt: Apt) -> None:
    with pytest.raises(StepError) as caught:
        apt.layers.resolve(asked("git", below={"less": package("less", "668-1")}))
    assert str(caught.value) == (
        "the archive does not have less 668-1 any more, which is locked\n"
        "  hint: run `builder lock --upgrade`"
    )


def test_whether_there_is_something_newer(apt: Apt) -> None:
    apt.has("git", "2.47-1")
    request = asked("git")
    assert apt.layers.is_newest(request, {"git": package("git", "2.47-1")})
    assert not apt.layers.is_newest(request, {"git": package("git", "2.46-1")})
    assert not apt.layers.is_newest(request, {"less": package("less", "668-1")})
    # Each is asked for once.
    assert len(apt.programs.words("apt-cache", "policy")) == 2


def test_files_come_from_the_archive_that_has_them(apt: Apt) -> None:
    update = package("git", "2.47-1", file="pool/updates/main/git_2.47-1_amd64.deb")
    main = package("less", "668-1")
    apt.serve(
        {f"/debian-security/{update.file}": DATA["git"], f"/debian/{main.file}": DATA["less"]}
    )
    wanted = {"git": update, "less": main}
    found = apt.layers.fetch(asked("git"), wanted)
    assert {name: file.read_bytes() for name, file in found.items()} == {
        "git": b"git", "less": b"less",
    }  # fmt: skip
    # The likeliest archive was asked first.
    assert sorted(path for _, path in apt.server.asked) == [
        f"/debian-security/{update.file}", f"/debian/{main.file}",
    ]  # fmt: skip
    apt.serve({})
    asked_for = len(apt.programs.asked)
    assert apt.layers.fetch(asked("git"), wanted) == found
    assert len(apt.programs.asked) == asked_for


def test_what_no_archive_has(apt: Apt) -> None:
    apt.serve({})
    with pytest.raises(StepError) as caught:
        apt.layers.fetch(asked("git"), {"git": package("git", "2.47-1")})
    assert str(caught.value) == (
        "no archive has pool/main/git_2.47-1_amd64.deb any more, and it is not kept here\n"
        "  hint: run `builder lock --upgrade`"
    )


def test_a_file_with_another_hash(apt: Apt) -> None:
    wanted = package("git", "2.47-1")
    apt.serve({f"/debian/{wanted.file}": b"other"})
    with pytest.raises(StepError) as caught:
        apt.layers.fetch(asked("git"), {"git": replace(wanted)})
    assert str(caught.value) == (
        f"git_2.47-1_amd64.deb: {apt.archive}{wanted.file} has another sha256 than expected\n"
        f"    expected {digest('git')}\n"
        f"    found    {hashlib.sha256(b'other').hexdigest()}\n"
        "  hint: it was replaced upstream, or the mirror serves another file; do not build with it"
    )
