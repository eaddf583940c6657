"""Run the registry `embedded`: a real one, on a fixed port of this machine, kept under `build/`.

Several processes serve one storage, because docker-registry asks either everybody who they are, or
nobody. What answers at the address that references name is open to all, and only reads. What takes
writes listens on a random port of this machine, and asks for the random password of its run; it is
started for the first write. It deletes nothing: only `prune` starts a process that does, which asks
for a password of its own. Nothing passes through the builder, whatever its size.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt

from builder.common.errors import ConflictError
from builder.common.files import write
from builder.common.process import Runner
from builder.registry.credentials import Credentials, WriteAccess
from builder.registry.shared_process import SharedProcess

USER = "builder"
LOGIN = "login.json"
_OWNER_ALONE = 0o600
_WRITER = "writer"
_PRUNER = "pruner"
_ANY_PORT = "127.0.0.1:0"
_ROUNDS = 4  # a password of 256 bits needs no slow hash, and each request is checked


class EmbeddedRegistry:
    """docker-registry with its storage in `state`, serving on `address` (host:port)."""

    def __init__(self, *, runner: Runner, state: Path, address: str) -> None:
        self._runner = runner
        self._state = state
        self._address = address
        self._lock = threading.Lock()
        self._serving = 0
        self._deletes = False
        self._write_access: WriteAccess | None = None
        self._writer = contextlib.ExitStack()

    @contextlib.contextmanager
    def serve(self, *, deletes: bool = False) -> Iterator[None]:
        """Serve for as long as the context lasts; `deletes` says that what is written may go.

        A registry that serves this storage already is used: of several runs, the first starts it
        and the last ends it. Raises ConflictError if something else has the port, ToolError if the
        program is missing.
        """
        reader = SharedProcess(
            runner=self._runner,
            folder=self._state,
            address=self._address,
            configure=self.configuration,
            check=self._check_port,
        )
        with reader.running(), self._served(deletes=deletes):
            yield

    @contextlib.contextmanager
    def _served(self, *, deletes: bool) -> Iterator[None]:
        """Permit writing; what was started for it ends with the outermost of these contexts."""
        with self._lock:
            self._serving += 1
            self._deletes = self._deletes or deletes
        try:
            yield
        finally:
            with self._lock:
                self._serving -= 1
                if not self._serving:
                    self._deletes, self._write_access = False, None
                    self._writer.close()
                    for name in (_WRITER, _PRUNER):
                        self._process(name).end_unused()

    def write_access(self, registry: str) -> WriteAccess | None:
        """Return where and how this registry takes what is written; None if it is another one.

        It is also None where it is not served: nothing can be written then.
        """
        if registry != self._address:
            return None
        with self._lock:
            if self._serving and self._write_access is None:
                self._write_access = self._start_writer()
            return self._write_access

    def _start_writer(self) -> WriteAccess:
        name = _PRUNER if self._deletes else _WRITER
        folder = self._state / name
        address = self._writer.enter_context(self._process(name).running())
        login = folder / LOGIN
        password = (folder / "password").read_text()
        credentials = Credentials(source=str(login), user=USER, password=password)
        # As podman, skopeo and Docker have it, for what somebody pushes by hand.
        entry = {"auths": {address: {"auth": credentials.basic}}}
        write(login, json.dumps(entry).encode(), _OWNER_ALONE)
        return WriteAccess(address=address, credentials=credentials)

    def _process(self, name: str) -> SharedProcess:
        """Return the process of a folder of this name, which takes writes."""
        folder = self._state / name
        return SharedProcess(
            runner=self._runner,
            folder=folder,
            address=_ANY_PORT,
            configure=lambda: self._guarded_configuration(folder, deletes=name == _PRUNER),
        )

    def configuration(self) -> bytes:
        """Return the configuration of what anybody may read; JSON is YAML."""
        return self._configuration(self._address, {"maintenance": {"readonly": {"enabled": True}}})

    def _guarded_configuration(self, folder: Path, *, deletes: bool) -> bytes:
        """Return the configuration of what takes writes, with a new password."""
        password = secrets.token_urlsafe(32)
        hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_ROUNDS)).decode()
        users = folder / "htpasswd"
        write(users, f"{USER}:{hashed}\n".encode(), _OWNER_ALONE)
        write(folder / "password", password.encode(), _OWNER_ALONE)
        return self._configuration(
            _ANY_PORT,
            {"delete": {"enabled": deletes}},
            auth={"htpasswd": {"realm": "builder", "path": str(users)}},
        )

    def _configuration(self, address: str, storage: dict[str, Any], **more: Any) -> bytes:
        folder = {"filesystem": {"rootdirectory": str(self._state / "storage")}}
        data = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {**folder, **storage},
            "http": {"addr": address},
            **more,
        }
        return json.dumps(data, indent=1).encode()

    def _check_port(self) -> None:
        host, _, port = self._address.rpartition(":")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError as error:
                raise ConflictError(
                    f"port {port} of {host} is taken, and the charts name it",
                    hint="stop the program that listens there, or change catalog.embedded in"
                    " matrix.yaml",
                ) from error
