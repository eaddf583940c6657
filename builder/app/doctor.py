"""What this machine has, what follows from it, and how to get what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from builder.app.host_tools import HostTools
from builder.catalog.models import Catalog
from builder.charts.tools import Tool, Tools
from builder.ci.systems import CI_SYSTEMS
from builder.common.errors import BuilderError, ToolError
from builder.common.process import Command, Runner, which
from builder.common.text import count
from builder.engines.interfaces import Finding
from builder.engines.table import ENGINES, factories
from builder.lock.lockfile import FILE, Lock
from builder.lock.requests import never_locked
from builder.resolvers.ecosystems import ECOSYSTEMS
from builder.resolvers.providers import PROVIDERS
from builder.resolvers.reachability import Reachability
from builder.testing.browser import chromium
from builder.testing.runners import CHART_RUNNERS

# Programs that are run whichever the engine, and the Debian packages that hold them.
PROGRAMS = {
    "skopeo": ("skopeo",),
    "docker-registry": ("docker-registry",),
    "mmdebstrap": ("mmdebstrap",),
    "unshare": ("util-linux",),
    "git": ("git",),
    "gpg": ("gnupg",),
}


def programs(engine: str, catalog: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Return the programs that are needed, with their packages: those of the engines come first."""
    needed: dict[str, tuple[str, ...]] = {}
    for _, factory in factories(engine, catalog=catalog):
        needed |= factory.packages
    return needed | PROGRAMS


def examine(host: HostTools, engine: str, root: Path) -> Iterator[Finding]:
    """Look at all that the weekly job needs, with the built-in engines and the one called so.

    `root` is the folder of the catalog.
    """
    for program, packages in programs(engine, root).items():
        path = which(program)
        if path is None:
            hint = f"apt-get install {packages[0]}, or builder doctor --install"
            yield Finding(subject=program, found="missing", ok=False, hint=hint)
        else:
            yield Finding(subject=program, found=path)
    for _, factory in factories(engine, catalog=root):
        yield from factory.findings(host.runner)
    yield from _plugins(root)
    yield Finding(subject="browser", found=_browser())
    yield from _helm(host.tools)
    yield kube_play(host.needs_tool_root, is_ready=host.tool_root.ready)


def _plugins(root: Path) -> Iterator[Finding]:
    """Say what installed packages add to the tables; none of it is loaded."""
    for table in (ENGINES, ECOSYSTEMS, PROVIDERS, CI_SYSTEMS, CHART_RUNNERS):
        for name in table.names(root):
            if name not in table.built_in:
                yield Finding(subject=f"{table.noun} {name}", found="from an installed package")
        for note in table.ignored(root):
            yield Finding(subject=table.group, found=note)


def kube_play(modern: str, *, is_ready: bool) -> Finding:
    """Return what runs charts. `modern` says why the tool root is needed, which may be ready."""
    subject = "podman kube play"
    if not modern:
        return Finding(subject=subject, found="this machine's own podman")
    if is_ready:
        return Finding(subject=subject, found=f"{modern}; that of a tool root is used")
    result = (
        f"{modern}; a tool root with a newer one is downloaded when a chart first runs, in a"
        " minute or two; `builder doctor --install` downloads it now"
    )
    return Finding(subject=subject, found=result, waits=True)


def _helm(tools: Tools) -> Iterator[Finding]:
    try:
        helm = tools.helm()
        yield Finding(subject="helm", found=f"{helm.version} from {helm.origin}")
    except ToolError as error:
        yield Finding(
            subject="helm", found=error.message.splitlines()[0], ok=False, hint=error.hint
        )
    ct = tools.ct()
    result = f"{ct.version} from {ct.origin}" if isinstance(ct, Tool) else f"absent: {ct.reason}"
    yield Finding(subject="ct", found=result)


def _browser() -> str:
    path = chromium()
    return path or "absent: smoke tests skip web pages; `builder doctor --browser` installs one"


def install_browser(runner: Runner) -> None:
    """Get the browser of smoke tests, if there is none. Needs root; raises ToolError."""
    if chromium() is None:
        _apt_install(runner, ("chromium",))


def examine_providers(catalog: Catalog, reachability: Reachability) -> Iterator[Finding]:
    """Yield a finding for each provider: whether it can be reached."""
    for item, reason in reachability.of(catalog):
        subject = f"provider {item.name}"
        if not reason:
            yield Finding(subject=subject, found=f"reachable, for {count(len(item.lines), 'line')}")
        else:
            blocked = f"blocks {count(len(item.lines), 'line')}: {', '.join(item.lines)}"
            result = f"cannot be reached: {reason}; {blocked}"
            yield Finding(subject=subject, found=result, waits=True)


def examine_lock(catalog: Catalog, lock: Lock | None) -> Iterator[Finding]:
    """Say which release lines nobody has built anything with, so that none counts as tested."""
    lines = never_locked(catalog.matrix, lock or Lock())
    if lines:
        found = f"never built or tested by anybody, as never locked: {', '.join(lines)}"
        yield Finding(subject=FILE, found=found, waits=True)


def install(host: HostTools, engine: str, root: Path) -> None:
    """Get what is missing. Needs root for packages; raises ToolError where there is no apt."""
    needed = programs(engine, root)
    packages = [package for name in needed if which(name) is None for package in needed[name]]
    if packages:
        _apt_install(host.runner, packages)
    host.tools.install_ct()
    if host.needs_tool_root:
        host.tool_root.ensure()


def _apt_install(runner: Runner, packages: Sequence[str]) -> None:
    names = " ".join(packages)
    if which("apt-get") is None:
        raise ToolError("this machine has no apt-get", hint=f"install {names} by its own means")
    # A registry that Debian starts by itself would take a port that nobody asked for.
    environment = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    try:
        for argv in (
            ("apt-get", "update", "--quiet"),
            ("apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages),
        ):
            runner.run(Command(argv=argv, env=environment, timeout=1200))
    except BuilderError as error:
        raise ToolError(
            f"could not install {names}\n{error.message}", hint="run it as root"
        ) from error
