"""Constructs the adapters: with `app`, what knows which class stands behind which port."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial

from builder.app.options import Options
from builder.build.events import Listener, Retried
from builder.build.patience import PatientStore
from builder.catalog.models import Base, Catalog
from builder.catalog.recipe import named_at
from builder.charts.helm import Helm
from builder.charts.tools import Tool, Tools
from builder.ci.systems import CISystem, running_in
from builder.common.enclosure import can_enclose, enclosed
from builder.common.errors import NoConnectionError, ToolError, TransientError
from builder.common.process import Command, Runner, which
from builder.engines.interfaces import HostEngine
from builder.engines.podman.host_probe import podman_version, probe
from builder.lock.interfaces import PackageResolver, Provider
from builder.lock.lockfile import BaseLock, Lock
from builder.network.build_env import passwords, settle
from builder.network.connections import program_environment
from builder.network.fetcher import Fetcher, Patience
from builder.plan.models import locked_reference
from builder.project import MATRIX, Project, Workspace
from builder.registry.credentials import CredentialFiles
from builder.registry.embedded import EmbeddedRegistry
from builder.registry.store import RegistryStore
from builder.resolvers.apt.preflight import PackageCheck
from builder.resolvers.apt.root import AptRoot
from builder.resolvers.apt.solver import AptSolver
from builder.resolvers.base_images.apt_roots import AptRoots, BaseArchives
from builder.resolvers.base_images.provider import Bases, kept
from builder.resolvers.ecosystems import ECOSYSTEMS, package_resolvers
from builder.resolvers.interfaces import ResolverTools
from builder.resolvers.providers import line_providers
from builder.resolvers.python.sdists import PipFiles
from builder.resolvers.reachability import Reachability
from builder.testing.charts import ChartRun
from builder.testing.pod_runner import OLDEST, KubePlayer
from builder.testing.toolroot import ToolRoot, need

_LOG = logging.getLogger("builder")


class Adapters:
    """A catalog's files, and what stands behind each port, as the options ask for it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.workspace = Workspace(options.root.resolve())
        self.stopping = threading.Event()  # set when this run is to end: nobody waits then

    @cached_property
    def project(self) -> Project:
        """The catalog, with the registries and the network that this run is to use."""
        project = self.workspace.load(self.options.platforms, ECOSYSTEMS)
        for note in project.notes:
            _LOG.warning(note)
        matrix = project.catalog.matrix
        if self.options.registries:
            matrix = matrix.with_registries(self.options.registries)
        return replace(
            project,
            catalog=replace(project.catalog, matrix=matrix),
            network=settle(project.network, os.environ, project.catalog.ecosystems),
        )

    @property
    def catalog(self) -> Catalog:
        """The catalog."""
        return self.project.catalog

    @cached_property
    def runner(self) -> Runner:
        """What runs programs, and ends them all."""
        if not (self.workspace.root / MATRIX).is_file():
            return Runner()
        network = self.project.network
        environment = program_environment(network, self.workspace.state.trusted)
        return Runner(secrets=passwords(network), environment=environment)

    @cached_property
    def skopeo(self) -> str:
        """The path of skopeo. Raises ToolError."""
        if program := which("skopeo"):
            return program
        raise ToolError("skopeo is not installed", hint="apt-get install skopeo")

    def _enclose(self, command: Command) -> Command:
        """Have skopeo keep its cache in the state folder, where this process may do that."""
        if not can_enclose():
            return command
        return enclosed(command, cache=self.workspace.state.program_caches)

    @cached_property
    def engine(self) -> HostEngine:
        """The engine that the options ask for, or that this machine has."""
        from builder.engines.table import choose

        root, state = self.workspace.root, self.workspace.state
        return choose(self.options.engine, self.runner, state, catalog=root)

    @cached_property
    def ci_system(self) -> CISystem | None:
        """The CI system in which this run is, which the options may name."""
        return running_in(os.environ, self.options.ci, catalog=self.workspace.root)

    @cached_property
    def credentials(self) -> CredentialFiles:
        """What somebody logged in to registries with."""
        return CredentialFiles(runner=self.runner)

    @cached_property
    def registries(self) -> RegistryStore:
        """The registries, each asked once."""
        return RegistryStore(
            runner=self.runner,
            skopeo=self.skopeo,
            enclose=self._enclose,
            timeout=self.options.timeout,
            network=self.project.network,
            credentials=self.credentials,
        )

    @cached_property
    def store(self) -> PatientStore:
        """The registries, for who looks: one that is busy is asked again, one that is down not."""

        def wait(attempt: int, delay: float, error: TransientError) -> bool:
            is_down = isinstance(error, NoConnectionError)
            return not is_down and self._wait(attempt, delay, error)

        return PatientStore(self.registries, wait=wait)

    @cached_property
    def store_of_run(self) -> PatientStore:
        """The registries, for what a run does before its steps: it has time."""
        return PatientStore(self.registries, wait=self._wait)

    def store_of(self, step: str, listen: Listener) -> PatientStore:
        """Return the registries for a step, which says that it waits for them."""

        def wait(attempt: int, delay: float, error: TransientError) -> bool:
            listen(Retried(step=step, attempt=attempt, delay=delay, reason=error.message))
            return not self.stopping.wait(delay)

        return PatientStore(self.registries, wait=wait)

    def _wait(self, attempt: int, delay: float, error: TransientError) -> bool:
        print(f"try {attempt} failed ({error.message}); again in {delay:.0f} s", file=sys.stderr)
        return not self.stopping.wait(delay)

    @cached_property
    def bases(self) -> Bases:
        """Where bases come from."""
        return Bases(
            runner=self.runner,
            engine=self.engine,
            network=self.project.network,
            state=self.workspace.state,
            skopeo=self.skopeo,
            enclose=self._enclose,
            roots=self._apt_roots,
            credentials=self.credentials,
        )

    @cached_property
    def _apt_roots(self) -> AptRoots:
        return AptRoots(
            runner=self.runner,
            network=self.project.network,
            folder=self.workspace.state.apt,
            keeps_indexes=self.options.only_looks,
        )

    @cached_property
    def resolvers(self) -> Mapping[str, PackageResolver]:
        """What chooses and fetches packages, by ecosystem, in the order of installation."""
        tools = replace(self._resolver_tools, providers=self.providers)
        return package_resolvers(tools, self.catalog.ecosystems, self.workspace.root)

    @cached_property
    def _resolver_tools(self) -> ResolverTools:
        """What resolvers and providers work with."""
        return ResolverTools(
            fetcher=self.files,
            runner=self.runner,
            network=self.project.network,
            state=self.workspace.state,
            apt_root=self._prepared,
            locate=partial(named_at, self.workspace.read),
            only_looks=self.options.only_looks,
        )

    def newer(self, base: Base, lock: BaseLock) -> tuple[str, ...]:
        """What the indexes have newer than a base: `name old → new`."""
        return AptSolver(self._prepared(base, lock)).newer()

    def refresh(self, base: Base, lock: BaseLock) -> None:
        """Fetch the indexes for a locked base."""
        self._prepared(base, lock)

    def has_bases(self, lock: Lock) -> bool:
        """Whether the content of every locked base is here, so that no registry is asked."""
        return all(kept(self.workspace.state, base) for base in lock.bases.values())

    def _prepared(self, base: Base, lock: BaseLock) -> AptRoot:
        """apt's private root of a locked base, with the indexes of now."""
        archives = BaseArchives(
            kept=partial(kept, self.workspace.state),
            fetch=self._fetch_base,
            store=self.store,
            place=partial(locked_reference, self.catalog),
            folder=self.workspace.state.pushed_bases,
            note=lambda text: print(text, file=sys.stderr),
        )
        return self._apt_roots.filled(base, lock, archives=archives.of)

    def _fetch_base(self, base: Base, lock: BaseLock) -> None:
        self.bases.fetch(base, lock)  # an engine is looked for, where it comes to this

    @cached_property
    def files(self) -> Fetcher:
        """Files of the network."""
        return Fetcher(folder=self.workspace.state.files, network=self.project.network)

    @cached_property
    def downloads(self) -> PipFiles:
        """Files of the network that a build needs."""
        network = self.project.network
        return PipFiles(fetcher=self.files, runner=self.runner, network=network)

    @cached_property
    def package_check(self) -> PackageCheck:
        """What knows which packages of apt are not there."""
        return PackageCheck(
            catalog=self.catalog,
            expansion=self.project.expansion,
            providers=self.providers,
            root=self._apt_roots.ready,
            read=self.workspace.read,
        )

    @cached_property
    def providers(self) -> Mapping[str, Provider]:
        """Where lines come from, by the name that the matrix uses."""
        values = (it for values in self.catalog.matrix.axes.values() for it in values)
        named = [value.provider for value in values if value.provider]
        return line_providers(self._resolver_tools, named, self.workspace.root)

    @cached_property
    def reachability(self) -> Reachability:
        """What asks whether providers can be reached, and does not wait for long."""
        network = self.project.network
        patience = Patience(connect=4, read=6, retries=0)
        fetcher = Fetcher(network=network, folder=self.workspace.state.files, patience=patience)
        return Reachability(replace(self._resolver_tools, fetcher=fetcher), self.workspace.root)

    @contextlib.contextmanager
    def registry(self) -> Iterator[None]:
        """The registry `embedded` up, where the catalog uses it."""
        matrix = self.catalog.matrix
        if "embedded" not in matrix.registries:
            yield
            return
        with EmbeddedRegistry(
            runner=self.runner, state=self.workspace.state.registry, address=matrix.embedded
        ).serve():
            yield

    @cached_property
    def tool_root(self) -> ToolRoot:
        """Newer programs than the machine's own."""
        runner, state = self.runner, self.workspace.state  # making the runner writes what it trusts
        binds = tuple(file for file in [state.trusted] if file.is_file())
        return ToolRoot(path=state.toolroot, runner=runner, binds=binds)

    @cached_property
    def needs_tool_root(self) -> str:
        """Why the machine's own podman cannot play a chart's pod, or nothing."""
        found = need(program="podman", version=podman_version(self.runner), least=OLDEST)
        return found.reason if found.needed else ""

    @cached_property
    def chart_runner(self) -> ChartRun:
        """What runs charts."""
        player = KubePlayer(
            runner=self.runner,
            state=self.workspace.state.kube,
            toolroot=self.tool_root if self.needs_tool_root else None,
            limits=probe(runner=self.runner).limits,
            credentials=self.credentials,
        )
        return ChartRun(player, self.runner)

    @cached_property
    def tools(self) -> Tools:
        """Programs that are fetched where the machine lacks them."""
        return Tools(runner=self.runner, folder=self.workspace.state.tools)

    @cached_property
    def helm(self) -> Helm:
        """Helm, and ct where there is one."""
        ct, state = self.tools.ct(), self.workspace.state.helm
        found = ct.path if isinstance(ct, Tool) else None
        return Helm(runner=self.runner, program=self.tools.helm().path, state=state, ct=found)
