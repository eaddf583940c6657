"""Layers of npm's packages: what their lock files say, and files that are kept by their sha512."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from builder.catalog.models import Network
from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, NoPackageError, StepError, UnreachableError
from builder.common.process import Command, Output
from builder.resolvers.npm.packages import NpmResolver
from builder.resolvers.npm.registry import NpmPackages
from builder.resolvers.npm.shrinkwrap import FILE as LOCK
from builder.resolvers.npm.shrinkwrap import read
from tests.fakes.layers import asked
from tests.fakes.lines import Upstream, mirrored, nowhere
from tests.fakes.programs import FakePrograms

REGISTRY = "https://npm.example/"
DESK = "@wood/desk@1.2.0"
DATA = {"oak": b"oak", "glue": b"glue"}


def integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()


def entry(name: str, version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    """A package in a lock file."""
    url = f"{REGISTRY}{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
    found = {"version": version, "resolved": url, "integrity": integrity(DATA.get(name, b""))}
    return {**found, **more}


def shrinkwrap(*wanted: str, **packages: dict[str, Any]) -> dict[str, Any]:
    """A lock file of a package that wants some of those that it has, below node_modules."""
    below = {
        f"node_modules/{path.replace('__', '/node_modules/')}": it for path, it in packages.items()
    }
    root = {"name": "desk", "dependencies": dict.fromkeys(wanted, "*")}
    return {"lockfileVersion": 3, "packages": {"": root, **below}}


def tgz(files: dict[str, Any]) -> bytes:
    """A package that holds documents."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for path, data in files.items():
            content = json.dumps(data).encode()
            info = tarfile.TarInfo(f"package/{path}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


class Npm(FakePrograms):
    """npm, which knows its registry, and the integrity and the URL of some packages."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, tuple[str, str]] = {}

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        super().run(command, **options)
        if command.argv[1] == "config":
            return Output(code=0, stdout=f'; registry = "{REGISTRY}" ; overridden by env\n', log="")
        if command.argv[-2] not in self.known:
            return Output(code=0, stdout="", log="")
        found = dict(zip(("integrity", "tarball"), self.known[command.argv[-2]], strict=True))
        return Output(code=0, stdout=json.dumps(found), log="")


@pytest.fixture
def npm() -> Npm:
    """npm, which knows nothing yet."""
    return Npm()


def publish(there: Upstream, npm: Npm, files: dict[str, Any], name: str = DESK) -> bytes:
    """Have a package in the registry, at a mirror of it."""
    data = tgz(files)
    package, _, version = name.rpartition("@")
    path = f"{package}/-/{package.rpartition('/')[2]}-{version}.tgz"
    said = f"http://{there.server.address}/any/{package}/-/{package}-{version}.tgz"
    npm.known[name] = integrity(data), said
    there.serve(f"npm/{path}", data)
    return data


def mirror(address: str) -> Network:
    return mirrored(address, npm=f"http://me:secret@{address}/npm")


def layers(there: Upstream, npm: Npm) -> NpmResolver:
    packages = NpmPackages(runner=npm, network=mirror(there.server.address), program="npm")
    return NpmResolver(packages=packages, fetcher=there.fetcher())


def locked(data: bytes, file: str, version: str = "1.0.0") -> LockedPackage:
    digest = f"sha512:{hashlib.sha512(data).hexdigest()}"
    return LockedPackage(version=version, digest=digest, source="npm", file=file)


OAK = locked(b"oak", "oak/-/oak-1.0.0.tgz")


def test_a_package_and_what_its_lock_files_name(there: Upstream, npm: Npm) -> None:
    other = {"integrity": f"sha1-Kt8Hkk7b {integrity(b'two')}"}
    data = publish(
        there, npm,
        {
            "package.json": {"dependencies": {"oak": "^1"}},
            "npm-shrinkwrap.json": shrinkwrap("oak", oak=entry("oak")),
            "lib/npm-shrinkwrap.json": shrinkwrap("oak", oak=entry("oak", "2.0.0", **other)),
            "lib/node_modules/glue/npm-shrinkwrap.json": shrinkwrap("gone"),
        },
    )  # fmt: skip
    resolver = layers(there, npm)
    found = resolver.resolve(asked(DESK))
    assert found == {
        "@wood/desk@1.2.0": locked(data, "@wood/desk/-/desk-1.2.0.tgz", "1.2.0"),
        "oak@1.0.0": OAK,
        "oak@2.0.0": locked(b"two", "oak/-/oak-2.0.0.tgz", "2.0.0"),
    }
    assert npm.words() == [
        ("npm", "view", "--json", "--", DESK, "dist"), ("npm", "config", "list", "--long"),
    ]  # fmt: skip
    assert resolver.resolve(asked(DESK, inherited={"oak@1.0.0": OAK})).keys() == {DESK, "oak@2.0.0"}
    assert len(npm.asked) == 2
    assert resolver.is_newest(asked(DESK), found)
    assert not resolver.is_newest(asked("@wood/desk@1.3.0"), found)


def test_what_npm_would_not_install_is_not_locked(there: Upstream, npm: Npm) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "musl": {"libc": ["musl"]},
        "win": {"os": ["win32"]},
        "arm": {"cpu": "arm64"},
        "neither": {"os": ["!linux"]},
        "any": {"os": ["any"], "cpu": ["!arm64", "x64"]},
    }
    packages = {name: entry(name, optional=True, **of) for name, of in kinds.items()}
    packages["oak"] = entry(
        "oak",
        optionalDependencies=dict.fromkeys([*kinds, "absent"], "*"),
        peerDependencies={"peer": "*"},
    )
    packages |= {name: entry(name, dev=True) for name in ("test", "peer")}
    packages["win"]["dependencies"] = {"nail": "*"}
    packages["win__nail"] = entry("nail", optional=True)
    # Not optional: npm says what is wrong. An alias, with another in its own file.
    packages["odd"] = {**entry("glue", os=["win32"], dependencies={"part": "*"}), "name": "glue"}
    packages["odd__part"] = {"version": "1.0.0", "inBundle": True}
    publish(there, npm, {"npm-shrinkwrap.json": shrinkwrap("oak", "odd", **packages)})
    found = layers(there, npm).resolve(asked(DESK))
    assert [*found] == [DESK, "any@1.0.0", "glue@1.0.0", "oak@1.0.0"]


def test_a_package_is_found_in_the_nearest_folder(there: Upstream, npm: Npm) -> None:
    packages = {
        "oak": entry("oak", dependencies={"glue": "*"}),
        "oak__glue": entry("glue", "2.0.0", dependencies={"nail": "*"}),
        "glue": entry("glue", "3.0.0"),
        "nail": entry("nail", dependencies={"glue": "*"}),
    }
    publish(there, npm, {"npm-shrinkwrap.json": shrinkwrap("oak", **packages)})
    found = layers(there, npm).resolve(asked(DESK))
    assert [*found] == [DESK, "glue@2.0.0", "glue@3.0.0", "nail@1.0.0", "oak@1.0.0"]


def test_a_package_that_needs_no_others(there: Upstream, npm: Npm) -> None:
    publish(there, npm, {"package.json": {"devDependencies": {"test": "*"}}})
    assert [*layers(there, npm).resolve(asked(DESK))] == [DESK]


def wrong(**more: Any) -> dict[str, Any]:
    return {"npm-shrinkwrap.json": shrinkwrap("oak", oak=entry("oak", **more))}


HINT = "\n  hint: only packages of npm's registry with a sha512 can be locked"
OWNER = f"{DESK}/npm-shrinkwrap.json: "


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"package.json": {"dependencies": {"oak": "^1"}}},
            f"{DESK} has no npm-shrinkwrap.json, so its dependencies cannot be locked\n"
            "  hint: name a package that has one, or one without dependencies",
        ),
        (
            {"lib/npm-shrinkwrap.json": shrinkwrap("oak")},
            f"{DESK}/lib/npm-shrinkwrap.json: it lacks oak, which its package needs",
        ),
        (
            {"npm-shrinkwrap.json": {"lockfileVersion": 1, "dependencies": {}}},
            f"{DESK}: npm-shrinkwrap.json has lockfileVersion 1; only 2 and 3 can be read",
        ),
        (
            wrong(resolved="git+ssh://git@example.org/oak.git#0123"),
            f"{OWNER}oak cannot be locked: it comes from git+ssh://git@example.org/oak.git#0123{HINT}",
        ),
        (
            wrong(resolved="packages/oak", link=True),
            f"{OWNER}oak cannot be locked: it comes from packages/oak{HINT}",
        ),
        (
            wrong(integrity="sha1-WDsap3WW="),
            f"{OWNER}oak cannot be locked: its integrity is sha1-WDsap3WW={HINT}",
        ),
        (
            wrong(integrity="sha512-torn"),
            f"{OWNER}oak cannot be locked: its integrity is sha512-torn{HINT}",
        ),
    ],
    ids=["no lock file", "a gap", "an old one", "git", "a link", "no sha512", "torn"],
)
def test_what_cannot_be_locked(there: Upstream, npm: Npm, files: dict[str, Any], said: str) -> None:
    publish(there, npm, files)
    with pytest.raises(BuilderError) as caught:
        layers(there, npm).resolve(asked(DESK))
    assert str(caught.value) == said


def test_a_file_that_is_no_package(there: Upstream, npm: Npm) -> None:
    npm.known[DESK] = integrity(b"torn"), "https://npm.example/@wood/desk/-/desk-1.2.0.tgz"
    there.serve("npm/@wood/desk/-/desk-1.2.0.tgz", b"torn")
    with pytest.raises(StepError) as caught:
        layers(there, npm).resolve(asked(DESK))
    assert str(caught.value) == f"the npm package {DESK} cannot be read: truncated header"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("package.json", b"[" * 1000, f"{DESK}: package.json has more than 64 levels"),
        ("package.json", b"[]", f"{DESK}: package.json is not a JSON object"),
        ("package.json", b'{"dependencies": ["a"]}',
         f"{DESK}: package.json is malformed: its dependencies are no mapping"),
        (LOCK, b'{"packages": []}', f"{DESK}: npm-shrinkwrap.json has no packages"),
        (LOCK, b'{"packages": {}}', f"{DESK}: npm-shrinkwrap.json has no packages"),
        (LOCK, b'{"packages": {"": 7}}',
         f"{DESK}: npm-shrinkwrap.json: '' is malformed: its dependencies are no mapping"),
        (LOCK, b'{"packages": {}, "packages": {}}',
         f"{DESK}: npm-shrinkwrap.json is not valid JSON: the key 'packages' stands twice in one"
         " object"),
    ],
)  # fmt: skip
def test_a_hostile_document_in_a_package_is_refused(
    tmp_path: Path, name: str, text: bytes, message: str
) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as archive:
        member = tarfile.TarInfo(f"package/{name}")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    with pytest.raises(StepError) as caught:
        read(tmp_path / "a.tgz", DESK)
    assert str(caught.value) == message


def test_names_are_exact_and_known(there: Upstream, npm: Npm) -> None:
    with pytest.raises(NoPackageError) as caught:
        layers(there, npm).resolve(asked("desk@4"))
    assert str(caught.value) == (
        "npm package desk@4 has no exact version\n"
        "  hint: write name@1.2.3, or name@{axis.version} for a release line of provider npm"
    )
    with pytest.raises(NoPackageError) as caught:
        layers(there, npm).resolve(asked("desk@9.9.9"))
    assert str(caught.value) == "npm has no package desk@9.9.9\n  hint: is the name right?"
    assert caught.value.package == "desk@9.9.9"


def test_files_are_fetched_and_kept_by_their_sha512(there: Upstream, npm: Npm) -> None:
    there.serve("npm/oak/-/oak-1.0.0.tgz", b"oak")
    resolver = layers(there, npm)
    place = there.folder / OAK.hash
    for _ in range(2):
        assert resolver.fetch(asked(DESK), {"oak@1.0.0": OAK}) == {"oak@1.0.0": place}
    assert place.read_bytes() == b"oak"
    assert there.server.asked == [("GET", "/npm/oak/-/oak-1.0.0.tgz")]


def test_a_file_with_another_hash(there: Upstream, npm: Npm) -> None:
    there.serve("npm/oak/-/oak-1.0.0.tgz", b"elm")
    with pytest.raises(StepError) as caught:
        layers(there, npm).fetch(asked(DESK), {"oak@1.0.0": OAK})
    assert str(caught.value) == (
        f"oak-1.0.0.tgz: http://{there.server.address}/npm/oak/-/oak-1.0.0.tgz"
        " does not have the expected sha512\n"
        f"    expected {hashlib.sha512(b'oak').hexdigest()}\n"
        f"    found    {hashlib.sha512(b'elm').hexdigest()}\n"
        "  hint: it was replaced upstream, or the mirror serves another file; do not build with it"
    )
    assert list(there.folder.iterdir()) == []


def test_a_file_that_vanished(there: Upstream, npm: Npm) -> None:
    with pytest.raises(StepError) as caught:
        layers(there, npm).fetch(asked(DESK), {"oak@1.0.0": OAK})
    assert str(caught.value) == (
        "npm has no oak/-/oak-1.0.0.tgz any more, and there is no copy of it here\n"
        "  hint: run `builder lock --upgrade`"
    )
    there.folder.mkdir(exist_ok=True)
    (there.folder / OAK.hash).write_bytes(b"oak")
    assert layers(there, npm).fetch(asked(DESK), {"oak@1.0.0": OAK})


def test_a_registry_that_cannot_be_reached(there: Upstream, npm: Npm) -> None:
    packages = NpmPackages(runner=npm, network=mirror("127.0.0.1:1"), program="npm")
    with pytest.raises(UnreachableError) as caught:
        NpmResolver(packages=packages, fetcher=nowhere(there.folder)).fetch(asked(DESK), {"o": OAK})
    assert "npm cannot be reached" in caught.value.message
    assert "secret" not in str(caught.value)


def test_the_registry_is_asked_again_for_each_hash(there: Upstream, npm: Npm) -> None:
    def state(name: str, integrity: str) -> None:
        there.serve(f"npm/{name}", json.dumps({"dist": {"integrity": integrity}}))

    held = {
        f"{name}@1.0.0": locked(b"wood", f"{name}/-/x-1.0.0.tgz")
        for name in ("oak", "@tree/elm", "ash", "fir", "yew")
    }
    state("oak/1.0.0", integrity(b"wood"))
    state("@tree%2Felm/1.0.0", integrity(b"wood"))
    state("ash/1.0.0", integrity(b"another"))
    state("yew/1.0.0", "sha1-xyz")
    another = hashlib.sha512(b"another").hexdigest()
    wood = held["oak@1.0.0"].digest
    assert layers(there, npm).differing(asked("oak@1.0.0"), held) == {
        "ash@1.0.0": f"the index states sha512:{another}, not {wood}",
        "fir@1.0.0": "the index has it not",
        "yew@1.0.0": "the index has it not",
    }
