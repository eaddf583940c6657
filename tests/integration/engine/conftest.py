"""What a test of engines works with."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builder.common.process import Runner
from builder.common.state_dir import StateDir
from builder.engines.interfaces import BuildRequest, HostEngine
from builder.engines.table import ENGINES, choose
from builder.oci.image import ImageLayer
from builder.oci.reference import Reference
from builder.registry.store import RegistryStore
from tests.fakes.packages import see
from tests.integration.buildah import install_buildah
from tests.integration.conftest import EPOCH, PLATFORM
from tests.integration.faults.gate import Gate


@pytest.fixture(scope="session")
def buildah_site(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package that adds buildah."""
    return install_buildah(tmp_path_factory.mktemp("site"), runner)


@pytest.fixture
def buildah(
    work: Path, runner: Runner, buildah_site: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HostEngine]:
    """The engine that a package of its own adds. Other tests of the process do not see it."""
    see(monkeypatch, buildah_site)
    engine = choose("buildah", runner, StateDir(work))
    yield engine
    engine.clean_up()


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What one test works with: an engine, where it may write, and a parent in a registry."""

    engine: HostEngine
    folder: Path
    parent: Reference
    layers: tuple[ImageLayer, ...]  # of the parent, as the registry has them
    contexts: dict[str, Reference] = field(default_factory=dict)

    def request(self, dockerfile: str, *, name: str = "image", **changes: object) -> BuildRequest:
        """A request to build `dockerfile` on the parent."""
        context = self.folder / f"context-{name}"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile)
        (context / "hello").write_text("hello\n")
        defaults: dict[str, object] = {
            "id": f"{self.folder.name}/{name}",
            "context": context,
            "contexts": {"parent": self.parent, **self.contexts},
            "platform": PLATFORM,
            "epoch": EPOCH,
            "layout": self.folder / f"layout-{name}",
            "timeout": 60.0,
            "log": self.folder / f"{name}.log",
        }
        return BuildRequest(**{**defaults, **changes})  # type: ignore[arg-type]


@pytest.fixture(params=[*ENGINES.built_in, "buildah"])
def bench(request: pytest.FixtureRequest, work: Path, parent: Reference) -> Iterator[Bench]:
    """One engine, and a folder of the test's own."""
    engine = request.getfixturevalue(request.param)
    folder = Path(tempfile.mkdtemp(prefix="case-", dir=work))
    store = RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)
    layers = store.layers(parent)
    yield Bench(engine=engine, folder=folder, parent=parent, layers=layers)
    with contextlib.suppress(OSError):
        shutil.rmtree(folder)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A proxy in front of a registry."""
    with Gate().serve() as found:
        yield found
