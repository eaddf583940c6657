"""The tiny catalog with a chart: a page that the image `app` serves."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.integration.cli.conftest import TODAY, Tiny, lay

ROOT = Path(__file__).parents[3]
TRAP = Path(__file__).with_name("trap")
RELEASE = TODAY.replace("-", ".")
LATER = "2026-11-30"
PREFIX = "f"
IMAGES = ("app", "base", "other", "tool")
CHARTS = {
    "features/page/feature.yaml": "summary: A page that busybox serves\nvalues: {}\n",
    "features/page/helpers.tpl": (
        '{{- define "chart.folder" -}}\n/app\n{{- end -}}\n'
        '{{- define "chart.probe" -}}\n'
        "httpGet:\n  path: /app.txt\n  port: {{ .Values.networking.service.port | int }}\n"
        "{{- end -}}\n"
    ),
    "page/chart.yaml": (
        "title: Page\ndescription: A page on the image $image_name\n"
        "icon: https://example.org/page.svg\nhome: https://example.org\n"
        'command: [httpd, -f, -p, "{{ .Values.networking.service.port | int }}"]\n'
        "port: 8080\nhealth: /app.txt\nfeatures: [service, server, page]\n"
    ),
    "page/tests/test_page.py": (
        "import urllib.request\n\n\n"
        "def test_page(facts):\n"
        '    with urllib.request.urlopen(facts["url"] + "/app.txt", timeout=10) as answer:\n'
        '        assert answer.read() == b"app\\n"\n'
    ),
}


class Checkout(Tiny):
    """The catalog in a folder of its own, with what is derived from it."""

    @property
    def state(self) -> Path:
        """What is derived."""
        return self.root / "build"

    def environment(self, **extra: str) -> Mapping[str, str]:
        """That of a run of this checkout's builder, which may be told where to end."""
        path = os.pathsep.join((str(TRAP), str(ROOT)))
        return super().environment(PYTHONPATH=path, **extra)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Begin a run."""
        return subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment(**environment),
            start_new_session=True,
        )

    def edit(self, image: str, text: str = "more\n") -> None:
        """Change an image."""
        (self.root / "images" / image / "files" / "more.txt").write_text(text)

    def again(self, root: Path) -> Checkout:
        """Another checkout of the same commit, where nothing was derived yet."""
        shutil.copytree(self.root, root, ignore=lambda *_: ["build"])
        return checkout(root, self.registry)


def checkout(root: Path, registry: str) -> Checkout:
    """The catalog of a folder, with the tools that are the same for every catalog."""
    (root / "build").mkdir()
    for name in ("tools", "toolroot"):
        if (ROOT / "build" / name).is_dir():
            (root / "build" / name).symlink_to(ROOT / "build" / name)
    return Checkout(root=root, registry=registry, prefix=PREFIX)


def with_chart(root: Path, *, registry: str, base: str) -> Checkout:
    """Write the catalog to `root`."""
    lay(root, registry=registry, base=base, prefix=PREFIX)
    with (root / "matrix.yaml").open("a") as matrix:
        matrix.write("charts:\n  page: {image: app}\n")
    for name in ("library", "features/service", "features/server"):
        shutil.copytree(ROOT / "charts" / name, root / "charts" / name)
    for path, text in CHARTS.items():
        file = root / "charts" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return checkout(root, registry)


def kill(process: subprocess.Popen[str]) -> None:
    """End a run and all that it started, at once: as when its machine dies."""
    if process.poll() is not None:
        return
    os.kill(process.pid, signal.SIGSTOP)  # so that it starts nothing meanwhile
    for pid in [process.pid, *descendants(process.pid)]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they did."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(word) for word in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found
