"""Sign chart packages with gpg, so that `helm verify` accepts them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.charts.package import ChartPackage
from builder.common.errors import StepError, ToolError
from builder.common.process import Command, Runner, which

Sign = Callable[[ChartPackage], bytes]


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs packages with the key `key`.

    `keyring` is a file of exported secret keys; without it the user's own gpg keys are used.
    `passphrase` is a file with the passphrase of the key, if it has one.
    """

    runner: Runner
    program: str
    key: str
    keyring: Path | None = None
    passphrase: Path | None = None

    @contextlib.contextmanager
    def ready(self) -> Iterator[Sign]:
        """Yield a function that signs a package. Raises StepError."""
        if self.keyring is None:
            yield lambda package: self._sign((), package)
            return
        # Not below the project: the paths of an agent's sockets must be short.
        with tempfile.TemporaryDirectory(prefix="signing-") as name:
            home = ("--homedir", name)
            try:
                self._run("cannot be read as a keyring", *home, "--import", str(self.keyring))
                yield lambda package: self._sign(home, package)
            finally:
                end = ("gpgconf", *home, "--kill", "gpg-agent")
                self.runner.run(Command(argv=end, timeout=30.0), check=False)

    def _sign(self, home: tuple[str, ...], package: ChartPackage) -> bytes:
        asks_nobody = self.keyring is not None or self.passphrase is not None
        options = (
            *home,
            *(("--pinentry-mode", "loopback") if asks_nobody else ()),
            *(("--passphrase-file", str(self.passphrase)) if self.passphrase else ()),
            *("--local-user", self.key, "--clearsign"),
        )
        return self._run(f"cannot sign as {self.key}", *options, stdin=statement(package))

    def _run(self, failure: str, *options: str, stdin: bytes | None = None) -> bytes:
        argv = (self.program, "--batch", "--no-tty", "--quiet", *options)
        command = Command(argv=argv, timeout=120.0, stdin=stdin)
        output = self.runner.run(command, check=False)
        if output.code != 0:
            lines = [line for line in output.log.splitlines() if line.startswith("gpg: ")]
            why = f": {lines[-1].rpartition(': ')[2]}" if lines else ""
            raise StepError(f"{self.keyring or 'gpg'} {failure}{why}", hint=str(command))
        return output.stdout.encode()


def signer(
    runner: Runner, key: str, *, keyring: Path | None = None, passphrase: Path | None = None
) -> Signer:
    """Return a signer. Raises ToolError if gpg is not installed."""
    program = which("gpg")
    if program is None:
        raise ToolError("gpg is not installed", hint="apt-get install gnupg")
    return Signer(runner=runner, program=program, key=key, keyring=keyring, passphrase=passphrase)


def statement(package: ChartPackage) -> bytes:
    """Return the text that is signed: the package's Chart.yaml, and its sha256."""
    about = package.files["Chart.yaml"].decode().strip("\n")
    return f"{about}\n\n...\nfiles:\n  {package.file}: sha256:{package.digest}\n".encode()
