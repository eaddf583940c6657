"""A real registry on a free loopback port, for tests of whatever talks to one."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from builder.common.process import Command, Runner
from builder.testing.pod_runner import free_port


@contextlib.contextmanager
def registry(folder: Path, *, runner: Runner | None = None, passwords: str = "") -> Iterator[str]:
    """A docker-registry that keeps its blobs in `folder`; `127.0.0.1:port`.

    `passwords` is the text of an htpasswd file, for one that asks who is there.
    """
    address = f"127.0.0.1:{free_port()}"
    runner = runner or Runner()
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"  # JSON is YAML
    auth: dict[str, object] = {}
    if passwords:
        (folder / "htpasswd").write_text(passwords)
        auth = {"auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}}
    config.write_text(
        json.dumps(
            {
                **auth,
                "version": "0.1",
                "log": {"accesslog": {"disabled": True}, "level": "warn"},
                "storage": {
                    "filesystem": {"rootdirectory": str(folder / "data")},
                    "delete": {"enabled": True},
                },
                "http": {"addr": address},
            }
        )
    )
    log = folder / "log"
    process = runner.spawn(
        Command(argv=("docker-registry", "serve", str(config)), timeout=3600.0), log=log
    )
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{address}/v2/", timeout=2).close()
                break
            except urllib.error.HTTPError:
                break  # it answers, and asks who is there
            except OSError:
                time.sleep(0.05)
        else:
            raise AssertionError(f"the registry does not answer:\n{log.read_text()}")
        yield address
    finally:
        runner.end(process)
