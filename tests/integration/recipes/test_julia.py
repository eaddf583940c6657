"""Julia from a mirror through the whole of production: looked up, fetched, checked, built, tested.

The mirror has Debian 11's Julia, and the registry of packages is one that the test recipe makes:
Julia's own are not reached here. So julia-datascience, whose packages come from there, is not run,
nor is a Julia of today.
"""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.cli.options import Options
from builder.cli.wiring import Session
from builder.kube_play import free_port
from builder.ports import StartRequest
from builder.process import Command, Runner
from tests.integration.broken import check_rejected
from tests.integration.recipes.julia_release import VERSION, make_release
from tests.integration.starter import GROUND, ROOT, TODAY, Catalog, scratch

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(3600)]

MATRIX = (
    """\
catalog:
  name: julia
  repository: "{{registry}}/test-{{image}}"
  registries: [embedded]
  embedded: 127.0.0.1:{port}
network:
  mirrors: {{julia: "http://127.0.0.1:{mirror}"}}
axes:
  debian:
    "13": {{sources: [{{bootstrap: trixie}}]}}
  julia:
    "1.5": {{provider: tarball, tag: "julia{{version}}"}}
images:
"""
    + GROUND
    + """\
  julia: {{from: debian, axes: [debian, julia], publish: false}}
  julia-minimal: {{from: base, axes: [julia], inputs: [julia]}}
  julia-probe: {{from: julia-minimal}}
"""
)

RECIPE = """\
summary: A package out of a registry, installed as recipes install
packages:
  julia: [Answer]
"""

DOCKERFILE = """\
FROM {{ parent }}
USER 0
COPY files/registry.sh /tmp/registry.sh
RUN sh /tmp/registry.sh && rm /tmp/registry.sh
{{ install_julia(packages) }}
RUN rm -rf /tmp/Answer
USER 1000
"""

# One package in a git repository, and a registry that names its tree.
REGISTRY = r"""
set -e
export HOME=/tmp GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
id=6b2c1e0a-6f0c-4a52-9a3c-0d3c1f5f4a11
mkdir -p /tmp/Answer/src && cd /tmp/Answer
printf 'name = "Answer"\nuuid = "%s"\nversion = "0.1.0"\n' $id > Project.toml
printf 'module Answer\nanswer() = 42\nend\n' > src/Answer.jl
git init --quiet && git add . && git commit --quiet --message=a
tree=$(git rev-parse 'HEAD^{tree}')
mkdir -p /opt/julia-depot/registries/Probe/A/Answer && cd /opt/julia-depot/registries/Probe
printf 'name = "Probe"\nuuid = "11111111-6f0c-4a52-9a3c-0d3c1f5f4a11"\nrepo = "/tmp/none"\n' \
  > Registry.toml
printf '[packages]\n%s = { name = "Answer", path = "A/Answer" }\n' $id >> Registry.toml
printf 'name = "Answer"\nuuid = "%s"\nrepo = "/tmp/Answer"\n' $id > A/Answer/Package.toml
printf '["0.1.0"]\ngit-tree-sha1 = "%s"\n' $tree > A/Answer/Versions.toml
"""

TEST = """\
def test_the_package_answers(host):
    code = "using Answer; print(Answer.answer())"
    assert host.check_output(f"julia --startup-file=no -e '{code}'") == "42"
"""


@pytest.fixture(scope="module")
def mirror() -> Iterator[int]:
    """The port of upstream's mirror."""
    folder = scratch("test-julia-mirror-")
    runner = Runner()
    try:
        make_release(folder, runner)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
    finally:
        runner.stop()
        shutil.rmtree(folder, ignore_errors=True)


def add_probe(root: Path) -> None:
    """The recipe that installs a package."""
    for name, text in {
        "recipe.yaml": RECIPE,
        "Dockerfile.j2": DOCKERFILE,
        "README.md": "# julia-probe\n",
        "files/registry.sh": REGISTRY,
        "tests/test_julia_probe.py": TEST,
    }.items():
        path = root / "images/julia-probe" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture(scope="module")
def catalog(mirror: int) -> Iterator[Catalog]:
    """Everything locked and built."""
    root = scratch("test-julia-")
    try:
        (root / "matrix.yaml").write_text(MATRIX.format(port=free_port(), mirror=mirror))
        shutil.copytree(ROOT / "images", root / "images")
        add_probe(root)
        found = Catalog(root=root)
        found.borrow_tools()
        for command in (("lock",), ("build", "--engine", "podman")):
            done = found.run(*command)
            assert done.returncode == 0, done.stderr + done.stdout
        yield found
    finally:
        shutil.rmtree(root, ignore_errors=True)


def test_the_stable_version_was_looked_up(catalog: Catalog) -> None:
    assert catalog.session().locked().versions["julia=1.5"] == VERSION


@pytest.mark.parametrize("recipe", ["julia", "julia-minimal"])
def test_a_broken_variant_is_rejected(catalog: Catalog, recipe: str, tmp_path: Path) -> None:
    session = Session(Options(root=catalog.root, today=TODAY, engine="podman"))
    lock = session.locked()
    prints = session.fingerprints(lock)
    with session.registry():
        plan = session.plan(lock, prints, session.observed(lock, prints))
        target = next(key for key in plan.targets if key.startswith(f"{recipe}/"))
        work = session.work(lock, prints, plan, print)
        check_rejected(session, work, plan.targets[target], tmp_path)


@pytest.mark.parametrize("user", ["1000:100", "12345:0", "12345:100"])
def test_packages_load_without_being_compiled_as_any_user(catalog: Catalog, user: str) -> None:
    """The image is started as a cluster may start it: with a uid of its own, and no network."""
    session = catalog.session()
    lock = session.locked()
    prints = session.fingerprints(lock)
    code = 'using Answer; print(Answer.answer(), isdir(joinpath(DEPOT_PATH[1], "compiled")))'
    with session.registry():
        plan = session.plan(lock, prints, session.observed(lock, prints))
        item = next(it for key, it in plan.targets.items() if key.startswith("julia-probe/"))
        assert item.digest
        image = str(item.repository.at(item.digest))
        engine = session.engine
        container = engine.start(StartRequest(image=image, command=("sleep", "infinity")))
        try:
            inside = container.testinfra.removeprefix("podman://")
            argv = ("podman", "exec", "--user", user, inside, "julia", "--startup-file=no", "-e")
            command = Command(argv=(*argv, code), env=dict(container.env), timeout=300)
            assert session.runner.run(command).stdout == "42false"
        finally:
            engine.remove(container)
