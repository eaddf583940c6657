"""Real engines, a real registry, and the smallest image that can run something."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.common.process import Command, Runner
from builder.engines.docker import Docker, answers
from builder.engines.interfaces import BuildRequest
from builder.engines.podman.engine import Podman
from builder.engines.podman.host_probe import probe
from builder.oci.reference import Reference, parse
from builder.testing.toolroot import ToolRoot
from tests.integration.registry import registry
from tests.integration.starter import starter  # noqa: F401 - a fixture of more than one folder

ROOT = Path(__file__).parents[2]
EPOCH = 1_700_000_000
PLATFORM = "linux/amd64"
BUILDX = "usr/libexec/docker/cli-plugins/docker-buildx"


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    """A runner whose processes end with the session."""
    runner = Runner()
    yield runner
    runner.stop()


@pytest.fixture(scope="session")
def work() -> Iterator[Path]:
    """A folder under `build/`, removed afterwards."""
    (ROOT / "build").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="test-engine-", dir=ROOT / "build"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def toolroot(runner: Runner) -> ToolRoot:
    """The project's tool root, made where it does not stand."""
    root = ToolRoot(path=ROOT / "build" / "toolroot", runner=runner, binds=(ROOT / "build",))
    root.ensure()
    return root


@pytest.fixture(scope="session")
def address(work: Path, runner: Runner) -> Iterator[str]:
    """A registry."""
    with registry(work / "registry", runner=runner) as host:
        yield host


@pytest.fixture(scope="session")
def podman(work: Path, runner: Runner) -> Iterator[Podman]:
    """podman as this host needs it."""
    choice = probe(runner=runner)
    assert choice.ok, choice.findings
    engine = Podman(
        runner=runner,
        state=work / "podman",
        runtime=choice.runtime,
        isolation=choice.isolation,
        isolated=choice.isolated,
        limits=choice.limits,
    )
    yield engine
    engine.clean_up()


@pytest.fixture(scope="session")
def docker_host(work: Path, runner: Runner, toolroot: ToolRoot) -> Iterator[str]:
    """A private Docker daemon out of the tool root."""
    folder = work / "dockerd"
    folder.mkdir()
    config = folder / "daemon.json"
    config.write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
    host = f"unix://{folder}/socket"
    argv = ("dockerd", "--config-file", str(config), "--data-root", str(folder / "data"))
    argv += ("--host", host, "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "pid"))
    log = folder / "log"
    process = runner.spawn(toolroot.command(Command(argv=argv)), log=log)
    try:
        deadline = time.monotonic() + 60
        while not answers(host):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield host
    finally:
        runner.end(process)


@pytest.fixture(scope="session")
def docker(work: Path, runner: Runner, toolroot: ToolRoot, docker_host: str) -> Docker:
    """The adapter of that daemon."""
    return Docker(
        runner=runner,
        state=work / "docker",
        docker_host=docker_host,
        program=str(toolroot.path / "usr/bin/docker"),
        buildx=(str(toolroot.path / BUILDX),),
    )


@pytest.fixture(scope="session")
def parent(work: Path, runner: Runner, podman: Podman, address: str) -> Reference:
    """A busybox, in the registry."""
    context = work / "busybox"
    context.mkdir()
    runner.run(
        Command(
            argv=("apt-get", "download", "-o", "APT::Sandbox::User=root", "busybox-static"),
            cwd=context,
        )
    )
    (package,) = context.glob("*.deb")
    runner.run(Command(argv=("dpkg-deb", "--extract", str(package), str(context / "tree"))))
    (program,) = (file for file in (context / "tree").rglob("bin/busybox") if file.is_file())
    program.rename(context / "busybox")
    (context / "Dockerfile").write_text(
        "FROM scratch\nCOPY busybox /bin/busybox\n"
        'RUN ["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /bin; mkdir /tmp"]\n'
        "ENV PATH=/bin\n"
    )
    built = podman.build(
        BuildRequest(
            id="busybox",
            context=context,
            contexts={},
            platform=PLATFORM,
            epoch=EPOCH,
            layout=work / "busybox-layout",
        )
    )
    place = f"{address}/busybox"
    runner.run(
        Command(
            argv=(
                *("skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"),
                *(f"oci:{built.layout}", f"docker://{place}:latest"),
            )
        )
    )
    return parse(f"{place}@{built.digest}")
