"""Lock and fetch the wheels that a target adds: uv chooses them, pip fetches them by hash."""

from __future__ import annotations

import re
import sys
import tempfile
import threading
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from builder.catalog.models import PYPI, Network, RemoteFile
from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, NoPackageError, StepError
from builder.common.process import Command, Output, Runner
from builder.common.text import count
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import store_by_hash, unreachable_error
from builder.network.upstreams import source_url, upstream
from builder.resolvers.interfaces import said_of, tell_nobody
from builder.resolvers.python.cooldown import run_dated
from builder.resolvers.python.failures import missing_extra, reason
from builder.resolvers.python.pypi import (
    compile_command,
    default_index,
    index_env,
    is_unanswered,
    locked,
    platform_tag,
    taken_as_they_are,
    unreachable,
)

_HASH = re.compile(r"\s+--hash=(sha256:[0-9a-f]{64})")
_WARNING = re.compile(r"^warning: .*\n?", re.MULTILINE)
_ABSENT = re.compile(r"ERROR: No matching distribution found for ([\w.-]+)==(\S+)")
_LEGACY = ("manylinux2014", "manylinux2010", "manylinux1")
_PYTORCH = "pytorch"
REQUIREMENTS = "requirements.txt"


def requirement(name: str, package: LockedPackage) -> str:
    """Return a package as a line of a file of requirements, with the hash that it must have."""
    return f"{name}=={package.version} --hash={package.digest}"


class PipResolver:
    """Locks and fetches wheels of the default index, and of PyTorch's for its release lines.

    Files are kept in `folder` by their sha256. `is_alone`: packages are installed without their
    dependencies, but for a request with extras, and may state the hashes that they must have.
    `only_looks`: pages of the index are fetched once for all targets, and those of packages that no
    target has may be older. `download` gets sources.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        network: Network,
        folder: Path,
        is_alone: bool = False,
        only_looks: bool = False,
        note: Callable[[str], None] = tell_nobody,
        download: Callable[[RemoteFile], Path] | None = None,
    ) -> None:
        self._note = note
        self._download_file = download
        self._runner = runner
        self._network = network
        self._folder = folder
        self._is_alone = is_alone
        self._only_looks = only_looks
        self._refresh_guard = threading.Lock()
        self._refreshed: set[tuple[str, str]] = set()  # packages, by what uv is told of indexes
        self._guard = threading.Lock()
        self._locks: dict[tuple[object, ...], threading.Lock] = {}
        self._resolved: dict[tuple[object, ...], Mapping[str, LockedPackage]] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError.

        Equal requests of several targets are resolved once.
        """
        if not request.language("python"):
            recipe, target = request.target.recipe, request.target.id
            raise NoPackageError(
                f"recipe {recipe} names Python packages, but {target} has no Python",
                package=request.names[0],
                hint=f"`needs: [python]` in images/{recipe}/recipe.yaml, on an image that has it",
            )
        key = self._key(request)
        with self._lock_for(key):
            if key not in self._resolved:
                self._resolved[key] = self._resolve(request)
        return self._resolved[key]

    def _lock_for(self, key: tuple[object, ...]) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(key, threading.Lock())

    def _key(self, request: PackageRequest) -> tuple[object, ...]:
        versions = [
            {name: package.version for name, package in packages.items()}
            for packages in (
                request.inherited,
                request.preferred,
                request.locked if request.not_after else {},
            )
        ]
        parts = [dict(sorted(part.items())) for part in (*versions, request.constraints)]
        env = sorted(self._env(request).items())
        return (
            request.names, request.language("python"), _platform(request), str(parts), str(env),
            request.not_after,
        )  # fmt: skip

    def _resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        packages = self._compile(request, request.preferred) if request.preferred else None
        packages = self._compile(request, {}) if packages is None else packages
        assert packages is not None  # without `preferred`, what does not fit is raised
        if younger := self._younger(request, packages):
            packages = self._compile(request, {**request.preferred, **younger}) or packages
        stated_hashes = _stated(request.names)
        for name, package in packages.items():
            if stated_hashes.get(name) and package.digest not in stated_hashes[name]:
                raise StepError(
                    f"{package.file} has another hash than the recipe states: {package.digest}",
                    hint="it was replaced upstream, or the recipe is wrong; do not build with it",
                )
        return packages

    def _younger(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> dict[str, LockedPackage]:
        """Return locked packages that only the limit of dates would take back: they stay."""
        younger = _newer_than(packages, request.locked) if request.not_after else {}
        if not younger:
            return {}
        newest = self._compile(replace(request, not_after=""), request.preferred)
        taken_back = _newer_than(newest or {}, younger)
        return {name: package for name, package in younger.items() if name not in taken_back}

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate; only a resolution tells.

        That takes long with the index. If no lock is written, uv resolves with its cached pages,
        after those of locked and inherited packages were fetched again.
        """
        if not self._only_looks:
            return False
        key = self._key(request)
        with self._lock_for(key):
            pages = {**request.inherited, **locked}
            if key not in self._resolved and self._refresh(request, pages):
                packages = self._compile(request, {}, offline=True)
                if packages == locked:
                    self._resolved[key] = packages
        return self._resolved.get(key) == locked

    def _refresh(self, request: PackageRequest, packages: Mapping[str, LockedPackage]) -> bool:
        """Have uv fetch the index pages of packages, once; return whether it could."""
        command, indexes = self._uv_command(request), str(sorted(self._env(request).items()))
        with self._refresh_guard:
            names = [name for name in packages if (indexes, name) not in self._refreshed]
            looked = {name: packages[name] for name in names}
            if names and self._looked_up(command, looked).code != 0:
                return False
            self._refreshed.update((indexes, name) for name in names)
        return True

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""
        missing = {
            name: package
            for name, package in packages.items()
            if not (self._folder / package.hash).is_file()
        }
        if missing:
            self._folder.mkdir(parents=True, exist_ok=True)
            wheels = {name: it for name, it in missing.items() if not is_source(it)}
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".") as folder:
                if wheels:
                    self._download(request, wheels, Path(folder))
            for name, package in missing.items():
                if is_source(package) and self._download_file is not None:
                    self._download_file(source_file(name, package))
        return {name: self._folder / package.hash for name, package in packages.items()}

    def differing(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, str]:
        """Return what the index says of packages that it does not state as they are."""
        command = self._uv_command(request)
        output = self._looked_up(command, packages, "--refresh")
        if output.code == 0:
            return _differing(packages, tomllib.loads(output.stdout).get("packages", []))
        if error := unreachable(output.log, default_index(self._network)):
            raise error
        if len(packages) == 1:  # uv names one that is not there, and there may be more
            return {name: said_of(package, []) for name, package in packages.items()}
        names = list(packages)
        halves = names[: len(names) // 2], names[len(names) // 2 :]
        parts = [
            self.differing(request, {name: packages[name] for name in half}) for half in halves
        ]
        return {**parts[0], **parts[1]}

    def _looked_up(
        self, command: Command, packages: Mapping[str, LockedPackage], *options: str
    ) -> Output:
        """Run uv for packages as they are locked, without what they depend on."""
        text = "".join(f"{name}=={package.version}\n" for name, package in packages.items())
        argv = (*command.argv, "--no-deps", *options)
        command = replace(command, argv=argv, stdin=text.encode())
        with _from_source(command, (it for it in packages if is_source(packages[it]))) as asked:
            return self._runner.run(asked, check=False)

    # Choosing.

    def _sources(self, request: PackageRequest) -> list[str]:
        """Return the packages of which the recipe states the hash of their source."""
        names: dict[str, bool] = {}
        for text in request.names if not self._is_alone else ():
            if hashes := _HASH.findall(text):
                package = _HASH.sub("", text)
                entry, _ = locked(
                    self._runner, package, python=request.language("python"),
                    platform=_platform(request), env=self._env(request),
                )  # fmt: skip
                names[entry.get("name", "")] = _source_hash(entry) in hashes
        return [name for name, is_stated in names.items() if is_stated]

    def _uv_command(self, request: PackageRequest) -> Command:
        """Return the command of uv for a target; requirements go to its standard input."""
        command = compile_command(
            python=request.language("python"), platform=_platform(request), env=self._env(request)
        )
        # Without --quiet: of a missing extra, uv only prints a warning.
        loud = [word for word in command.argv if word != "--quiet"]
        argv = (*loud, "--format", "pylock.toml", "--only-binary", ":all:")
        return replace(command, argv=argv)

    def _compile(
        self,
        request: PackageRequest,
        preferred: Mapping[str, LockedPackage],
        *,
        offline: bool = False,
    ) -> dict[str, LockedPackage] | None:
        """Return what uv chooses; None if it cannot with `preferred`, or with the pages it has."""
        output = self._chosen(request, {**preferred, **request.inherited}, offline=offline)
        missing = missing_extra(output.log, request)
        if (output.code != 0 or missing) and offline:
            return None
        if output.code != 0 and (error := unreachable(output.log, default_index(self._network))):
            raise error
        if (output.code != 0 or missing) and preferred:
            return None
        if output.code != 0:
            raise self._failure(request, _WARNING.sub("", output.log))
        if missing:
            raise missing
        tags = list(_tags(request.language("python"), _platform(request)))
        packages = {}
        for item in tomllib.loads(output.stdout).get("packages", []):
            if item["name"] not in request.inherited:
                packages[item["name"]] = _locked(item, tags, request)
        return packages

    def _chosen(
        self, request: PackageRequest, fixed: Mapping[str, LockedPackage], *, offline: bool
    ) -> Output:
        """Run uv for a request, with packages in the versions that they have."""
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.writelines(f"{name}=={package.version}\n" for name, package in fixed.items())
            file.writelines(f"{name}{limit}\n" for name, limit in request.constraints.items())
            file.flush()
            command = self._uv_command(request)
            argv = (
                *command.argv, "--constraint", file.name,
                *(["--no-deps"] if self._is_alone and "[" not in "".join(request.names) else []),
                *(["--offline"] if offline else []),
            )  # fmt: skip
            text = "".join(f"{_HASH.sub('', name)}\n" for name in request.names)
            command = replace(command, argv=argv, stdin=text.encode())
            with _from_source(command, self._sources(request)) as asked:
                return run_dated(
                    lambda more: self._runner.run(
                        replace(asked, argv=(*asked.argv, *more)), check=False
                    ),
                    request.not_after, fixed, self._note,
                )  # fmt: skip

    def _failure(self, request: PackageRequest, log: str) -> BuilderError:
        def newest(package: str) -> str:
            env, platform = self._env(request), _platform(request)
            package_entry, _ = locked(
                self._runner, package, python=request.language("python"), env=env,
                platform=platform, has_wheel=True,
            )  # fmt: skip
            return str(package_entry.get("version", ""))

        return reason(log, request, newest)

    # Fetching.

    def _download(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage], folder: Path
    ) -> None:
        requirements = folder / REQUIREMENTS
        requirements.write_text(
            "".join(f"{requirement(*item)}\n" for item in sorted(packages.items()))
        )
        platform = _platform(request)
        major, minor = _python(request.language("python"))
        argv = (
            sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-cache-dir",
            "--disable-pip-version-check", "--retries=2", "--no-deps", "--require-hashes",
            "--only-binary=:all:",
            "--implementation=cp", f"--python-version={major}.{minor}",
            *(f"--platform={name}" for name in _platforms(platform)),
            f"--requirement={requirements}", f"--dest={folder}",
        )  # fmt: skip
        command = Command(argv=argv, env=self._env(request), timeout=3600, program="pip")
        output = self._runner.run(command, check=False)
        for file in folder.glob("*.whl"):
            store_by_hash(file, self._folder)
        missing = {
            name: package
            for name, package in packages.items()
            if not (self._folder / package.hash).is_file()
        }
        if missing:
            raise self._cannot_be_had(missing, output.log)

    def _cannot_be_had(self, missing: Mapping[str, LockedPackage], log: str) -> StepError:
        """Return the error of locked files that the index does not have."""
        if is_unanswered(log):
            return unreachable_error(default_index(self._network), "no answer")
        others = f", and {count(len(missing) - 1, 'other')}" if len(missing) > 1 else ""
        if match := _ABSENT.search(log):
            package, version = match[1], match[2]
            return StepError(
                f"the index has no {package} {version} any more, and there is no copy of it here",
                hint="name another version or package in the recipe, then run `builder lock`",
            )
        output = "\n".join(re.findall(r"^ *(?:ERROR: |Expected|Got).*", log, re.MULTILINE))
        name, first = next(iter(missing.items()))
        return StepError(
            f"the locked file {first.file}{others} cannot be downloaded:\n{output}",
            hint="was it replaced upstream? If that is intended,"
            f" `builder lock --upgrade {name}` locks the new file",
        )

    # The index.

    def _env(self, request: PackageRequest) -> dict[str, str]:
        env = index_env(self._network)
        for provider, line in request.release_lines:
            if provider == _PYTORCH:
                folder = line.options.get("index", "cpu")
                url = source_url(upstream(_PYTORCH, folder), self._network.mirrors).url
                env |= {"UV_INDEX": url, "PIP_EXTRA_INDEX_URL": url}
        return env


def _differing(
    packages: Mapping[str, LockedPackage], entries: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    """Return what the entries of a pylock.toml say of packages with other hashes."""
    digests: dict[str, list[str]] = {}
    for entry in entries:
        digests[entry["name"]] = [
            f"sha256:{file['hashes']['sha256']}"
            for file in (*entry.get("wheels", []), *([entry["sdist"]] if "sdist" in entry else []))
            if _file_name(file) == packages[entry["name"]].file
        ]
    said = {name: said_of(package, digests.get(name, [])) for name, package in packages.items()}
    return {name: text for name, text in said.items() if text}


@contextmanager
def _from_source(command: Command, names: Iterable[str]) -> Iterator[Command]:
    """Yield a command of uv that takes the source of these packages, and wheels of all others."""
    if not (sources := sorted(names)):
        yield command
        return
    argv = (*command.argv, *(f"--no-binary={name}" for name in sources))
    with taken_as_they_are(replace(command, argv=argv), sources) as asked:
        yield asked


def is_source(package: LockedPackage) -> bool:
    """Whether a locked file is the source of a package, which the build of an image installs."""
    return not package.file.endswith(".whl")


def source_file(name: str, package: LockedPackage) -> RemoteFile:
    """Return the source of a package as a file of the index."""
    url = f"{PYPI}{name}@{package.version}"
    return RemoteFile(name=package.file, url=url, sha256=package.hash)


def _source_hash(entry: Mapping[str, Any]) -> str:
    return f"sha256:{entry.get('sdist', {}).get('hashes', {}).get('sha256', '')}"


def _file_name(wheel: Mapping[str, Any]) -> str:
    return wheel.get("name") or unquote(urlsplit(wheel["url"]).path.rpartition("/")[2])


def _newer_than(
    packages: Mapping[str, LockedPackage], locked: Mapping[str, LockedPackage]
) -> dict[str, LockedPackage]:
    """Return the locked packages of which `packages` has an older version."""
    return {
        name: package
        for name, package in locked.items()
        if name in packages and Version(packages[name].version) < Version(package.version)
    }


def _platform(request: PackageRequest) -> str:
    return platform_tag(request.target.platform.split("/")[1], request.base.value)


def _stated(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the hashes that requirements state, by package."""
    hashes = {}
    for text in names:
        match = re.match(r"[A-Za-z0-9._-]+", text)
        if match:
            hashes[str(canonicalize_name(match[0]))] = _HASH.findall(text)
    return hashes


def _locked(item: Mapping[str, Any], tags: list[Tag], request: PackageRequest) -> LockedPackage:
    """Return the best wheel of a package for the target, or its source if uv has no wheel."""
    if not item.get("wheels") and "sdist" in item:
        return LockedPackage(
            version=item["version"], digest=_source_hash(item), source="pip",
            file=_file_name(item["sdist"]),
        )  # fmt: skip
    order = {tag: rank for rank, tag in enumerate(tags)}
    ranked: list[tuple[int, str, str]] = []
    for wheel in item.get("wheels", []):
        name = _file_name(wheel)
        ranks = [order[tag] for tag in parse_wheel_filename(name)[3] if tag in order]
        if ranks:
            ranked.append((min(ranks), name, wheel["hashes"]["sha256"]))
    if not ranked:
        raise StepError(
            f"{item['name']} {item['version']} has no wheel for {request.target.id}",
            hint="ask for a version that has one, or for another package",
        )
    _, name, digest = min(ranked)
    source = "pip" if "+" not in item["version"] else _PYTORCH
    return LockedPackage(
        version=item["version"], digest=f"sha256:{digest}", source=source, file=name
    )


def _tags(python: str, platform: str) -> Iterator[Tag]:
    """Yield the tags of wheels that a Python on a platform accepts, the best first."""
    major, minor = _python(python)
    platforms = _platforms(platform)
    yield from cpython_tags((major, minor), platforms=platforms)
    yield from compatible_tags((major, minor), f"cp{major}{minor}", platforms)


def _platforms(platform: str) -> list[str]:
    """Return the names of a platform in wheel tags, the newest glibc first."""
    machine, _, newest = platform.partition("-manylinux_")
    major, minor = newest.split("_")
    return [
        *(f"manylinux_{major}_{number}_{machine}" for number in range(int(minor), 4, -1)),
        *(f"{name}_{machine}" for name in _LEGACY),
        f"linux_{machine}",
    ]


def _python(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
