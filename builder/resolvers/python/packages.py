"""The wheels that a target adds, chosen by uv and fetched by pip, by their hash."""

from __future__ import annotations

import re
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename

from builder.catalog.models import Network
from builder.catalog.packages import LockedPackage
from builder.common.errors import BuilderError, NoPackageError, StepError
from builder.common.process import Command, Runner
from builder.common.text import count
from builder.lock.interfaces import PackageRequest
from builder.network.fetcher import store_by_hash, unreachable_error
from builder.network.upstreams import source_url, upstream
from builder.resolvers.python.failures import missing_extra, reason
from builder.resolvers.python.pypi import (
    compile_command,
    default_index,
    index_env,
    is_unanswered,
    locked,
    platform_tag,
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
    """Layers of wheels, of the default index; those of PyTorch's lines of its own index too.

    `folder` is where files are kept by their sha256. `is_alone`: packages come without what they
    depend on, and may state the hashes that they must have. `only_looks`: pages of the index are
    asked for once for all layers, and those of packages that no layer has may be older.
    """

    def __init__(
        self,
        *,
        runner: Runner,
        network: Network,
        folder: Path,
        is_alone: bool = False,
        only_looks: bool = False,
    ) -> None:
        self._runner = runner
        self._network = network
        self._folder = folder
        self._is_alone = is_alone
        self._only_looks = only_looks
        self._looking = threading.Lock()
        self._fresh: set[tuple[str, str]] = set()  # packages, by what uv is told of indexes
        self._guard = threading.Lock()
        self._asking: dict[tuple[object, ...], threading.Lock] = {}
        self._known: dict[tuple[object, ...], Mapping[str, LockedPackage]] = {}

    def resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        """Return what is installed, direct and transitive. Raises StepError, UnreachableError.

        Targets that ask for the same are asked for once.
        """
        if not request.language("python"):
            recipe, target = request.target.recipe, request.target.id
            raise NoPackageError(
                f"recipe {recipe} names packages of Python, and {target} has no Python",
                package=request.names[0],
                hint=f"`needs: [python]` in images/{recipe}/recipe.yaml, on an image that has it",
            )
        key = self._key(request)
        with self._turn(key):
            if key not in self._known:
                self._known[key] = self._resolve(request)
        return self._known[key]

    def _turn(self, key: tuple[object, ...]) -> threading.Lock:
        with self._guard:
            return self._asking.setdefault(key, threading.Lock())

    def _key(self, request: PackageRequest) -> tuple[object, ...]:
        versions = [
            {name: it.version for name, it in packages.items()}
            for packages in (request.inherited, request.preferred)
        ]
        parts = [dict(sorted(part.items())) for part in (*versions, request.constraints)]
        env = sorted(self._env(request).items())
        return request.names, request.language("python"), _platform(request), str(parts), str(env)

    def _resolve(self, request: PackageRequest) -> Mapping[str, LockedPackage]:
        found = self._compile(request, request.preferred) if request.preferred else None
        found = self._compile(request, {}) if found is None else found
        assert found is not None  # without `preferred`, what does not fit is raised
        stated = _stated(request.names)
        for name, package in found.items():
            if stated.get(name) and package.digest not in stated[name]:
                raise StepError(
                    f"{package.file} has another hash than the recipe states: {package.digest}",
                    hint="it was replaced upstream, or the recipe is wrong; do not build with it",
                )
        return found

    def is_newest(self, request: PackageRequest, locked: Mapping[str, LockedPackage]) -> bool:
        """Whether no package of `locked` has a newer candidate: uv says so by solving.

        That is long for the index; where nothing is locked by it, uv solves with the pages that it
        keeps, once those of what is locked and of what is inherited were asked for again.
        """
        if not self._only_looks:
            return False
        key = self._key(request)
        with self._turn(key):
            if key not in self._known and self._refresh(request, {**request.inherited, **locked}):
                found = self._compile(request, {}, offline=True)
                if found == locked:
                    self._known[key] = found
        return self._known.get(key) == locked

    def _refresh(self, request: PackageRequest, packages: Mapping[str, LockedPackage]) -> bool:
        """Have uv ask for the pages of packages, once; whether it could."""
        command, where = self._asked(request), str(sorted(self._env(request).items()))
        with self._looking:
            names = [name for name in packages if (where, name) not in self._fresh]
            text = "".join(f"{name}=={packages[name].version}\n" for name in names)
            asked = replace(command, argv=(*command.argv, "--no-deps"), stdin=text.encode())
            if names and self._runner.run(asked, check=False).code != 0:
                return False
            self._fresh.update((where, name) for name in names)
        return True

    def fetch(
        self, request: PackageRequest, packages: Mapping[str, LockedPackage]
    ) -> Mapping[str, Path]:
        """Return the files of packages on this machine, checked. Raises as `resolve` does."""
        missing = {
            name: it for name, it in packages.items() if not (self._folder / it.hash).is_file()
        }
        if missing:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".") as folder:
                self._download(request, missing, Path(folder))
        return {name: self._folder / it.hash for name, it in packages.items()}

    # Choosing.

    def _asked(self, request: PackageRequest) -> Command:
        """Return the command of uv for a target; requirements go to its standard input."""
        command = compile_command(
            python=request.language("python"), platform=_platform(request), env=self._env(request)
        )
        # It says of a missing extra nothing but a warning.
        spoken = [word for word in command.argv if word != "--quiet"]
        argv = (*spoken, "--format", "pylock.toml", "--only-binary", ":all:")
        return replace(command, argv=argv)

    def _compile(
        self,
        request: PackageRequest,
        preferred: Mapping[str, LockedPackage],
        *,
        offline: bool = False,
    ) -> dict[str, LockedPackage] | None:
        """Return what uv chooses; None if it cannot with `preferred`, or with the pages it has."""
        fixed = {**preferred, **request.inherited}
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.writelines(f"{name}=={it.version}\n" for name, it in fixed.items())
            file.writelines(f"{name}{limit}\n" for name, limit in request.constraints.items())
            file.flush()
            command = self._asked(request)
            argv = (
                *command.argv, "--constraint", file.name,
                *(["--no-deps"] if self._is_alone else []), *(["--offline"] if offline else []),
            )  # fmt: skip
            text = "".join(f"{_HASH.sub('', name)}\n" for name in request.names)
            asked = replace(command, argv=argv, stdin=text.encode())
            output = self._runner.run(asked, check=False)
        lacking = missing_extra(output.log, request)
        if (output.code != 0 or lacking) and offline:
            return None
        if output.code != 0 and (error := unreachable(output.log, default_index(self._network))):
            raise error
        if (output.code != 0 or lacking) and preferred:
            return None
        if output.code != 0:
            raise self._none(request, _WARNING.sub("", output.log))
        if lacking:
            raise lacking
        tags = list(_tags(request.language("python"), _platform(request)))
        found = {}
        for item in tomllib.loads(output.stdout).get("packages", []):
            if item["name"] not in request.inherited:
                found[item["name"]] = _locked(item, tags, request)
        return found

    def _none(self, request: PackageRequest, log: str) -> BuilderError:
        def newest(package: str) -> str:
            env, platform = self._env(request), _platform(request)
            found, _ = locked(
                self._runner, package, python=request.language("python"), env=env,
                platform=platform, has_wheel=True,
            )  # fmt: skip
            return str(found.get("version", ""))

        return reason(log, request, newest)

    # Fetching.

    def _download(
        self, request: PackageRequest, asked: Mapping[str, LockedPackage], folder: Path
    ) -> None:
        wanted = folder / REQUIREMENTS
        wanted.write_text("".join(f"{requirement(*it)}\n" for it in sorted(asked.items())))
        platform = _platform(request)
        major, minor = _python(request.language("python"))
        argv = (
            sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-cache-dir",
            "--disable-pip-version-check", "--retries=2", "--no-deps", "--require-hashes",
            "--only-binary=:all:",
            "--implementation=cp", f"--python-version={major}.{minor}",
            *(f"--platform={name}" for name in _platforms(platform)),
            f"--requirement={wanted}", f"--dest={folder}",
        )  # fmt: skip
        command = Command(argv=argv, env=self._env(request), timeout=3600, program="pip")
        output = self._runner.run(command, check=False)
        for file in folder.glob("*.whl"):
            store_by_hash(file, self._folder)
        gone = {name: it for name, it in asked.items() if not (self._folder / it.hash).is_file()}
        if gone:
            raise self._cannot_be_had(gone, output.log)

    def _cannot_be_had(self, gone: Mapping[str, LockedPackage], log: str) -> StepError:
        """Return the error of files that the lock has, and the index does not give."""
        if is_unanswered(log):
            return unreachable_error(default_index(self._network), "no answer")
        others = f", and {count(len(gone) - 1, 'other')}" if len(gone) > 1 else ""
        if absent := _ABSENT.search(log):
            package, version = absent[1], absent[2]
            return StepError(
                f"the index has no {package} {version} any more, and its file is not kept here",
                hint="name another version or package in the recipe, then run `builder lock`",
            )
        said = "\n".join(re.findall(r"^ *(?:ERROR: |Expected|Got).*", log, re.MULTILINE))
        name, first = next(iter(gone.items()))
        return StepError(
            f"{first.file}{others}, which the lock has, cannot be had:\n{said}",
            hint=f"was it replaced upstream? where that is right, `builder lock --upgrade {name}`"
            " takes what is there now",
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


def _platform(request: PackageRequest) -> str:
    return platform_tag(request.target.platform.split("/")[1], request.base.value)


def _stated(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the hashes that requirements state, by package."""
    found = {}
    for text in names:
        match = re.match(r"[A-Za-z0-9._-]+", text)
        if match:
            found[str(canonicalize_name(match[0]))] = _HASH.findall(text)
    return found


def _locked(item: Mapping[str, Any], tags: list[Tag], request: PackageRequest) -> LockedPackage:
    """Return the wheel of a package that suits best."""
    order = {tag: rank for rank, tag in enumerate(tags)}
    ranked: list[tuple[int, str, str]] = []
    for wheel in item.get("wheels", []):
        name = wheel.get("name") or unquote(urlsplit(wheel["url"]).path.rpartition("/")[2])
        ranks = [order[tag] for tag in parse_wheel_filename(name)[3] if tag in order]
        if ranks:
            ranked.append((min(ranks), name, wheel["hashes"]["sha256"]))
    if not ranked:
        raise StepError(
            f"{item['name']} {item['version']} has no wheel for {request.target.id}",
            hint="ask for another version, or for a package that has one",
        )
    _, name, digest = min(ranked)
    source = "pip" if "+" not in item["version"] else _PYTORCH
    return LockedPackage(
        version=item["version"], digest=f"sha256:{digest}", source=source, file=name
    )


def _tags(python: str, platform: str) -> Iterator[Tag]:
    """Return the tags that a Python on a platform takes, the best first."""
    major, minor = _python(python)
    platforms = _platforms(platform)
    yield from cpython_tags((major, minor), platforms=platforms)
    yield from compatible_tags((major, minor), f"cp{major}{minor}", platforms)


def _platforms(platform: str) -> list[str]:
    """Return what wheels call a platform, the newest glibc first."""
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
