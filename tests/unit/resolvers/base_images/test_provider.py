"""The bytes of a bootstrapped base."""

from __future__ import annotations

import io
import json
import os
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.models import Base, Network, Source
from builder.common.errors import BuilderError, GoneError, StepError, UnreachableError
from builder.common.process import Command, Output, Runner
from builder.common.state_dir import StateDir
from builder.lock.lockfile import BaseLock
from builder.resolvers.base_images.apt_roots import AptRoots
from builder.resolvers.base_images.provider import Bases, cached_archives, canonize
from tests.fakes.engine import FakeEngine
from tests.fakes.layout import write_layout
from tests.fakes.programs import FakePrograms


def archive(path: Path, form: int, mtime: float) -> Path:
    """An archive of a file, a link to it, and a name that is too long for old formats."""
    with tarfile.open(path, "w", format=form) as tar:
        for name in ("./etc/motd", f"./{'long/' * 40}name"):
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = 5, mtime, 0o640
            tar.addfile(info, io.BytesIO(b"hello"))
        link = tarfile.TarInfo("./etc/motd.link")
        link.type, link.linkname = tarfile.LNKTYPE, "./etc/motd"
        tar.addfile(link)
    return path


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_same_files_are_the_same_bytes(tmp_path: Path, form: int) -> None:
    one = archive(tmp_path / "one.tar", tarfile.PAX_FORMAT, 1700000000.25)
    two = archive(tmp_path / "two.tar", form, 1700000000.0)
    canonize(one)
    canonize(two)
    assert one.read_bytes() == two.read_bytes()
    with tarfile.open(one) as tar:
        members = {item.name: item for item in tar}
        content = tar.extractfile("./etc/motd.link")
        assert content is not None
        assert content.read() == b"hello"
    assert members["./etc/motd"].mode == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.tar", "two.tar"]


def test_other_files_are_other_bytes(tmp_path: Path) -> None:
    one = archive(tmp_path / "one.tar", tarfile.PAX_FORMAT, 1700000000)
    two = archive(tmp_path / "two.tar", tarfile.PAX_FORMAT, 1700000001)
    canonize(one)
    canonize(two)
    assert one.read_bytes() != two.read_bytes()


NETWORK = Network()
BOOT = (Source(bootstrap="two"),)


def of(platform: str) -> Base:
    return Base(id=f"os=2@{platform}", axis="os", value="2", platform=platform)


def bases(tmp_path: Path, *platforms: str, runner: Runner | None = None) -> Bases:
    """Where bases come from on a machine that runs programs of these platforms."""
    engine = FakeEngine()
    engine.platforms = platforms
    runner = runner or Runner()
    return Bases(
        runner=runner,
        engine=engine,
        network=NETWORK,
        state=StateDir(tmp_path),
        skopeo="false",
        enclose=lambda command: command,
        roots=AptRoots(runner=runner, network=NETWORK, folder=tmp_path / "apt"),
    )


def refused(found: Bases, base: Base) -> BuilderError:
    with pytest.raises(BuilderError) as caught:
        found.lock(base, BOOT, None, "2026-11-23")
    return caught.value


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all programs that there are: a mmdebstrap that fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "mmdebstrap").write_text("#!/bin/sh\necho no suite >&2\nexit 1\n")
    (folder / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_another_machines_base_waits_for_an_emulator(tmp_path: Path, programs: Path) -> None:
    error = refused(bases(tmp_path, "linux/amd64"), of("linux/arm64"))
    assert isinstance(error, UnreachableError)
    assert str(error) == (
        "no source of base os=2@linux/arm64 works:\n"
        "    bootstrap two: this machine cannot run programs for linux/arm64\n"
        "  hint: apt-get install qemu-user-static binfmt-support arch-test"
    )


def test_or_for_what_mmdebstrap_asks(tmp_path: Path, programs: Path) -> None:
    found = bases(tmp_path, "linux/amd64", "linux/arm64")
    error = refused(found, of("linux/arm64"))
    assert isinstance(error, UnreachableError)
    assert str(error) == (
        "no source of base os=2@linux/arm64 works:\n"
        "    bootstrap two: arch-test is not installed; mmdebstrap needs it to detect emulation\n"
        "  hint: apt-get install qemu-user-static binfmt-support arch-test"
    )


@pytest.mark.parametrize(
    ("platform", "kind"), [("linux/amd64", StepError), ("linux/arm64", UnreachableError)]
)
def test_what_fails_by_itself(
    tmp_path: Path, programs: Path, platform: str, kind: type[BuilderError]
) -> None:
    (programs / "arch-test").symlink_to("/bin/true")
    error = refused(bases(tmp_path, "linux/amd64", "linux/arm64"), of(platform))
    assert type(error) is kind
    first, second, hint = str(error).splitlines()
    assert first == f"no source of base os=2@{platform} works:"
    assert second.startswith("    bootstrap two: ")
    assert hint == "  hint: check the network connection, and `network` in matrix.yaml"


def test_what_this_machine_lacks_is_the_hint(tmp_path: Path, programs: Path) -> None:
    (programs / "mmdebstrap").unlink()
    error = refused(bases(tmp_path, "linux/amd64"), of("linux/amd64"))
    assert str(error) == (
        "no source of base os=2@linux/amd64 works:\n"
        "    bootstrap two: mmdebstrap is not installed\n"
        "  hint: apt-get install mmdebstrap"
    )


def test_an_emulated_bootstrap_has_more_time(tmp_path: Path) -> None:
    found = bases(tmp_path, "linux/amd64", "linux/arm64")
    one, other = (
        found.bootstrap_command(of(platform), BOOT[0], 0, tmp_path / "x" / "y" / "rootfs.tar")
        for platform in ("linux/amd64", "linux/arm64")
    )
    assert "--architectures=arm64" in other.argv
    assert (one.timeout, other.timeout) == (1200, 7200)


class Apt(FakePrograms):
    """An archive whose index is of a day."""

    def __init__(self, folder: Path, day: str) -> None:
        super().__init__()
        self._lists, self.day = folder / "apt/os-2-linux-amd64/var/lib/apt/lists", day

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        if command.argv[:2] == ("apt-get", "update"):
            (self._lists / "archive.example_dists_two_InRelease").write_text(f"Date: {self.day}\n")
        return super().run(command, **options)


def test_an_archive_that_has_gone_back(tmp_path: Path) -> None:
    held = BaseLock(source=BOOT[0], content="sha256:" + "1" * 64, epoch=0)
    archive = tmp_path / "bases" / ("1" * 32) / "context/rootfs.tar"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w") as tar:
        tar.addfile(tarfile.TarInfo("./etc/apt/sources.list"))
    apt = Apt(tmp_path, "Mon, 23 Nov 2026 00:00:00 UTC")
    found, base = bases(tmp_path, "linux/amd64", runner=apt), of("linux/amd64")
    roots = AptRoots(runner=apt, network=NETWORK, folder=tmp_path / "apt")
    held = replace(held, suites=roots.fill(base, [archive], None))
    assert held.suites["two"].date == "2026-11-23T00:00:00Z"
    assert found.lock(base, BOOT, held, "2026-11-24") is held
    apt.day = "Mon, 16 Nov 2026 00:00:00 UTC"
    said = (
        "the archive has an older"
        " index of two (2026-11-16T00:00:00Z) than the lock (2026-11-23T00:00:00Z)\n"
        "  hint: wait until it has caught up, or name another in `network.mirrors`"
    )
    with pytest.raises(UnreachableError) as caught:
        found.lock(base, BOOT, held, "2026-11-24")
    assert str(caught.value) == said
    # Its root is there for what has a hash, and says the same to all who choose.
    again = AptRoots(runner=apt, network=NETWORK, folder=tmp_path / "apt")
    root = again.filled(base, held, archives=lambda *_: [archive])
    asked = len(apt.asked)
    assert again.filled(base, held, archives=lambda *_: [archive]) is root
    assert len(apt.asked) == asked
    with pytest.raises(UnreachableError) as caught:
        root.ask("apt-cache", "policy", "less")
    assert str(caught.value) == said


def test_what_a_base_of_a_registry_is_made_of(tmp_path: Path) -> None:
    found, layout = bases(tmp_path, "linux/amd64"), tmp_path / "layout"
    layout.mkdir()
    digest = write_layout(layout, b"two")
    held = BaseLock(source=Source(registry="example.org/os:two"), content=digest, epoch=0)
    assert cached_archives(StateDir(tmp_path), held) == ()
    found.folder(held).mkdir(parents=True)
    layout.rename(found.folder(held) / "layout")
    (layer,) = cached_archives(StateDir(tmp_path), held)
    with tarfile.open(layer) as tar:
        assert tar.getnames() == ["content"]


class Skopeo(FakePrograms):
    """A registry whose one image says that it was made when Go's time begins."""

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        if "inspect" in command.argv:
            image = {"Digest": "sha256:" + "1" * 64, "Created": "0001-01-01T00:00:00Z"}
            return Output(code=0, stdout=json.dumps(image), log="")
        if "copy" in command.argv:
            layout = Path(command.argv[-1].removeprefix("oci:").removesuffix(":latest"))
            layout.mkdir()
            write_layout(layout, b"two")
        return super().run(command, **options)


def test_an_image_that_was_made_before_all_archives_has_an_epoch(tmp_path: Path) -> None:
    here = bases(tmp_path, "linux/amd64", runner=Skopeo())
    source = Source(registry="example.org/os:two")
    assert here.lock(of("linux/amd64"), (source,), None, "2026-11-23").epoch == 0


class Debian(FakePrograms):
    """A mmdebstrap whose archive has `content` by now; skopeo says `skopeo`."""

    def __init__(self, content: str, skopeo: str = "") -> None:
        super().__init__()
        self.content, self.skopeo = content, skopeo

    def run(self, command: Command, **options: object) -> Output:  # type: ignore[override]
        if command.argv[0] == "mmdebstrap":
            data = self.content.encode()
            with tarfile.open(command.argv[-1], "w") as tar:
                info = tarfile.TarInfo("./etc/debian_version")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        if self.skopeo and "copy" in command.argv:
            raise StepError(f"skopeo failed with exit code 1\n    {self.skopeo}")
        return super().run(command, **options)


def locked(tmp_path: Path, content: str, programs: Runner | None = None) -> tuple[BaseLock, Bases]:
    """A base that was locked elsewhere as `content`, and where bases come from here by now."""
    here = bases(tmp_path / "elsewhere", "linux/amd64", runner=Debian(content))
    lock = here.lock(of("linux/amd64"), BOOT, None, "2026-11-23")
    return lock, bases(tmp_path / "here", "linux/amd64", runner=programs or Debian("13.3"))


@pytest.fixture
def mmdebstrap(programs: Path) -> None:
    """A mmdebstrap on the machine."""


@pytest.mark.usefixtures("mmdebstrap")
def test_a_base_whose_archive_stands_still_is_had_again(tmp_path: Path) -> None:
    lock, here = locked(tmp_path, "13.3")
    here.fetch(of("linux/amd64"), lock)
    (found,) = cached_archives(StateDir(tmp_path / "here"), lock)
    with tarfile.open(found) as tar:
        assert tar.getnames() == ["./etc/debian_version"]


@pytest.mark.usefixtures("mmdebstrap")
def test_what_was_bootstrapped_for_a_lock_that_was_ended_is_not_again(tmp_path: Path) -> None:
    apt, base = Debian("13.3"), of("linux/amd64")
    here = bases(tmp_path, "linux/amd64", runner=apt)
    lock = here.lock(base, BOOT, None, "2026-11-23")
    assert here.lock(base, BOOT, None, "2026-11-23") == lock
    assert len(apt.words("mmdebstrap")) == 1
    # On another day, or from another source, it may be another.
    assert here.lock(base, BOOT, None, "2026-11-24") != lock
    assert here.lock(base, (Source(bootstrap="3"),), None, "2026-11-24") != lock
    assert len(apt.words("mmdebstrap")) == 3
    (archive,) = cached_archives(StateDir(tmp_path), here.lock(base, BOOT, None, "2026-11-25"))
    archive.unlink()
    here.lock(base, BOOT, None, "2026-11-25")
    assert len(apt.words("mmdebstrap")) == 5


@pytest.mark.usefixtures("mmdebstrap")
@pytest.mark.parametrize("ask", ["fetch", "layout"])
def test_a_base_whose_archive_has_moved_on(tmp_path: Path, ask: str) -> None:
    lock, here = locked(tmp_path, "13.2")
    with pytest.raises(GoneError) as caught:
        getattr(here, ask)(of("linux/amd64"), lock)
    now = next(path.name for path in (tmp_path / "here/bases").iterdir() if path.is_dir())
    assert str(caught.value) == (
        "the locked content of base os=2@linux/amd64 is no longer available:"
        f" its archive has changed, and a bootstrap gives sha256:{now[:12]}"
        f" instead of {lock.content[:19]}\n"
        "  hint: run `builder lock --upgrade os=2` to lock the current content"
    )
    assert caught.value.exit_code == 5


@pytest.mark.usefixtures("mmdebstrap")
def test_that_an_archive_has_moved_on_is_found_out_once_a_day(tmp_path: Path) -> None:
    apt = Debian("13.3")
    lock, here = locked(tmp_path, "13.2", apt)
    base = of("linux/amd64")
    for _ in range(2):
        with pytest.raises(GoneError):
            here.fetch(base, lock)
    assert len(apt.words("mmdebstrap")) == 1
    # A new lock need not find it out again.
    again = here.lock(base, BOOT, lock, "2026-11-30")
    assert again.content != lock.content
    assert len(apt.words("mmdebstrap")) == 2
    # Another lock is asked for, and after a day the same.
    with pytest.raises(GoneError):
        here.fetch(base, lock)
    assert len(apt.words("mmdebstrap")) == 3
    note = tmp_path / "here/bases" / f"{base.slug}.json"
    os.utime(note, (0, 0))
    apt.content = "13.2"
    here.fetch(base, lock)
    assert cached_archives(StateDir(tmp_path / "here"), lock)


@pytest.mark.parametrize(
    ("said", "kind"), [("manifest unknown", GoneError), ("i/o timeout", StepError)]
)
def test_an_image_that_its_registry_has_no_more(
    tmp_path: Path, said: str, kind: type[BuilderError]
) -> None:
    source = Source(registry="example.org/os:two")
    lock = BaseLock(source=source, content="sha256:" + "1" * 64, epoch=0)
    here = bases(tmp_path, "linux/amd64", runner=Debian("", skopeo=said))
    with pytest.raises(StepError) as caught:
        here.layout(of("linux/amd64"), lock)
    assert type(caught.value) is kind
    if kind is GoneError:
        assert str(caught.value) == (
            "the locked content of base os=2@linux/amd64 is no longer available:"
            f" example.org/os:two has no {lock.content} any more\n"
            "  hint: run `builder lock --upgrade os=2` to lock the current content"
        )
