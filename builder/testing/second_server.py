"""A second server of an image, in the container of the first."""

from __future__ import annotations

import os
import shlex
import uuid

import testinfra

from builder.testing.http_client import wait_for

_SECONDS = 300.0


class SecondServer:
    """A server of an image beside its first one, on data of its own, by a uid that a cluster chose.

    `command` starts it on `port`; the path `ready` answers with 200 when it is there.
    """

    def __init__(self, command: str, *, port: int, ready: str) -> None:
        self.host = testinfra.get_host(os.environ["BUILDER_HOST"].replace("://", "://12345:0@"))
        self.folder = f"/tmp/second-{uuid.uuid4().hex[:8]}"
        self._command = command
        self._port = port
        self._ready = ready
        self.host.check_output(f"mkdir {self.folder}")

    def start(self, **environment: str) -> None:
        """Start it, with more variables, and wait until it answers. Raises StepError."""
        names = {
            "WORKSPACE_DIR": f"{self.folder}/work",
            "ONYXIA_SESSION_DIR": f"{self.folder}/session",
            **environment,
        }
        words = " ".join(f"{key}={shlex.quote(value)}" for key, value in names.items())
        self.host.check_output(
            f"{{ nohup env {words} {self._command} > {self.folder}/log 2>&1 & "
            f"echo $! > {self.folder}/pid; }}"
        )

        def is_ready() -> bool:
            return self.curl(self._ready)[0] == 200

        wait_for(f"{self._command} answers", is_ready, seconds=_SECONDS)

    def curl(self, path: str, *options: str) -> tuple[int, str]:
        """Return the status and the content that it answers with; 0 where it does not answer."""
        words = " ".join(shlex.quote(option) for option in options)
        found = self.host.run(
            f"curl --silent --noproxy '*' --write-out '\\n%{{http_code}}' {words} "
            f"{shlex.quote(f'http://127.0.0.1:{self._port}{path}')}"
        )
        content, _, status = found.stdout.rpartition("\n")
        return int(status or 0), content

    def stop(self) -> None:
        """End it as a cluster does, and wait until it has ended. Raises StepError."""
        self.host.run(f"kill -TERM $(cat {self.folder}/pid)")

        def has_ended() -> object:
            return not self.host.run(f"kill -0 $(cat {self.folder}/pid)").succeeded

        wait_for(f"{self._command} has ended", has_ended, seconds=_SECONDS)

    def remove(self) -> None:
        """End it if it runs, and remove its data."""
        if self.host.file(f"{self.folder}/pid").exists:
            self.stop()
        self.host.check_output(f"rm -rf {self.folder}")
