"""How tests reach the cluster."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builder.charts.tools import Tools
from builder.common.process import Runner
from tests.cluster.place import ROOT, Place

ENFORCE = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A cluster that is up."""

    place: Place

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which programs find it, and the kubectl of its own minor."""
        path = os.pathsep.join((str(self.place.programs), os.environ["PATH"]))
        return {**os.environ, "KUBECONFIG": str(self.place.kubeconfig), "PATH": path}

    @property
    def helm_program(self) -> Path:
        """The helm of the project."""
        return Tools(runner=Runner(), folder=ROOT / "build" / "tools").helm().path

    def kubectl(self, *words: str, stdin: str = "") -> str:
        """Return what kubectl prints. Fails where it fails."""
        return self._run([str(self.place.programs / "kubectl"), *words], stdin)

    def helm(self, *words: str) -> str:
        """Return what helm prints. Fails where it fails."""
        return self._run([str(self.helm_program), *words])

    def get(self, *words: str) -> Any:
        """Return what `kubectl get` finds."""
        return json.loads(self.kubectl("get", *words, "--output", "json"))

    @contextlib.contextmanager
    def namespace(self, name: str, level: str = "restricted") -> Iterator[str]:
        """Make a namespace that enforces a level of Pod Security, and remove it afterwards."""
        self.kubectl("create", "namespace", name)
        try:
            self.kubectl("label", "namespace", name, f"{ENFORCE}={level}")
            yield name
        finally:
            self.kubectl("delete", "namespace", name, "--timeout=120s")

    def _run(self, argv: list[str], stdin: str = "") -> str:
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, timeout=600, input=stdin,
            env=self.environment,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}{done.stdout}"
        return done.stdout
