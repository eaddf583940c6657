"""Tests an image: starts a container of it, and runs the tests of its lineage against that."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from builder.catalog.ecosystem import Ecosystems
from builder.catalog.packages import PackageList
from builder.common.errors import BuilderError, SmokeError
from builder.common.files import write
from builder.common.process import Runner, redact
from builder.engines.interfaces import Container, Engine, StartRequest
from builder.testing.interfaces import SmokeRequest, TestCounts
from builder.testing.package_list import dump, take
from builder.testing.pytest_runner import Suite, run_suite

IDLE = ("sleep", "infinity")
"""The command of a container whose image has no service of its own."""


class Smoke:
    """Tests images with the suites of their lineage. Implements `interfaces.SmokeTester`."""

    def __init__(self, engine: Engine, runner: Runner, ecosystems: Ecosystems) -> None:
        self._engine = engine
        self._runner = runner
        self._ecosystems = ecosystems

    def test(self, request: SmokeRequest) -> TestCounts:
        """Run all tests. Raises SmokeError where one fails, or where there is none."""
        password = secrets.token_urlsafe(18)
        container = self._start(request, password)
        try:
            with self._explained(request, container, password):
                if request.packages is not None:
                    installed = take(self._runner, container, self._ecosystems)
                    write(request.packages, dump(installed))
                return run_suite(self._runner, suite_of(request, container, password))
        finally:
            self._engine.remove(container)

    def packages(self, request: SmokeRequest) -> PackageList:
        """Return the installed packages of the image, without testing it."""
        container = self._start(request, secrets.token_urlsafe(18))
        try:
            with self._explained(request, container, ""):
                return take(self._runner, container, self._ecosystems)
        finally:
            self._engine.remove(container)

    @contextlib.contextmanager
    def _explained(
        self, request: SmokeRequest, container: Container, password: str
    ) -> Iterator[None]:
        """Add to a failure that the container has ended, and the last lines that it printed."""
        try:
            yield
        except BuilderError as error:
            end = redact(self._engine.ended(container), (password,))
            if not end:
                raise
            if isinstance(error, SmokeError):
                raise SmokeError(
                    f"{error.message}\nits container {end}", hint=error.hint
                ) from error
            hint = f"all that it printed: {_container_log(request)}"
            raise SmokeError(f"{request.target}: its container {end}", hint=hint) from error

    def _start(self, request: SmokeRequest, password: str) -> Container:
        return self._engine.start(
            StartRequest(
                image=request.image,
                command=() if request.command else IDLE,
                env={"PASSWORD": password},
                ports=request.ports,
                is_restricted=request.is_restricted,
                log=_container_log(request),
            )
        )


def _container_log(request: SmokeRequest) -> Path:
    return request.log.with_suffix(".container.log")


def suite_of(request: SmokeRequest, container: Container, password: str) -> Suite:
    """Return the tests of a request, with the facts of its running container."""
    ports = {str(inside): outside for inside, outside in container.ports.items()}
    return Suite(
        subject=request.target,
        folders=request.suites,
        facts={**request.facts, "ports": ports, "command": list(request.command)},
        env={**container.env, "BUILDER_HOST": container.testinfra},
        password=password,
        junit=request.junit,
        log=request.log,
        timeout=request.timeout,
    )
