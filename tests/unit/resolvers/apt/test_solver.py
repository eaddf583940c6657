"""What apt is asked in a private root, and what is read in its answers."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.catalog.models import Network
from builder.catalog.packages import Suite
from builder.common.errors import StepError
from builder.common.process import Output
from builder.resolvers.apt.root import AptRoot, BehindError, suite
from builder.resolvers.apt.solver import AptFile, AptSolver, Candidate, UnsolvableError
from tests.fakes.programs import FakePrograms

NETWORK = Network()
POLICY = """\
libc6:
  Installed: 2.41-12
  Candidate: 2.41-12
  Version table:
     2.41-12+deb13u1 100
        100 http://archive.example/debian trixie-proposed-updates/main amd64 Packages
 *** 2.41-12 500
        500 http://archive.example/debian trixie/main amd64 Packages
        500 http://archive.example/debian-security trixie-security/main amd64 Packages
        100 /var/lib/dpkg/status
nothing:
  Installed: (none)
  Candidate: (none)
  Version table:
cuda-cudart-13-1:
  Installed: (none)
  Candidate: 13.1.80-1
  Version table:
     13.1.80-1 1001
        500 http://archive.example/cuda  Packages
"""
URIS = """\
'http://archive.example/debian/pool/main/g/git/git_2.47.3-0%2bdeb13u1_amd64.deb' \
git_1%3a2.47.3-0+deb13u1_amd64.deb 8862440 SHA256:{one}
'http://archive.example/debian/pool/main/libe/liberror-perl/liberror-perl_0.17030-1_all.deb' \
liberror-perl_0.17030-1_all.deb 26888 SHA256:{two}
'file:/tmp/x/r.deb' r.deb 12 SHA256:{two}
"""
ONE, TWO = "1" * 64, "2" * 64
RELEASE = b"-----BEGIN PGP SIGNED MESSAGE-----\nSuite: tiny\nDate: Mon, 23 Nov 2026 02:03:04 UTC\n"


KNOWN = "a b cuda-cudart-13-1 git less libc6 nothing"


def apt_of(answers: Mapping[str, str | Output] | None = None) -> FakePrograms:
    """Programs that know some names."""
    return FakePrograms({"apt-cache pkgnames": KNOWN, **(answers or {})})


def root(tmp_path: Path, programs: FakePrograms, release: bytes = RELEASE) -> AptRoot:
    """A root whose base has one package, as after an update."""
    for path, data in {
        "var/lib/dpkg/status": b"Package: base-files\nStatus: install ok installed\n",
        "var/lib/apt/lists/archive.example_dists_tiny_InRelease": release,
        "etc/apt/sources.list": b"deb http://archive.example tiny main\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return AptRoot(folder=tmp_path, architecture="amd64", runner=programs, network=NETWORK)


def test_candidates_and_the_suites_that_have_them(tmp_path: Path) -> None:
    programs = apt_of({"apt-cache policy": POLICY})
    solver = AptSolver(root(tmp_path, programs))
    assert solver.candidates(["nothing", "libc6", "cuda-cudart-13-1", "libc6"]) == {
        "libc6": Candidate(version="2.41-12", suites=("trixie", "trixie-security")),
        "cuda-cudart-13-1": Candidate(version="13.1.80-1", suites=("/",)),
    }
    wanted = ("apt-cache", "policy", "--", "cuda-cudart-13-1", "libc6", "nothing")
    assert programs.words("apt-cache", "policy") == [wanted]
    assert solver.candidates([]) == {}
    assert len(programs.words("apt-cache", "policy")) == 1


def test_candidates_of_what_is_pinned(tmp_path: Path) -> None:
    programs = apt_of()
    AptSolver(root(tmp_path, programs)).candidates(["less"], "Package: less\n")
    ((_, option, preferences, *rest),) = programs.words("apt-cache", "-o")
    assert (option, rest) == ("-o", ["policy", "--", "less"])
    assert preferences.startswith("Dir::Etc::preferences=")
    assert programs.given == {"Dir::Etc::preferences": "Package: less\n"}


def test_what_apt_would_fetch(tmp_path: Path) -> None:
    programs = FakePrograms({"apt-get install": URIS.format(one=ONE, two=TWO)})
    solver = AptSolver(root(tmp_path, programs))
    installed = "Package: less\nStatus: install ok installed\nVersion: 668-1\n"
    assert solver.solve(["git"], installed=installed, pins="Package: git\n") == (
        AptFile(
            name="git", version="1:2.47.3-0+deb13u1", sha256=ONE,
            url="http://archive.example/debian/pool/main/g/git/git_2.47.3-0+deb13u1_amd64.deb",
        ),
        AptFile(
            name="liberror-perl", version="0.17030-1", sha256=TWO,
            url="http://archive.example/debian/pool/main/libe/liberror-perl/"
            "liberror-perl_0.17030-1_all.deb",
        ),
    )  # fmt: skip
    (argv,) = programs.words("apt-get", "install")
    assert argv[2:6] == ("--quiet=2", "--print-uris", "--no-install-recommends", "--no-remove")
    assert "Acquire::ForceHash=SHA256" in argv
    assert argv[-2:] == ("--", "git")
    assert programs.given == {
        "Dir::Etc::preferences": "Package: git\n",
        "Dir::State::status": (
            "Package: base-files\nStatus: install ok installed\n\n"
            "Package: less\nStatus: install ok installed\nVersion: 668-1\n"
        ),
    }


def test_what_apt_cannot_choose(tmp_path: Path) -> None:
    log = (
        "Some packages could not be installed.\n\n"
        "The following packages have unmet dependencies:\n"
        " git : Depends: libcurl3t64-gnutls (>= 8) but 7.88 is to be installed\n"
        "E: Unable to correct problems, you have held broken packages.\n"
    )
    programs = FakePrograms({"apt-get install": Output(code=100, stdout="", log=log)})
    with pytest.raises(StepError) as caught:
        AptSolver(root(tmp_path, programs)).solve(["git"])
    assert str(caught.value) == (
        "apt cannot choose: git : Depends: libcurl3t64-gnutls (>= 8) but 7.88 is to be installed;"
        " Unable to correct problems, you have held broken packages."
    )


def test_what_stands_in_the_way_is_told_by_name(tmp_path: Path) -> None:
    log = (
        "The following packages have unmet dependencies:\n"
        " git : Depends: libcurl (>= 8) but 7.88 is to be installed\n"
        "       Depends: less (= 2) but 1 is to be installed\n"
        " libc6:amd64 : Breaks: less (< 2) but 1 is to be installed\n"
        "E: held broken packages.\n"
    )
    programs = FakePrograms({"apt-get install": Output(code=100, stdout="", log=log)})
    with pytest.raises(UnsolvableError) as caught:
        AptSolver(root(tmp_path, programs)).solve(["git"])
    assert caught.value.packages == {"git", "libc6"}
    assert str(caught.value) == (
        "apt cannot choose: git : Depends: libcurl (>= 8) but 7.88 is to be installed"
        " Depends: less (= 2) but 1 is to be installed;"
        " libc6:amd64 : Breaks: less (< 2) but 1 is to be installed; held broken packages."
    )


@pytest.mark.parametrize(
    "name", ["g++-19", "a|b", "a.*", "a*", "a-", "a+", "a=1", "a/stable", "^a", "a^", "?name(a)"]
)
def test_no_name_is_a_pattern_of_apt(tmp_path: Path, name: str) -> None:
    programs = apt_of()
    apt = root(tmp_path, programs)
    assert not apt.has(name)
    assert apt.candidate(name) == ""
    assert apt.missing([name]) == (name,)
    solver = AptSolver(apt)
    assert solver.candidates([name]) == {}
    assert solver.records({name: "1"}) == {}
    assert not any(word.startswith(name) for argv in programs.words() for word in argv)


def test_a_version_is_no_pattern(tmp_path: Path) -> None:
    programs = apt_of({"apt-cache show": "Package: a\nVersion: 1.1\n"})
    assert AptSolver(root(tmp_path, programs)).records({"a": "1*"}) == {}


def test_a_name_may_have_the_architecture_of_the_root(tmp_path: Path) -> None:
    apt = root(tmp_path, apt_of())
    assert apt.has("a:amd64")
    assert not apt.has("a:i386")


def test_names_are_asked_for_once_until_the_indexes_are_fetched_again(tmp_path: Path) -> None:
    programs = apt_of()
    apt = root(tmp_path, programs)
    assert apt.has("a")
    assert apt.has("b")
    assert len(programs.words("apt-cache", "pkgnames")) == 1
    programs.answers["apt-cache pkgnames"] = "c"
    apt.update()
    assert apt.has("c")
    assert not apt.has("a")


def test_what_indexes_say_of_packages(tmp_path: Path) -> None:
    first, second = "Package: a\nVersion: 1\n", "Package: b\nVersion: 2\nDepends: a\n"
    again = "Package: a\nVersion: 1\nSize: 2\n"
    programs = apt_of({"apt-cache show": f"{first}\n{second}\n{again}\n"})
    solver = AptSolver(root(tmp_path, programs))
    assert solver.records({"b": "2", "a": "1"}) == {"a": first, "b": second}
    assert programs.words("apt-cache", "show") == [("apt-cache", "show", "--", "a=1", "b=2")]
    assert solver.records({}) == {}


def test_where_archives_are(tmp_path: Path) -> None:
    said = "trixie http://archive.example/debian/\n http://archive.example/flat/\n"
    programs = FakePrograms({"apt-get indextargets": said})
    assert AptSolver(root(tmp_path, programs)).archives() == {
        "trixie": "http://archive.example/debian/",
        "": "http://archive.example/flat/",
    }


def test_when_an_index_was_made() -> None:
    assert suite(RELEASE).date == "2026-11-23T02:03:04Z"
    assert suite(b"Date: Mon, 23 Nov 2026 02:03:04 +0200\n").date == "2026-11-23T00:03:04Z"
    assert suite(b"Date: yesterday\n").date == ""
    assert suite(b"Suite: tiny\n").date == ""


@pytest.mark.parametrize(
    "known", ["2026-11-22T00:00:00Z", "2026-11-23T02:03:04Z", ""], ids=["older", "same", "unknown"]
)
def test_an_index_that_is_no_older_is_taken(tmp_path: Path, known: str) -> None:
    found = root(tmp_path, FakePrograms()).update(
        {"tiny": Suite(date=known, sha256=ONE), "gone": Suite(date="2027-01-01", sha256=TWO)}
    )
    assert found == {"tiny": suite(RELEASE)}


def test_indexes_that_are_kept_are_read_again_only_where_they_changed(tmp_path: Path) -> None:
    programs = FakePrograms()
    apt = root(tmp_path / "apt", programs)
    status = tmp_path / "apt/var/lib/dpkg/status"
    text, made = status.read_text(), status.stat().st_mtime_ns
    archive = tmp_path / "base.tar"
    with tarfile.open(archive, "w") as tar:
        for name in ("etc/apt/sources.list", "var/lib/dpkg/status"):
            tar.add(tmp_path / "apt" / name, name)
    (tmp_path / "apt/etc/apt/gone").write_text("")
    apt.prepare([archive], keeps_indexes=True)
    apt.update()
    assert [command.argv for command in programs.asked] == [
        ("apt-get", "update", "--quiet", "--error-on=any", "-o", "pkgCacheFile::Generate=false"),
        ("apt-cache", "gencaches"),
    ]
    assert not (tmp_path / "apt/etc/apt/gone").exists()
    # apt would take what it made of them for stale.
    assert (status.read_text(), status.stat().st_mtime_ns) == (text, made)
    assert (tmp_path / "apt/etc/apt/sources.list").stat().st_mtime == 0
    apt.prepare([archive])
    assert not list((tmp_path / "apt/var/lib/apt/lists").glob("*InRelease"))


def test_an_older_index_is_asked_nothing(tmp_path: Path) -> None:
    programs = FakePrograms({"apt-get indextargets": "tiny http://archive.example/\n"})
    apt = root(tmp_path, programs)
    known = {"tiny": Suite(date="2026-11-24T00:00:00Z", sha256=ONE)}
    expected = (
        "the archive has an older"
        " index of tiny (2026-11-23T02:03:04Z) than the lock (2026-11-24T00:00:00Z)\n"
        "  hint: wait until it has caught up, or name another in `network.mirrors`"
    )
    with pytest.raises(BehindError) as caught:
        apt.update(known)
    assert str(caught.value) == expected
    with pytest.raises(BehindError) as caught:
        AptSolver(apt).solve(["git"])
    assert str(caught.value) == expected
    with pytest.raises(BehindError):
        apt.candidate("git")
    with pytest.raises(BehindError):
        apt.has("git")
    # What has a hash can still be fetched.
    assert apt.archives() == {"tiny": "http://archive.example/"}
