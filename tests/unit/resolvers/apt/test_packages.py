"""Layers of apt: what is locked of what apt chooses, what it is told, and where files come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MethodType

import pytest

from builder.catalog.models import Network
from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, Location, NoPackageError, StepError
from builder.common.process import Command, Output
from builder.lock.interfaces import AncestorError
from builder.network.fetcher import Fetcher
from builder.resolvers.apt.packages import AptResolver
from builder.resolvers.apt.root import AptRoot
from tests.fakes.answers import Answer, Registry
from tests.fakes.layers import asked
from tests.fakes.lines import IMPATIENT
from tests.fakes.programs import FakePrograms

NETWORK = Network()
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

    def __init__(self, folder: Path, server: Registry, in_the_way: Sequence[str] = ()) -> None:
        self.server, self.folder = server, folder
        self.archive = f"http://{server.address}/debian/"
        self.security = f"http://{server.address}/debian-security/"
        answers = {
            "apt-get indextargets": f"trixie {self.archive}\ntrixie-security {self.security}\n",
            "apt-cache pkgnames": "git\nless\nliberror-perl\n",
        }
        self.programs = Stubborn(answers, in_the_way) if in_the_way else FakePrograms(answers)
        status = folder / "root/var/lib/dpkg/status"
        status.parent.mkdir(parents=True)
        status.write_text("Package: base-files\n")
        self.root = root = AptRoot(
            folder=folder / "root", architecture="amd64", runner=self.programs, network=NETWORK
        )
        fetcher = Fetcher(network=NETWORK, folder=folder / "files", retry_policy=IMPATIENT)
        self.layers = AptResolver(
            prepare=lambda base, lock: root,
            providers={},
            fetcher=fetcher,
            folder=folder / "records",
            locate=lambda recipe, name: Location(
                file=f"images/{recipe}/recipe.yaml", line=len(name)
            ),
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
        inherited=below,
        constraints={"git": "1:2.47*"},
        preferred={"liberror-perl": package("liberror-perl", "0.16-1"), "git": package("git", "1")},
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
        apt.layers.resolve(asked("git", inherited=below, introduced_by={"less": "base/debian=13"}))
    assert str(caught.value) == (
        "leaf/debian=13 needs less 700-1, but base/debian=13 has 668-1\n"
        "  hint: run `builder lock --upgrade less`"
    )


def test_what_a_child_needs_of_each_ancestor_is_told(apt: Apt) -> None:
    apt.has("less", "700-1")
    apt.has("git", "2.47-1")
    below = {"less": package("less", "668-1"), "git": package("git", "2.46-1")}
    owners = {"less": "base/debian=13", "git": "middle/debian=13"}
    with pytest.raises(AncestorError) as caught:
        apt.layers.resolve(asked("liberror-perl", inherited=below, introduced_by=owners))
    assert caught.value.owners == {
        "base/debian=13": frozenset({"less"}), "middle/debian=13": frozenset({"git"}),
    }  # fmt: skip


def test_what_an_ancestor_has_and_the_archive_no_more_is_there_all_the_same(apt: Apt) -> None:
    apt.has("git", "2.47-1")
    apt.has("less", "700-1")
    apt.programs.answers["apt-get install"] = ""
    apt.programs.answers["apt-cache show"] = (
        "Package: less\nVersion: 700-1\nArchitecture: amd64\nDepends: libc6 (>= 9)\n"
        "Provides: pager (= 700-1), more\nMulti-Arch: foreign\nConflicts: most\n"
    )
    below = {"less": package("less", "668-1")}
    apt.layers.resolve(asked("git", inherited=below))
    assert apt.programs.given["Dir::State::status"] == (
        "Package: base-files\n\nPackage: less\nStatus: install ok installed\nVersion: 668-1\n"
        "Architecture: amd64\nProvides: pager (= 668-1), more\nMulti-Arch: foreign\n"
    )
    # It is kept for no later run: it is not what the package said.
    assert not (apt.folder / "records" / below["less"].hash).exists()


def test_an_ancestors_package_that_nobody_knows_any_more(apt: Apt) -> None:
    apt.has("git", "2.47-1")
    gone = package("less", "668-1", file="pool/main/less_668-1_all.deb")
    apt.programs.answers |= {"apt-get install": "", "apt-cache pkgnames": "git"}
    apt.layers.resolve(asked("git", inherited={"less": gone}))
    assert apt.programs.given["Dir::State::status"] == (
        "Package: base-files\n\nPackage: less\nStatus: install ok installed\nVersion: 668-1\n"
        "Architecture: all\n"
    )


def refused(apt: Apt, *names: str, **more: object) -> BuilderError:
    with pytest.raises(BuilderError) as caught:
        apt.layers.resolve(asked(*names, **more))
    assert apt.programs.words("apt-get", "install") == []
    return caught.value


@pytest.mark.parametrize("name", ["jq|nano", "python3.*", "git=1", "git/sid", "?essential", "-o"])
def test_what_is_no_name(apt: Apt, name: str) -> None:
    error = refused(apt, name)
    assert error.exit_code == 2
    assert str(error) == (
        f"images/leaf/recipe.yaml:{len(name)}: {name!r} is not the name of"
        " an apt package (recipe leaf, for leaf/debian=13)\n"
        "  hint: write the plain name of each package,"
        " without pattern, version, release or sign after it; matrix.lock decides the version"
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("g++-19", "is the name right? Does it belong under a condition of `when`?"),
        ("gitt", "did you mean git? Or does it belong under a condition of `when`?"),
        ("git-", "did you mean git? Or does it belong under a condition of `when`?"),
        ("git+", "did you mean git? Or does it belong under a condition of `when`?"),
    ],
)
def test_a_package_that_is_not_there(apt: Apt, name: str, hint: str) -> None:
    error = refused(apt, name)
    assert isinstance(error, NoPackageError)
    assert error.package == name
    assert error.exit_code == 2
    assert str(error) == (
        f"images/leaf/recipe.yaml:{len(name)}: there is no package {name} for"
        " debian=13@linux/amd64 (recipe leaf, for leaf/debian=13)\n"
        f"  hint: {hint}"
    )


def test_a_virtual_package_is_told_with_those_that_provide_it(apt: Apt) -> None:
    virtual = FakePrograms.run

    def run(self: FakePrograms, command: Command, **options: object) -> Output:
        if command.argv[1:] == ("pkgnames", "--all-names"):
            return Output(code=0, stdout="git\nawk\n", log="")
        return virtual(self, command, **options)

    apt.programs.run = MethodType(run, apt.programs)  # type: ignore[method-assign]
    apt.programs.answers["apt-cache showpkg"] = (
        "Package: awk\nReverse Provides: \nmawk 1 (= )\ngawk 1:5 (= )\n"
    )
    assert str(refused(apt, "awk")) == (
        "images/leaf/recipe.yaml:3: awk is a virtual package on debian=13@linux/amd64"
        " (recipe leaf, for leaf/debian=13); gawk and mawk provide it\n"
        "  hint: name one of them instead of awk"
    )


def test_all_wrong_names_of_a_recipe_are_told_together(apt: Apt) -> None:
    assert str(refused(apt, "g++-19", "git", "jq|nano")).count("(recipe leaf, for") == 2


def test_what_an_ancestor_has_is_no_wrong_name(apt: Apt) -> None:
    gone = package("less", "668-1")
    apt.programs.answers |= {"apt-get install": "", "apt-cache pkgnames": "git"}
    assert apt.layers.resolve(asked("less", inherited={"less": gone})) == {}


UNMET = """\
The following packages have unmet dependencies:
 {name} : Depends: libfoo (= 1) but 2 is to be installed
E: Unable to correct problems, you have held broken packages.
"""


class Stubborn(FakePrograms):
    """apt that finds a way once nothing stands in it."""

    def __init__(self, answers: Mapping[str, str | Output], in_the_way: Sequence[str]) -> None:
        super().__init__(answers)
        self.in_the_way = in_the_way

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        done = super().run(command, **options)
        pins = self.given.pop("Dir::Etc::preferences", "")
        stuck = [name for name in self.in_the_way if f"Package: {name}\n" in pins]
        if command.argv[:2] == ("apt-get", "install") and stuck:
            return Output(code=100, stdout="", log=UNMET.format(name=stuck[0]))
        return done


def test_what_stays_lets_what_must_move_move(tmp_path: Path, registry: Registry) -> None:
    apt = Apt(tmp_path, registry, in_the_way=("git", "liberror-perl"))
    apt.has("git", "2.47-1")
    keep = {name: package(name, "1") for name in ("git", "less", "liberror-perl")}
    assert list(apt.layers.resolve(asked("git", preferred=keep))) == ["git"]
    assert len(apt.programs.words("apt-get", "install")) == 3


def test_what_apt_cannot_choose_is_told_with_its_recipe(apt: Apt) -> None:
    log = UNMET.format(name="git")
    apt.programs.answers["apt-get install"] = Output(code=100, stdout="", log=log)
    with pytest.raises(StepError) as caught:
        apt.layers.resolve(asked("git", preferred={"less": package("less", "1")}))
    assert str(caught.value) == (
        "images/leaf/recipe.yaml:3: leaf/debian=13: apt cannot choose: git : Depends: libfoo (= 1)"
        " but 2 is to be installed; Unable to correct problems, you have held broken packages."
        " (for git of recipe leaf)\n"
        "  hint: run `builder lock --upgrade debian`, which takes newer packages of the"
        " base, or remove the package from the recipe"
    )
    # Once as it should stay, and once with nothing that should.
    assert len(apt.programs.words("apt-get", "install")) == 2


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
        "no archive has pool/main/git_2.47-1_amd64.deb any more, and there is no copy of it here\n"
        "  hint: run `builder lock --upgrade`"
    )


def test_a_file_with_another_hash(apt: Apt) -> None:
    wanted = package("git", "2.47-1")
    apt.serve({f"/debian/{wanted.file}": b"other"})
    with pytest.raises(StepError) as caught:
        apt.layers.fetch(asked("git"), {"git": replace(wanted)})
    assert str(caught.value) == (
        f"git_2.47-1_amd64.deb: {apt.archive}{wanted.file} does not have the expected sha256\n"
        f"    expected {digest('git')}\n"
        f"    found    {hashlib.sha256(b'other').hexdigest()}\n"
        "  hint: it was replaced upstream, or the mirror serves another file; do not build with it"
    )


@pytest.mark.parametrize(
    ("fields", "described"),
    [
        ("Size: 900\nSource: git-core (1:2.47-0)\n", (900, "git-core", "1:2.47-0")),
        ("Source: git-core\nSize: 900\n", (900, "git-core", "2.47-1+b1")),
        ("Size: 900\n", (900, "git", "2.47-1+b1")),
        ("Size: 900\nSource: ../git\n", (900, "git", "2.47-1+b1")),
    ],
)
def test_the_index_names_the_source_package(
    apt: Apt, fields: str, described: tuple[int, str, str]
) -> None:
    apt.has("git", "2.47-1+b1")
    apt.programs.answers["apt-cache show"] = f"Package: git\nVersion: 2.47-1+b1\n{fields}\n"
    found = apt.layers.resolve(asked("git"))["git"]
    assert (found.size, found.built_from, found.source_version) == described
