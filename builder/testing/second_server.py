"""A server of an image beside the one that its container runs, on data of its own.

The plugin offers the class as the fixture `second_server`.
"""

from __future__ import annotations

import os
import shlex
import uuid
from typing import Any

import testinfra

from builder.testing.http_client import wait_for


class SecondServer:
    """A server that a uid starts which the image does not know, as a cluster does.

    Everything of it lies in `folder`, a new one. `start` is its command, and `ready` is one that
    succeeds once it answers. `environment` is added to that of the container. Both commands, and
    the values of the environment, may name `{folder}`.
    """

    def __init__(
        self, *, start: str, ready: str, environment: dict[str, str], user: str = "12345:0"
    ) -> None:
        self.host = testinfra.get_host(os.environ["BUILDER_HOST"].replace("://", f"://{user}@"))
        self.folder = f"/tmp/second-{uuid.uuid4().hex[:8]}"
        self.log = f"{self.folder}/log"
        self._start = start.format(folder=self.folder)
        self._ready = ready.format(folder=self.folder)
        self._environment = {
            key: value.format(folder=self.folder) for key, value in environment.items()
        }
        self.host.check_output(f"mkdir -p {self.folder}")

    def words(self, **more: str) -> str:
        """Return the environment as words before a command; `more` comes on top."""
        return " ".join(
            f"{key}={shlex.quote(value)}" for key, value in {**self._environment, **more}.items()
        )

    def run(self, command: str, **more: str) -> Any:
        """Run a command in its environment."""
        return self.host.run(f"env {self.words(**more)} sh -c {shlex.quote(command)}")

    def refuse(self, **more: str) -> str:
        """Start it where it is not to start; return what it says."""
        found = self.run(self._start, **more)
        assert found.rc == 1, found.stderr
        return str(found.stderr)

    def start(self, **more: str) -> SecondServer:
        """Start it in the background, and wait until it answers."""
        self.host.check_output(
            f"{{ nohup env {self.words(**more)} {self._start} > {self.log} 2>&1 & "
            f"echo $! > {self.folder}/pid; }}"
        )
        ready = f"env {self.words(**more)} sh -c {shlex.quote(self._ready)}"
        settled = f"{ready} || ! kill -0 $(cat {self.folder}/pid)"
        wait_for("the second server", lambda: self.host.run(settled).rc == 0)
        assert self.host.run(ready).rc == 0, self.said
        return self

    @property
    def said(self) -> str:
        """What it wrote since its last start."""
        return str(self.host.file(self.log).content_string)

    def end(self, signal: str = "TERM") -> None:
        """End it, and wait until it is gone."""
        self.host.check_output(f"kill -{signal} $(cat {self.folder}/pid)")
        gone = f"! kill -0 $(cat {self.folder}/pid)"
        wait_for("the second server is gone", lambda: self.host.run(gone).rc == 0)

    def remove(self) -> None:
        """End it where it still runs, and delete all that it had."""
        if self.host.run(f"kill -0 $(cat {self.folder}/pid)").rc == 0:
            self.end()
        self.host.check_output(f"rm -rf {self.folder}")
