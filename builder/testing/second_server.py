"""A second server of an image, in the container of the first."""

from __future__ import annotations

import os
import shlex
import uuid
from collections.abc import Mapping
from typing import Any

import testinfra

from builder.testing.http_client import wait_for

_SECONDS = 300.0


class SecondServer:
    """A server of an image beside its first one, on data of its own, by a uid that a cluster chose.

    `command` starts it on `port`. `ready` is a path that answers with 200 when it is there, or a
    command that succeeds then. `environment` is added to that of the container. All of them may
    name `{folder}`, a new folder that has what is the server's. `group` is the group of its uid.
    """

    def __init__(
        self,
        command: str,
        *,
        port: int,
        ready: str,
        environment: Mapping[str, str] | None = None,
        group: str = "0",
    ) -> None:
        self.host = testinfra.get_host(
            os.environ["BUILDER_HOST"].replace("://", f"://12345:{group}@")
        )
        self.folder = f"/tmp/second-{uuid.uuid4().hex[:8]}"
        self._command = self._named(command)
        self._port = port
        self._ready = self._named(ready)
        self._environment = {
            "WORKSPACE_DIR": f"{self.folder}/work",
            "ONYXIA_SESSION_DIR": f"{self.folder}/session",
            **{key: self._named(value) for key, value in (environment or {}).items()},
        }
        self.host.check_output(f"mkdir {self.folder}")

    def _named(self, text: str) -> str:
        return text.replace("{folder}", self.folder)

    def _words(self, more: Mapping[str, str]) -> str:
        names = {**self._environment, **more}
        return " ".join(f"{key}={shlex.quote(value)}" for key, value in names.items())

    def run(self, command: str, **environment: str) -> Any:
        """Run a command with its variables and more."""
        return self.host.run(f"env {self._words(environment)} sh -c {shlex.quote(command)}")

    def refuse(self, **environment: str) -> str:
        """Start it where it is not to start; return what it says. Fails where it starts."""
        found = self.run(self._command, **environment)
        assert found.rc == 1, found.stderr
        return str(found.stderr)

    def start(self, **environment: str) -> None:
        """Start it, with more variables, and wait until it answers. Raises StepError."""
        self.launch(**environment)
        self.wait_until_ready(**environment)

    def launch(self, **environment: str) -> None:
        """Start it, with more variables, and do not wait."""
        self.host.check_output(
            f"{{ nohup env {self._words(environment)} {self._command} > {self.folder}/log 2>&1 & "
            f"echo $! > {self.folder}/pid; }}"
        )

    def wait_until_ready(self, **environment: str) -> None:
        """Wait until it answers to the command `ready` with these variables. Raises StepError."""

        def is_ready() -> bool:
            if self._ready.startswith("/"):
                return self.curl(self._ready)[0] == 200
            return bool(self.run(self._ready, **environment).rc == 0)

        wait_for(
            f"{self._command} answers", lambda: is_ready() or self._has_ended(), seconds=_SECONDS
        )
        assert is_ready(), self.said

    @property
    def said(self) -> str:
        """What it wrote since its last start."""
        return str(self.host.file(f"{self.folder}/log").content_string)

    def curl(self, path: str, *options: str) -> tuple[int, str]:
        """Return the status and the content that it answers with; 0 where it does not answer."""
        words = " ".join(shlex.quote(option) for option in options)
        found = self.host.run(
            f"curl --silent --noproxy '*' --write-out '\\n%{{http_code}}' {words} "
            f"{shlex.quote(f'http://127.0.0.1:{self._port}{path}')}"
        )
        content, _, status = found.stdout.rpartition("\n")
        return int(status or 0), content

    def _has_ended(self) -> bool:
        return not self.host.run(f"kill -0 $(cat {self.folder}/pid)").succeeded

    def wait_until_ended(self) -> None:
        """Wait until it has ended. Raises StepError."""
        wait_for(f"{self._command} has ended", self._has_ended, seconds=_SECONDS)

    def stop(self) -> None:
        """End it as a cluster does, and wait until it has ended. Raises StepError."""
        self.host.run(f"kill -TERM $(cat {self.folder}/pid)")
        self.wait_until_ended()

    def remove(self) -> None:
        """End it if it runs, and remove its data."""
        if self.host.file(f"{self.folder}/pid").exists:
            self.stop()
        self.host.check_output(f"rm -rf {self.folder}")
