"""The script itself, started on this machine in a home directory of its own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.integration.starter import ROOT

SCRIPT = ROOT / "images" / "base" / "files" / "onyxia-init.sh"
PATH = "/usr/local/bin:/usr/bin:/bin"
STEP = re.compile(r"^onyxia-init: ([^:]+): (.*)$", re.MULTILINE)


def steps(log: str) -> dict[str, str]:
    """What was said of each step."""
    return dict(STEP.findall(log))


def environ(data: bytes) -> dict[str, str]:
    """What `env --null` prints, or a session keeps."""
    pairs = (item.partition(b"=") for item in data.split(b"\0") if item)
    return {name.decode(): value.decode() for name, _, value in pairs}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A session that ended."""

    status: int
    out: bytes
    log: str

    @property
    def steps(self) -> dict[str, str]:
        """What was said of each step."""
        return steps(self.log)

    @property
    def environment(self) -> dict[str, str]:
        """What the service had, where it was `env --null`."""
        return environ(self.out)


@dataclass(frozen=True, kw_only=True)
class Host:
    """A folder with a home directory and a session directory."""

    folder: Path

    @property
    def home(self) -> Path:
        """The home directory."""
        return self.folder / "home"

    @property
    def work(self) -> Path:
        """The work directory."""
        return self.home / "work"

    @property
    def session(self) -> Path:
        """The session directory."""
        return self.folder / "session"

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """What the script is started with."""
        return {
            "PATH": PATH, "HOME": str(self.home), "WORKSPACE_DIR": str(self.work),
            "ONYXIA_SESSION_DIR": str(self.session), "LANG": "C.UTF-8",
            "ONYXIA_SERVICE_ACCOUNT_DIR": str(self.folder / "account"),
            "GIT_CONFIG_NOSYSTEM": "1", **given,
        }  # fmt: skip

    def start(self, *command: str, **given: str) -> Ended:
        """Run the script to the end of its command: `env --null`, if none is named."""
        self.home.mkdir(parents=True, exist_ok=True)
        done = self.run([str(SCRIPT), *(command or ("env", "--null"))], self.environment(given))
        return Ended(status=done.returncode, out=done.stdout, log=done.stderr.decode())

    def run(
        self, argv: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[bytes]:
        """Run something with that environment alone."""
        return subprocess.run(
            argv, env=dict(environment), cwd=self.folder, capture_output=True, check=False,
            timeout=120,
        )  # fmt: skip
