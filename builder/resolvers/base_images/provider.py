"""The content of base images: pulled from a registry, or bootstrapped here.

The source of a base and its content are decided when it is locked. A build gets exactly that
content, or fails.
"""

from __future__ import annotations

import calendar
import hashlib
import json
import shutil
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.catalog.models import Base, Network, Source
from builder.common.errors import (
    BuilderError,
    GoneError,
    StepError,
    ToolError,
    TransientError,
    UnreachableError,
)
from builder.common.files import write
from builder.common.hashing import digest_of, digest_parts, is_digest
from builder.common.limits import CONFIGURATION, read_json
from builder.common.mappings import at
from builder.common.process import Command, Runner, which
from builder.common.state_dir import StateDir
from builder.engines.interfaces import BuildRequest, Engine
from builder.lock.lockfile import BaseLock
from builder.network.build_env import apt_mirrors, proxies, substitution
from builder.oci import layout as layouts
from builder.oci.reference import parse as parse_reference
from builder.registry.credentials import CredentialFiles
from builder.registry.transfers import last_words, transfer
from builder.resolvers.base_images.apt_roots import AptRoots
from builder.resolvers.base_images.bootstrap import BASE_DOCKERFILE, bootstrap_argv
from builder.resolvers.base_images.upstream import UpstreamImages

_RETRIES = ("--retry-times", "3")  # a registry may be busy for a moment


@dataclass(frozen=True, kw_only=True)
class Content:
    """The content of a base on this machine, as tar archives, lowest layer first."""

    digest: str
    epoch: int
    archives: tuple[Path, ...]


class EmulationError(ToolError):
    """This machine cannot run the programs of another platform."""


class Bases:
    """Locks and fetches bases; the content is kept in `state` by its digest."""

    def __init__(
        self,
        *,
        runner: Runner,
        engine: Engine,
        network: Network,
        state: StateDir,
        skopeo: str,
        enclose: Callable[[Command], Command],
        roots: AptRoots,
        credentials: CredentialFiles | None = None,
        upstream: UpstreamImages | None = None,
    ) -> None:
        self._upstream = upstream
        self._runner = runner
        self._engine = engine
        self._network = network
        self._state = state
        self._skopeo = skopeo
        self._enclose = enclose
        self._roots = roots
        self._credentials = credentials or CredentialFiles(runner=runner)

    def lock(
        self, base: Base, sources: Sequence[Source], previous: BaseLock | None, today: str
    ) -> BaseLock:
        """Choose a source and identify its content; `previous` is kept if it is still valid."""
        if self._upstream and all(source.kind == "image" for source in sources):
            return self._upstream.lock(base, sources)
        previous_lock = previous
        if previous is not None and previous.source not in sources:
            previous = None
        is_own = previous is not None and previous.source.kind == "bootstrap"
        archives = cached_archives(self._state, previous) if previous is not None and is_own else ()
        if (
            previous is not None
            and archives
            and self._roots.fill(base, archives, previous_lock) == previous.suites
        ):
            return previous
        source, content = self._first(
            base, [previous.source] if previous else sources, previous, today
        )
        return BaseLock(
            source=source,
            content=content.digest,
            epoch=content.epoch,
            suites=self._roots.fill(base, content.archives, previous_lock),
        )

    def layout(self, base: Base, lock: BaseLock) -> Path:
        """Return an OCI layout of exactly what `lock` names. Raises StepError, never falls back."""
        folder = _folder(self._state, lock.content)
        layout = folder / "layout"
        if (layout / "index.json").exists():
            return layout
        self.fetch(base, lock)
        if lock.source.kind == "bootstrap":
            write(folder / "context" / "Dockerfile", BASE_DOCKERFILE.encode())
            self._engine.build(self.request(base, lock))
        return layout

    def fetch(self, base: Base, lock: BaseLock) -> None:
        """Get exactly the content that `lock` names from its source, and keep it here.

        Raises GoneError if the source has other content by now, else StepError.
        """
        if cached_archives(self._state, lock):
            return
        if lock.source.kind == "registry":
            try:
                self._pull(base, lock.source, lock.content)
            except StepError as error:
                if any(word in error.message for word in _UNKNOWN):
                    raise _gone(
                        base, f"{lock.source.value} has no {lock.content} any more"
                    ) from error
                raise
            return
        # An archive that has changed does not return to its old content.
        content = self._recent(base, lock.source, lock.epoch)
        if content is None or content.digest == lock.content:
            content = self._bootstrap(base, lock.source, lock.epoch)
        if content.digest != lock.content:
            raise _gone(
                base,
                "its archive has changed, and a bootstrap gives"
                f" {content.digest[:19]} instead of {lock.content[:19]}",
            )

    def request(self, base: Base, lock: BaseLock) -> BuildRequest:
        """Return the build request that makes an image of a bootstrapped base."""
        folder = self.folder(lock)
        return BuildRequest(
            id=f"base-{base.slug}",
            context=folder / "context",
            contexts={},
            platform=base.platform,
            epoch=lock.epoch,
            layout=folder / "layout",
        )

    def folder(self, lock: BaseLock) -> Path:
        """Return the folder with the content of a base."""
        return _folder(self._state, lock.content)

    def _first(
        self, base: Base, sources: Sequence[Source], previous: BaseLock | None, today: str
    ) -> tuple[Source, Content]:
        """Return the first source that works, with its content."""
        reasons, lacks_emulation = [], False
        hint = "check the network connection, and `network` in matrix.yaml"
        for source in sources:
            try:
                return source, self._obtain(base, source, previous, today)
            except BuilderError as error:
                lacks_emulation |= isinstance(error, EmulationError)
                hint = _own_hint(source, error) or hint
                reasons.append(f"{source}: {last_words(error.message)}")
        message = f"no source of base {base.id} works:\n    " + "\n    ".join(reasons)
        if lacks_emulation:
            raise UnreachableError(message, hint=f"apt-get install {_EMULATION}")
        # A base of another platform that this machine cannot get is no failure of it.
        is_own = base.platform == self._engine.platforms[0]
        raise StepError(message, hint=hint) if is_own else UnreachableError(message, hint=hint)

    def _obtain(self, base: Base, source: Source, previous: BaseLock | None, today: str) -> Content:
        if source.kind == "registry":
            return self._from_registry(base, source)
        epoch = previous.epoch if previous else _midnight(today)
        recent = self._recent(base, source, epoch)
        if previous is None and recent is not None and recent.archives[0].exists():
            return recent  # of an earlier `builder lock` that was stopped before it wrote the lock
        if previous is not None and recent is not None and recent.digest != previous.content:
            epoch = _midnight(today)
        content = self._bootstrap(base, source, epoch)
        if (
            previous is not None
            and content.digest != previous.content
            and epoch != _midnight(today)
        ):
            # Its content has changed, and only then may its timestamps change.
            content = self._bootstrap(base, source, _midnight(today))
        return content

    def _recent(self, base: Base, source: Source, epoch: int) -> Content | None:
        """Return the content of the last bootstrap, if it was this one, less than a day ago."""
        note = self._note(base)
        try:
            data = json.loads(note.read_text())
            is_this = (data["source"], data["epoch"]) == (str(source), epoch)
            is_young = note.stat().st_mtime > time.time() - _DAY
            digest = str(data["content"])
        except (OSError, ValueError, TypeError, KeyError):
            return None
        archive = _folder(self._state, digest) / "context" / "rootfs.tar"
        recent = Content(digest=digest, epoch=epoch, archives=(archive,))
        return recent if is_this and is_young else None

    def _note(self, base: Base) -> Path:
        return self._state.bases / f"{base.slug}.json"

    # A registry.

    def _from_registry(self, base: Base, source: Source) -> Content:
        reference = parse_reference(source.value)
        verify = ["--tls-verify=false"] if reference.is_loopback else []
        argv = (
            *self._skopeo_on(base), "inspect", "--no-tags", *_RETRIES, *verify,
            f"docker://{reference}",
        )  # fmt: skip
        inspect = Command(argv=argv, timeout=120)
        output = transfer(
            inspect, (reference,), self._credentials, self._runner, lambda command: command
        )
        digest, epoch = _inspected(output.stdout, source.value)
        layout = self._pull(base, source, digest)
        return Content(
            digest=digest,
            epoch=epoch,
            # Not the layers of the registry's manifest: skopeo compresses uncompressed ones.
            archives=tuple(
                layouts.blob(layout, layer.digest) for layer in layouts.layers_in(layout)
            ),
        )

    def differing(self, base: Base, lock: BaseLock) -> str:
        """Return what a registry says of a base that it does not have as it is locked; or "".

        A bootstrapped base is verified by apt, whenever it is made. Raises StepError.
        """
        if lock.source.kind == "image" and self._upstream:
            return self._upstream.differing(lock)
        if lock.source.kind != "registry":
            return ""
        reference = parse_reference(lock.source.value)
        argv = (
            self._skopeo, "inspect", "--raw", *_RETRIES,
            *(["--tls-verify=false"] if reference.is_loopback else []),
            f"docker://{reference.at(lock.content)}",
        )  # fmt: skip
        command = Command(argv=argv, timeout=120)
        try:
            output = transfer(
                command, (reference,), self._credentials, self._runner, lambda command: command
            )
        except UnreachableError:
            raise
        except StepError as error:
            if any(word in error.message for word in _UNKNOWN):
                return f"{lock.source.value} has no {lock.content}"
            raise
        found = digest_of(output.stdout.encode())
        return "" if found == lock.content else f"{lock.source.value} has {found}"

    def _pull(self, base: Base, source: Source, digest: str) -> Path:
        layout = _folder(self._state, digest) / "layout"
        partial = layout.with_name("layout.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.parent.mkdir(parents=True, exist_ok=True)
        command = self.pull_command(base, source, digest, partial)
        reference = parse_reference(source.value)
        transfer(command, (reference,), self._credentials, self._runner, self._enclose)
        shutil.rmtree(layout, ignore_errors=True)
        partial.rename(layout)
        return layout

    def pull_command(self, base: Base, source: Source, digest: str, layout: Path) -> Command:
        """Return the command that copies a base's image from its registry."""
        reference = parse_reference(source.value)
        return Command(
            argv=(
                *self._skopeo_on(base), "copy", "--quiet", *_RETRIES,
                *(["--src-tls-verify=false"] if reference.is_loopback else []),
                f"docker://{reference.at(digest)}", f"oci:{layout}:latest",
            ),
            timeout=1800,
        )  # fmt: skip

    def _skopeo_on(self, base: Base) -> tuple[str, ...]:
        """Return the start of a skopeo command that chooses the base's platform from an index."""
        os_name, _, machine = base.platform.partition("/")
        family, _, variant = machine.partition("/")
        return (
            self._skopeo, f"--override-os={os_name}", f"--override-arch={family}",
            *([f"--override-variant={variant}"] if variant else []),
        )  # fmt: skip

    # A bootstrap.

    def _bootstrap(self, base: Base, source: Source, epoch: int) -> Content:
        if which("mmdebstrap") is None:
            raise ToolError("mmdebstrap is not installed", hint="apt-get install mmdebstrap")
        if base.platform not in self._engine.platforms:
            raise EmulationError(f"this machine cannot run programs for {base.platform}")
        if base.platform != self._engine.platforms[0] and which("arch-test") is None:
            raise EmulationError(
                "arch-test is not installed; mmdebstrap needs it to detect emulation"
            )
        work = self._state.bases / f"{base.slug}.partial"
        shutil.rmtree(work, ignore_errors=True)
        archive = work / "context" / "rootfs.tar"
        archive.parent.mkdir(parents=True)
        log = self._state.log(f"base:{base.slug}")
        self._runner.run(self.bootstrap_command(base, source, epoch, archive), log=log)
        canonize(archive)
        digest = f"sha256:{_sha256(archive)}"
        folder = _folder(self._state, digest)
        if not (folder / "context" / "rootfs.tar").exists():
            shutil.rmtree(folder, ignore_errors=True)
            work.rename(folder)
        shutil.rmtree(work, ignore_errors=True)
        note = {"source": str(source), "epoch": epoch, "content": digest}
        write(self._note(base), json.dumps(note).encode(), lasting=False)
        return Content(digest=digest, epoch=epoch, archives=(folder / "context" / "rootfs.tar",))

    def bootstrap_command(self, base: Base, source: Source, epoch: int, archive: Path) -> Command:
        """Return the command of a bootstrap: the same archive and epoch give the same bytes."""
        options: list[str] = []
        if self._network.ca:
            options.append(f"--aptopt=Acquire::https::CAInfo {json.dumps(self._network.ca)}")
        if apt_mirrors(self._network):
            folder = archive.parent.parent
            enable_hook, disable_hook = folder / "mirror-on", folder / "mirror-off"
            write(enable_hook, _hook(self._network).encode(), 0o755)
            write(disable_hook, _UNHOOK.encode(), 0o755)
            options += [f"--setup-hook={enable_hook}", f"--customize-hook={disable_hook}"]
        return Command(
            argv=bootstrap_argv(base, source, str(archive), options),
            env={"SOURCE_DATE_EPOCH": str(epoch), **proxies(self._network)},
            # Its packages run their own setup, ten times as slow in an emulator.
            timeout=1200 if base.platform == self._engine.platforms[0] else 7200,
        )


def cached_archives(state: StateDir, lock: BaseLock) -> tuple[Path, ...]:
    """Return the content of a base as tar archives, lowest layer first; empty if not in `state`."""
    folder = _folder(state, lock.content)
    archive, layout = folder / "context" / "rootfs.tar", folder / "layout"
    if archive.exists():
        return (archive,)
    if lock.source.kind == "registry" and (layout / "index.json").exists():
        return tuple(layouts.blob(layout, layer.digest) for layer in layouts.layers_in(layout))
    return ()


def _gone(base: Base, why: str) -> GoneError:
    name = base.value_id
    return GoneError(
        f"the locked content of base {base.id} is no longer available: {why}",
        hint=f"run `builder lock --upgrade {name}` to lock the current content",
    )


def _own_hint(source: Source, error: BuilderError) -> str:
    """Return the hint of an error; "" if the network may be the cause."""
    if isinstance(error, TransientError | UnreachableError):
        return ""
    return error.hint if source.kind == "registry" or isinstance(error, ToolError) else ""


def _inspected(stdout: str, image: str) -> tuple[str, int]:
    """Return the digest of an image, and when it was made, as `skopeo inspect` prints them."""
    what = f"{image}: what skopeo says of it"
    inspected = read_json(stdout.encode(), CONFIGURATION, what)
    digest = at(inspected, "Digest")
    if not is_digest(digest):
        raise StepError(f"{what} has no digest")
    # An image need not state when it was created.
    created = str(at(inspected, "Created") or "1970-01-01T00:00:00")
    try:
        seconds = calendar.timegm(time.strptime(created[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError as error:
        raise StepError(f"{what} has no time of creation: {created[:40]!r}") from error
    return str(digest), max(0, seconds)  # Go's zero is the year 1, which no archive has


def _folder(state: StateDir, content: str) -> Path:
    """Return the folder of a content. Raises StepError where it is no digest: it is a path."""
    if not is_digest(content):
        raise StepError(f"the content of a base is not a digest: {content[:200]!r}", hint=_RELOCK)
    return state.bases / digest_parts(content)[1][:32]


# What a registry answers if it does not have a manifest.
_UNKNOWN = ("manifest unknown", "name unknown", "MANIFEST_UNKNOWN", "NAME_UNKNOWN")
_DAY = 86400
_RELOCK = "restore matrix.lock, or run `builder lock`"
_EMULATION = "qemu-user-static binfmt-support arch-test"
_UNHOOK = '#!/bin/sh\nset -eu\nmv "$1/etc/apt/sources.list.default" "$1/etc/apt/sources.list"\n'


def canonize(archive: Path) -> None:
    """Rewrite a tar archive in one format: versions of tar encode the same files differently."""
    partial = archive.with_suffix(".partial")
    with (
        tarfile.open(archive) as old,
        tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in old:
            headers = {k: v for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")}
            member.pax_headers = headers
            member.mtime = int(member.mtime)
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    partial.replace(archive)


def _hook(network: Network) -> str:
    """Return a hook of mmdebstrap that uses mirrors, and one that removes them from the base."""
    lines = [
        "#!/bin/sh",
        "set -eu",
        'cp "$1/etc/apt/sources.list" "$1/etc/apt/sources.list.default"',
    ]
    for old, new in apt_mirrors(network).items():
        lines.append(f'sed -i {substitution(old, new)} "$1/etc/apt/sources.list"')
    return "\n".join(lines) + "\n"


def _midnight(day: str) -> int:
    return calendar.timegm(time.strptime(day, "%Y-%m-%d"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
