"""A cluster in memory, as kubectl and helm show it: enough for the life of one chart."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from builder.common.errors import StepError
from builder.common.process import Command, Output, Runner, last_lines

JUNIT = '<testsuites><testsuite tests="1"><testcase name="test_it"/></testsuite></testsuites>'
RELEASE = {"app.kubernetes.io/instance": "app-0"}


class Forward:
    """A process that forwards a port, until it is ended."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_server(("127.0.0.1", port))

    def poll(self) -> None:
        """It runs."""

    def end(self) -> None:
        """Forward no more."""
        self._socket.close()


class FakeKubernetes:
    """Runs kubectl, helm and pytest. `fails` maps the beginning of a command to what it prints.

    `pods` are there while the release is not suspended. `keeps` says what a volume holds.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.inputs: list[bytes] = []
        self.fails: dict[str, str] = {}
        self.namespaces: dict[str, dict[str, str]] = {}
        self.pods: list[dict[str, Any]] = [pod()]
        self.events: list[dict[str, Any]] = []
        self.left: list[dict[str, Any]] = []
        self.secrets: list[dict[str, Any]] = []
        self.log = ""
        self.forgets: str = ""
        self._is_installed = self._is_suspended = False
        self._volume = ""

    def as_runner(self) -> Runner:
        """Return it as what it stands for."""
        return cast("Runner", self)

    def run(
        self,
        command: Command,
        *,
        log: Path | None = None,
        check: bool = True,
        hopeless: Callable[[], str] | None = None,
    ) -> Output:
        """Answer a command as its program does."""
        words = list(command.argv)
        name = Path(words[0]).name
        if "pytest" in words:
            junit = next(word for word in words if word.startswith("--junit-xml="))
            Path(junit.partition("=")[2]).write_text(JUNIT)
            return Output(code=0, stdout="", log="")
        line = " ".join([name, *words[1:]])
        self.calls.append(line)
        self.inputs.append(command.stdin or b"")
        for start, text in self.fails.items():
            if line.startswith(start):
                return self._fail(command, text, check=check, hopeless=hopeless)
        answer = self._helm(words[1:]) if name == "helm" else self._kubectl(words[1:], command)
        return Output(code=0, stdout=answer, log=answer)

    def spawn(self, command: Command, *, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Forward a port."""
        self.calls.append(" ".join(command.argv))
        port = int(command.argv[-1].partition(":")[0])
        return cast("subprocess.Popen[bytes]", Forward(port))

    def end(self, process: Any) -> None:
        """End what was spawned."""
        process.end()

    def _fail(
        self, command: Command, text: str, *, check: bool, hopeless: Callable[[], str] | None
    ) -> Output:
        if reason := hopeless() if hopeless else "":
            raise StepError(f"{command.name} was ended: {reason}")
        if check:
            raise StepError(f"{command.name} failed with exit code 1\n{last_lines(text)}")
        return Output(code=1, stdout="", log=text)

    def _helm(self, words: list[str]) -> str:
        if words[0] in {"install", "uninstall"}:
            self._is_installed = words[0] == "install"
        self._is_suspended = "global.suspend=true" in words
        if words[0] == self.forgets:
            self._volume = ""
        return ""

    def _kubectl(self, words: list[str], command: Command) -> str:
        match words:
            case ["create", *_]:
                made = json.loads(command.stdin or b"{}")["metadata"]
                self.namespaces[made["name"]] = made["labels"]
            case ["delete", "namespace", name, *_]:
                self.namespaces.pop(name, None)
            case ["exec", *_] if words[-1].startswith("echo"):
                self._volume = words[-1].split()[1]
        return self._answer(words)

    def _answer(self, words: list[str]) -> str:
        if words[0] == "get":
            return json.dumps({"items": self._found(words[1])})
        return {
            "version": json.dumps({"serverVersion": {"major": "1", "minor": "34"}}),
            "exec": f"{self._volume}\n",
            "api-resources": "configmaps\nevents\nsecrets\npersistentvolumeclaims\n",
            "logs": self.log,
        }.get(words[0], "")

    def _found(self, kinds: str) -> list[dict[str, Any]]:
        if kinds == "pods":
            return self.pods if self._is_installed and not self._is_suspended else []
        if kinds == "services":
            return [service()]
        if kinds == "secrets":
            return self.secrets
        return self.events if kinds == "events" else self.left


def pod(**status: Any) -> dict[str, Any]:
    """The pod of a chart, which answers on 8080 and has a volume."""
    container = {
        "name": "app",
        "ports": [{"name": "http", "containerPort": 8080}],
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-app-0"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return {
        "kind": "Pod",
        "metadata": {"name": "app-0", "labels": RELEASE},
        "spec": {"containers": [container], "volumes": volumes},
        "status": status,
    }


def service() -> dict[str, Any]:
    """The Service that leads to the pod."""
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {
        "kind": "Service",
        "metadata": {"name": "app-0"},
        "spec": {"selector": RELEASE, "ports": ports},
    }
