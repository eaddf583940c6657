"""Constructs the adapters: the one place that knows which class stands behind which port."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypedDict, Unpack

from builder.app.host_tools import HostTools
from builder.app.options import Options
from builder.app.ports import BaseSource, PackageChecker, Served
from builder.app.trusted import trust_of
from builder.app.upstreams import Upstreams
from builder.build.chart_steps import ChartActions
from builder.build.disk import Disk, Measure
from builder.build.events import Listener, Retried
from builder.build.executor import Policy
from builder.build.handed_over import (
    Handed,
    HandedActions,
    HandedImages,
    HandedStore,
    HandedTests,
)
from builder.build.handover import HandoverStore
from builder.build.image_steps import BuildActions
from builder.build.patience import PatientStore
from builder.build.requests import Requests
from builder.build.run_context import RunContext, Toolbox
from builder.catalog.models import Base, Catalog, Network
from builder.catalog.recipe import named_at
from builder.charts.helm import Helm
from builder.common.enclosure import can_enclose, enclosed
from builder.common.errors import NoConnectionError, ToolError, TransientError
from builder.common.process import Command, Runner, which
from builder.common.state_dir import StateDir
from builder.diff.history import History
from builder.engines.interfaces import HostEngine, ImageBuilder
from builder.lock.interfaces import BaseProvider, PackageResolver, Provider, RemoteFiles
from builder.lock.lockfile import BaseLock
from builder.network.build_env import passwords
from builder.network.connections import program_environment
from builder.network.fetcher import Fetcher
from builder.plan.models import Step, locked_reference
from builder.project import Project
from builder.registry.credentials import CredentialFiles
from builder.registry.embedded import EmbeddedRegistry
from builder.registry.interfaces import Registry
from builder.registry.store import RegistryStore
from builder.release.commit import Records
from builder.resolvers.apt.preflight import PackageCheck
from builder.resolvers.apt.root import AptRoot
from builder.resolvers.base_images.apt_roots import AptRoots, BaseArchives
from builder.resolvers.base_images.indexes import AptIndexes, BaseIndexes
from builder.resolvers.base_images.provider import Bases, cached_archives
from builder.resolvers.ecosystems import package_resolvers
from builder.resolvers.interfaces import ResolverTools
from builder.resolvers.observers import Observers
from builder.resolvers.providers import line_providers
from builder.resolvers.python.sdists import PipFiles
from builder.resolvers.reachability import Reachability
from builder.testing.images import Smoke
from builder.testing.interfaces import ChartRunner, SmokeTester
from builder.testing.runners import CHART_RUNNERS, chosen_name

Notify = Callable[[str], None]
"""Takes one line for whoever started a command, e.g. `matrix.lock written`."""


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What the adapters of an app are made from.

    `state` is the folder for what is derived. `stopping` is set when the app is to end: nobody
    waits then. `runner` is that of another app, whose programs end with those of this one.
    """

    project: Project
    options: Options
    state: StateDir
    notify: Notify
    stopping: threading.Event
    runner: Runner | None = None


class Replaced(TypedDict, total=False):
    """What may take the place of an adapter: the engine of a test, or of a library user."""

    runner: Runner
    engine: HostEngine
    registries: Registry
    embedded: Served
    bases: BaseSource
    indexes: BaseIndexes
    files: Fetcher
    downloads: RemoteFiles
    reachability: Reachability
    observers: Observers
    smoke: SmokeTester
    resolvers: Mapping[str, PackageResolver]
    providers: Mapping[str, Provider]
    package_check: PackageChecker
    disk_of: Callable[[Path], Measure]
    host: HostTools
    helm: Helm
    chart_runner: ChartRunner


class Adapters:
    """The adapters of an app: each is made when it is first used, or is the one in `replaced`."""

    def __init__(self, setup: Setup, **replaced: Unpack[Replaced]) -> None:
        self.setup = setup
        vars(self).update(replaced)  # where a cached property keeps its value

    @property
    def _state(self) -> StateDir:
        return self.setup.state

    @property
    def _root(self) -> Path:
        return self.setup.project.root

    @property
    def _network(self) -> Network:
        return self.setup.project.network

    @property
    def catalog(self) -> Catalog:
        """Return the catalog."""
        return self.setup.project.catalog

    # Programs.

    @cached_property
    def runner(self) -> Runner:
        """Return what runs programs, and ends them all."""
        if self.setup.runner is not None:
            return self.setup.runner
        environment = program_environment(self._network, self._state.trusted)
        return Runner(secrets=passwords(self._network), environment=environment)

    @cached_property
    def skopeo(self) -> str:
        """Return the path of skopeo. Raises ToolError."""
        if program := which("skopeo"):
            return program
        raise ToolError("skopeo is not installed", hint="apt-get install skopeo")

    def _enclose(self, command: Command) -> Command:
        """Have skopeo keep its cache in the state folder, where this process may do that."""
        if not can_enclose():
            return command
        return enclosed(command, cache=self._state.program_caches)

    @cached_property
    def engine(self) -> HostEngine:
        """Return the engine that the options ask for, or that this machine has."""
        from builder.engines.table import choose

        name = self.setup.options.engine
        return choose(name, self.runner, self._state, catalog=self._root)

    @cached_property
    def smoke(self) -> SmokeTester:
        """Return what runs the smoke tests of images."""
        return Smoke(self.engine, self.runner, self.catalog.ecosystems)

    @property
    def disk(self) -> Measure:
        """Return what measures the disk that the state is on, from now on."""
        return self.disk_of(self._state.root)

    @cached_property
    def disk_of(self) -> Callable[[Path], Measure]:
        """Return what measures the disk below the state folder, or a folder in it."""
        return self._disk

    def _disk(self, folder: Path) -> Disk:
        folder.mkdir(parents=True, exist_ok=True)
        is_elsewhere = self._keeps_elsewhere() and folder == self._state.root
        free = shutil.disk_usage(folder).free
        return Disk(folder=folder, runner=self.runner, elsewhere=is_elsewhere, began=free)

    def _keeps_elsewhere(self) -> bool:
        with contextlib.suppress(ToolError):  # what needs an engine says so
            return self.setup.options.handed_over_in is None and bool(self.engine.keeps_elsewhere)
        return False

    # Registries.
    trust = cached_property(trust_of)

    @cached_property
    def credentials(self) -> CredentialFiles:
        """Return what somebody logged in to registries with."""
        return CredentialFiles(runner=self.runner, write_access=self.embedded.write_access)

    @cached_property
    def _registry_store(self) -> RegistryStore:
        return RegistryStore(
            runner=self.runner,
            skopeo=self.skopeo,
            enclose=self._enclose,
            timeout=self.setup.options.timeout,
            network=self._network,
            credentials=self.credentials,
        )

    @cached_property
    def registries(self) -> Registry:
        """Return the registries, each asked once."""
        return self._registry_store

    @cached_property
    def store(self) -> PatientStore:
        """Return the registries, for who looks: a busy one is asked again, one that is down not."""

        def wait(attempt: int, delay: float, error: TransientError) -> bool:
            is_down = isinstance(error, NoConnectionError)
            return not is_down and self._wait(attempt, delay, error)

        return self._patient(wait)

    @cached_property
    def store_of_run(self) -> PatientStore:
        """Return the registries, for what a run does before its steps: it has time."""
        return self._patient(self._wait)

    def store_of(
        self,
        step: str,
        listen: Listener,
        *,
        handed: Handed | None = None,
        folder: Path | None = None,
    ) -> PatientStore:
        """Return the registries for a step, which says that it waits for them.

        They get what was `handed` over for it, or hand over to `folder` what they would get.
        """

        def wait(attempt: int, delay: float, error: TransientError) -> bool:
            listen(Retried(step=step, attempt=attempt, delay=delay, reason=error.message))
            return not self.setup.stopping.wait(delay)

        if handed is not None:
            return HandedStore(self.registries, handed, wait=wait, policy=self._policy)
        if folder is not None:
            return HandoverStore(self.registries, folder, wait=wait, policy=self._policy)
        return self._patient(wait)

    def _patient(self, wait: Callable[[int, float, TransientError], bool]) -> PatientStore:
        return PatientStore(self.registries, wait=wait, policy=self._policy)

    @property
    def _policy(self) -> Policy:
        return Policy(delay=self.setup.options.retry_delay)

    def _wait(self, attempt: int, delay: float, error: TransientError) -> bool:
        self.setup.notify(f"try {attempt} failed ({error.message}); again in {delay:.0f} s")
        return not self.setup.stopping.wait(delay)

    @cached_property
    def embedded(self) -> Served:
        """Return the registry `embedded`."""
        return EmbeddedRegistry(
            runner=self.runner,
            state=self._state.registry,
            address=self.catalog.matrix.embedded,
        )

    @contextlib.contextmanager
    def registry(self, *, deletes: bool = False) -> Iterator[None]:
        """Serve the registry `embedded`, where the catalog uses it."""
        with contextlib.ExitStack() as stack:
            if "embedded" in self.catalog.matrix.registries:
                stack.enter_context(self.embedded.serve(deletes=deletes))
            yield

    @property
    def records(self) -> Records:
        """Return the records of releases."""
        return Records(catalog=self.catalog, store=self.store, trust=self.trust)

    @property
    def history(self) -> History:
        """Return the releases, for comparing them."""
        return History(catalog=self.catalog, store=self.store)

    # Base images and packages.

    @cached_property
    def _base_images(self) -> Bases:
        return Bases(
            runner=self.runner,
            engine=self.engine,
            network=self._network,
            state=self._state,
            skopeo=self.skopeo,
            enclose=self._enclose,
            roots=self._apt_roots,
            credentials=self.credentials,
            upstream=self.upstreams.images,
        )

    @cached_property
    def upstreams(self) -> Upstreams:
        """Return what knows the images and charts of others."""
        return Upstreams(
            catalog=self.catalog,
            network=self._network,
            store=self.store_of_run,
            files=self.files,
        )

    @cached_property
    def bases(self) -> BaseSource:
        """Return where base images come from."""
        return self._base_images

    @cached_property
    def _apt_roots(self) -> AptRoots:
        return AptRoots(
            runner=self.runner,
            network=self._network,
            folder=self._state.apt,
            keeps_indexes=self.setup.options.only_looks,
        )

    @cached_property
    def resolvers(self) -> Mapping[str, PackageResolver]:
        """Return what chooses and fetches packages, by ecosystem, in the order of installation."""
        tools = replace(self._resolver_tools, providers=self.providers)
        return package_resolvers(tools, self.catalog.ecosystems, self._root)

    @cached_property
    def _resolver_tools(self) -> ResolverTools:
        """Return what resolvers and providers work with."""
        return ResolverTools(
            fetcher=self.files,
            runner=self.runner,
            network=self._network,
            state=self._state,
            apt_root=self._prepared,
            locate=partial(named_at, self._read),
            only_looks=self.setup.options.only_looks,
            note=lambda text: self.setup.notify(f"lock: {text}"),
            download=self.downloads.file,
        )

    @cached_property
    def indexes(self) -> BaseIndexes:
        """Return the package indexes of base images."""
        return AptIndexes(prepare=self._prepared, state=self._state, upstream=self.upstreams.images)

    def _read(self, path: str) -> str:
        return self.setup.project.workspace().read(path)

    def _prepared(self, base: Base, lock: BaseLock) -> AptRoot:
        """Return apt's private root of a locked base, with the indexes of now."""
        archives = BaseArchives(
            cached=partial(cached_archives, self._state),
            fetch=self._fetch_base,
            store=self.store,
            reference=partial(locked_reference, self.catalog),
            folder=self._state.pushed_bases,
            note=self.setup.notify,
        )
        return self._apt_roots.filled(base, lock, archives=archives.of)

    def _fetch_base(self, base: Base, lock: BaseLock) -> None:
        self._base_images.fetch(base, lock)  # an engine is looked for, where it comes to this

    @cached_property
    def files(self) -> Fetcher:
        """Return files of the network."""
        return Fetcher(folder=self._state.files, network=self._network)

    @cached_property
    def downloads(self) -> RemoteFiles:
        """Return files of the network that a build needs."""
        return PipFiles(fetcher=self.files, runner=self.runner, network=self._network)

    @cached_property
    def package_check(self) -> PackageChecker:
        """Return what knows which packages of apt are not there."""
        return PackageCheck(
            catalog=self.catalog,
            expansion=self.setup.project.expansion,
            providers=self.providers,
            root=self._apt_roots.ready,
            read=self._read,
        )

    @cached_property
    def providers(self) -> Mapping[str, Provider]:
        """Return where release lines come from, by the name that the matrix uses."""
        return line_providers(self._resolver_tools, self.catalog.matrix.provider_names, self._root)

    @cached_property
    def reachability(self) -> Reachability:
        """Return what asks whether providers can be reached, and does not wait for long."""
        return Reachability(self._resolver_tools.waiting(connect=4, read=6), self._root)

    @cached_property
    def observers(self) -> Observers:
        """Return what asks which release lines there are, and when they end."""
        return Observers(self._resolver_tools.waiting(connect=6, read=15), self._root)

    # Charts.

    @cached_property
    def host(self) -> HostTools:
        """Return the programs of this machine that charts need."""
        return HostTools(runner=self.runner, state=self._state)

    @cached_property
    def helm(self) -> Helm:
        """Return helm. Raises ToolError."""
        return self.host.helm

    @cached_property
    def chart_runner(self) -> ChartRunner:
        """Return what runs charts. Raises ConfigError, ToolError."""
        options = self.setup.options
        name = chosen_name(
            kubeconfig=options.kubeconfig,
            asked=options.chart_tests,
            of_catalog=self.catalog.matrix.catalog.chart_tests,
        )
        factory = CHART_RUNNERS.get(name, catalog=self._root)
        return factory.make(self.host.chart_tools(self.credentials, options.kubeconfig))

    # Steps.

    def build_actions(
        self,
        context: RunContext,
        store: Registry | None = None,
        handed: Handed | None = None,
    ) -> BuildActions:
        """Return what builds, with the registries of a step where they are given.

        It builds and tests nothing where the results of a step were `handed` over.
        """
        if handed is not None:
            images = HandedImages(handed, context.state)
            engine: ImageBuilder = images
            bases: BaseProvider = images
            smoke: SmokeTester = HandedTests(handed)
        else:
            engine, bases, smoke = self.engine, self.bases, self.smoke
        toolbox = Toolbox(
            engine=engine,
            store=store or self.store,
            bases=bases,
            files=self.downloads,
            smoke=smoke,
            packages={} if handed else self.resolvers,
        )
        actions = HandedActions if handed else BuildActions
        return actions(context=context, toolbox=toolbox)

    def chart_actions(
        self, context: RunContext, store: Registry, handed: Handed | None = None
    ) -> ChartActions:
        """Return what makes charts, with the registries of a step; `handed` runs no chart."""
        runner = HandedTests(handed) if handed else self.chart_runner
        return ChartActions(
            context=context,
            store=store,
            helm=self.helm,
            runner=runner,
            # What was handed over is not compared with copies of digests.
            upstream=self.upstreams.copies(
                self.store if handed else store, hands_over=isinstance(store, HandoverStore)
            ),
        )

    def commands(self, context: RunContext, steps: Mapping[str, Step]) -> Iterator[str]:
        """Return the commands that steps would run, as lines of a shell script."""
        from builder.export.script import Commands

        return Commands(
            context=context,
            engine=self.engine,
            store=self._registry_store,
            bases=self._base_images,
            requests=Requests(context),
            helm=self.helm,
        ).lines(steps)


AdapterFactory = Callable[[Setup], Adapters]
"""Makes the adapters of an app: `Adapters`, or `partial(Adapters, engine=…)`."""
