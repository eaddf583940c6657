"""buildah as an engine that a package of its own adds, on a machine that has the program."""

from __future__ import annotations

from pathlib import Path

from builder.common.process import Command, Runner, which
from tests.fakes.packages import install

MODULE = Path(__file__).parents[1] / "plugins" / "buildah_engine.py"
ENTRY_POINTS = "[catalog_builder.engines]\nbuildah = buildah_engine:BUILDAH\n"


def install_buildah(site: Path, runner: Runner) -> Path:
    """Install the package in a folder, which is returned, and Debian's buildah."""
    if which("buildah") is None:
        for words in (("update",), ("install", "--yes", "--no-install-recommends", "buildah")):
            argv = ("apt-get", "--quiet", *words)
            env = {"DEBIAN_FRONTEND": "noninteractive"}
            runner.run(Command(argv=argv, env=env, timeout=600.0))
    return install(site, "buildah-engine", ENTRY_POINTS, {MODULE.name: MODULE.read_text()})
