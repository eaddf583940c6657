"""Reaches a Kubernetes cluster, by kubectl and helm."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from builder.common.errors import StepError, ToolError
from builder.common.process import Command, Output, Runner, last_lines

OURS = "catalog-builder.chart"
"""The label of a namespace in which a chart is tried; its value is the name of the chart."""
LEVEL = "pod-security.kubernetes.io/enforce"
_GONE = 180.0
"""The seconds that a namespace may take to be removed."""

# What every namespace has by itself. Events are not listed either.
_OF_EVERY_NAMESPACE = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}

Object = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The programs by which a cluster is reached, the file that names it, and helm's own folder.

    Without a file, it is the cluster of KUBECONFIG, or else of the home directory.
    """

    kubectl: Path
    helm: Path
    kubeconfig: Path | None
    state: Path

    @property
    def env(self) -> dict[str, str]:
        """The variables of both."""
        names = ("cache", "config", "data")
        homes = {f"HELM_{name.upper()}_HOME": str(self.state / name) for name in names}
        named = {"KUBECONFIG": str(self.kubeconfig.absolute())} if self.kubeconfig else {}
        return homes | named | {"HELM_PLUGINS": str(self.state / "plugins")}


class Cluster:
    """A cluster, and what a chart needs of it. What is printed goes to `log` without `secrets`."""

    def __init__(
        self,
        *,
        runner: Runner,
        programs: Programs,
        log: Path | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._runner = runner
        self._log = log
        self._secrets = secrets
        self.programs = programs

    def logging(self, log: Path, *, secrets: tuple[str, ...] = ()) -> Cluster:
        """Return the same cluster, whose commands are written to a log."""
        return Cluster(runner=self._runner, programs=self.programs, log=log, secrets=secrets)

    def command(self, *words: str, timeout: float = 60.0) -> Command:
        """Return a command of kubectl."""
        argv = (str(self.programs.kubectl), *words)
        return Command(argv=argv, env=self.programs.env, timeout=timeout, secrets=self._secrets)

    def kubectl(self, *words: str, stdin: str = "", timeout: float = 60.0) -> str:
        """Run kubectl, and return what it prints. Raises StepError."""
        command = replace(self.command(*words, timeout=timeout), stdin=stdin.encode() or None)
        return self._runner.run(command, log=self._log).stdout

    def asked(self, *words: str) -> Output:
        """Run kubectl, and return how it ended."""
        return self._runner.run(self.command(*words), check=False)

    def get(self, *words: str) -> list[Object]:
        """Return the objects that `kubectl get` finds; none where it fails."""
        output = self.asked("get", *words, "--output", "json", "--ignore-not-found")
        if output.code != 0 or not output.stdout.strip():
            return []
        found = json.loads(output.stdout)
        return list(found["items"]) if "items" in found else [found]

    def helm(
        self,
        *words: str,
        values: Object | None = None,
        timeout: float,
        hopeless: Callable[[], str] | None = None,
    ) -> str:
        """Run helm, which may wait as long as `timeout`, or until it is `hopeless`.

        Raises StepError.
        """
        given = ("--values=-",) if values is not None else ()
        program = str(self.programs.helm)
        command = Command(
            argv=(program, *words[:1], *given, *words[1:]),
            env=self.programs.env,
            timeout=timeout + 30,
            stdin=json.dumps(values).encode() if values is not None else None,
            secrets=self._secrets,
            program=f"helm {words[0]}",
        )
        return self._runner.run(command, log=self._log, hopeless=hopeless).stdout

    def minor(self) -> str:
        """Return the minor of Kubernetes, as 1.34. Raises ToolError where it is out of reach."""
        output = self.asked("version", "--output", "json", "--request-timeout=20s")
        version = json.loads(output.stdout or "{}").get("serverVersion")
        if output.code != 0 or not version:
            file = self.programs.kubeconfig
            given = f" --kubeconfig {file}" if file else ""
            raise ToolError(
                f"the cluster for charts cannot be reached\n{last_lines(output.log)}",
                hint=f"kubectl{given} version",
            )
        return f"{version['major']}.{str(version['minor']).rstrip('+')}"

    @contextlib.contextmanager
    def namespace(self, name: str, *, chart: str, level: str) -> Iterator[None]:
        """Make a namespace that enforces a level of Pod Security, and remove it with all it has.

        Raises StepError where there is one of this name, which is left as it is.
        """
        labels = {OURS: chart, LEVEL: level, f"{LEVEL}-version": "latest"}
        wanted = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": labels},
        }
        try:
            self.kubectl("create", "--filename", "-", stdin=json.dumps(wanted))
        except StepError as error:
            hint = f"kubectl describe namespace {name}"
            if "AlreadyExists" in error.message:
                hint += f"; if no other run uses it: kubectl delete namespace {name}"
            raise StepError(
                f"the namespace {name} could not be made\n{error.message}", hint=hint
            ) from error
        try:
            yield
        finally:
            self._remove(name)

    def _remove(self, name: str) -> None:
        """Remove a namespace. Raises StepError where something in it does not end."""
        words = ("delete", "namespace", name, "--ignore-not-found", f"--timeout={_GONE:.0f}s")
        try:
            self.kubectl(*words, timeout=_GONE + 30)
        except StepError as error:
            raise StepError(
                f"the namespace {name} could not be removed\n{error.message}",
                hint=f"kubectl get namespace {name} --output yaml, for what it waits",
            ) from error

    def objects(self, namespace: str) -> list[Object]:
        """Return all objects of a namespace but those that every one has."""
        words = ("api-resources", "--namespaced", "--verbs=list,delete", "--output=name")
        kinds = sorted(
            kind for kind in self.kubectl(*words).split() if not kind.startswith("events")
        )
        found = self.get(",".join(kinds), "--namespace", namespace)
        return [item for item in found if key(item) not in _OF_EVERY_NAMESPACE]


def key(item: Object) -> tuple[str, str]:
    """Return the kind and the name of an object."""
    return str(item["kind"]), str(item["metadata"]["name"])


def wait_until(
    condition: Callable[[], bool], *, timeout: float, late: Callable[[], StepError]
) -> None:
    """Wait until a condition holds. Raises what `late` returns after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise late()
        time.sleep(0.5)


def claims_of(pod: Object) -> tuple[str, ...]:
    """Return the names of the volumes of a pod that are claims."""
    volumes: Sequence[Object] = pod["spec"].get("volumes", ())
    return tuple(item["name"] for item in volumes if "persistentVolumeClaim" in item)
