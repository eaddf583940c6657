"""Julia from a mirror through the whole of production: looked up, fetched, checked, built, tested.

The mirror has Debian 11's Julia, and a package server with a registry of the test's own: Julia's
are not reached here. So julia-datascience, whose packages come from there, is not run, nor is a
Julia of today. An artifact is one of the test's own.
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.app.app import App
from builder.app.load import load
from builder.app.options import Options
from builder.catalog.packages import LockedPackage
from builder.common.files import write
from builder.common.process import Command, Runner
from builder.engines.interfaces import StartRequest
from builder.testing.pod_runner import free_port
from tests.fakes.julia_packages import Binary, Release, served, tarball
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
  mirrors:
    julia: "http://127.0.0.1:{mirror}"
    julia-packages: "http://127.0.0.1:{mirror}/packages"
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
  julia-echo: {{from: julia-probe}}
"""
)

RECIPE = """\
summary: A package of a registry, installed as recipes install
packages:
  julia: [{name}]
"""

DOCKERFILE = """\
FROM {{ parent }}
{{ install_julia(packages) }}
USER 1000
"""

# The newest Depth does not fit, nor does the newest Answer; one has a build, as those of binaries.
STDLIBS = {
    "Dates": "ade2ca70-3891-5945-98fb-dc099432e06a",
    "Pkg": "44cfe95a-1eb2-52ea-b672-e2afdf69b78f",
}
ARM, X86 = (
    Binary(name="data", files={"a/version": text}, platform={"os": "linux", "arch": arch})
    for arch, text in (("aarch64", "of another processor"), ("x86_64", "1.2.0+1"))
)
DEPTH_SOURCE = """\
module Depth
import Dates
using Pkg.Artifacts
told() = "Depth " * read(joinpath(artifact"data", "a", "version"), String)
end
"""
DEPTH = Release(
    name="Depth", version="1.2.0+1", needs=dict.fromkeys(STDLIBS, ""), uuids=STDLIBS,
    binaries=(ARM, X86), more={"src/Depth.jl": DEPTH_SOURCE},
)  # fmt: skip
ANSWER = Release(name="Answer", version="1.1.0", needs={"Depth": "1"})
ECHO = Release(name="Echo", version="0.3.1", needs={"Depth": "1.1-2"})
SERVED = (
    Release(name="Depth", version="1.0.0"),
    DEPTH,
    Release(name="Depth", version="2.0.0"),
    Release(name="Answer", version="1.0.0"),
    ANSWER,
    Release(name="Answer", version="2.0.0", julia="1.9-1"),
    ECHO,
)

TEST = """\
def test_{name}_is_the_version_of_the_lock(host):
    code = "using {name}; print({name}.told(), {name}.Depth.told())"
    found = host.check_output(f"julia --startup-file=no -e '{{code}}'")
    assert found == "{name} {version}Depth 1.2.0+1"
"""


@pytest.fixture(scope="module")
def mirror() -> Iterator[tuple[int, Path]]:
    """The port of upstream's mirror, and its folder."""
    folder = scratch("test-julia-mirror-")
    runner = Runner()
    try:
        make_release(folder, runner)
        for path, data in served(*SERVED).items():
            write(folder / "packages" / path, data)
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], folder
        server.shutdown()
    finally:
        runner.stop()
        shutil.rmtree(folder, ignore_errors=True)


def add_recipe(root: Path, recipe: str, package: Release) -> None:
    """A recipe that installs a package."""
    for name, text in {
        "recipe.yaml": RECIPE.format(name=package.name),
        "Dockerfile.j2": DOCKERFILE,
        "README.md": f"# {recipe}\n",
        f"tests/test_{recipe.replace('-', '_')}.py": TEST.format(
            name=package.name, version=package.version
        ),
    }.items():
        write(root / "images" / recipe / name, text.encode())


@dataclass(frozen=True, kw_only=True)
class Made:
    """A catalog with everything locked and built, and what was said of another file before."""

    catalog: Catalog
    refused: str


@pytest.fixture(scope="module")
def made(mirror: tuple[int, Path]) -> Iterator[Made]:
    """Everything locked and built; at first the package server has another Depth than it says."""
    root, (port, folder) = scratch("test-julia-"), mirror
    try:
        (root / "matrix.yaml").write_text(MATRIX.format(port=free_port(), mirror=port))
        shutil.copytree(ROOT / "images", root / "images")
        add_recipe(root, "julia-probe", ANSWER)
        add_recipe(root, "julia-echo", ECHO)
        found = Catalog(root=root)
        found.borrow_tools()
        done = found.run("lock")
        assert done.returncode == 0, done.stderr + done.stdout
        depth = folder / "packages" / DEPTH.locked.file
        shutil.rmtree(found.state / "files")  # what `lock` fetched is not fetched again
        depth.write_bytes(tarball({**DEPTH.files, "src/Depth.jl": "module Depth\nend\n"}))
        done = found.run("build", "--engine", "podman")
        assert done.returncode == 5, done.stderr + done.stdout
        refused = done.stderr + done.stdout
        depth.write_bytes(tarball(DEPTH.files))
        done = found.run("build", "--engine", "podman")
        assert done.returncode == 0, done.stderr + done.stdout
        yield Made(catalog=found, refused=refused)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def catalog(made: Made) -> Catalog:
    """The catalog."""
    return made.catalog


def layers(catalog: Catalog) -> dict[str, Mapping[str, LockedPackage]]:
    """The locked packages of Julia, by image."""
    return {
        key.partition("/")[0]: layer.packages["julia"]
        for key, layer in catalog.session().locked().package_sets.items()
        if "julia" in layer.packages
    }


def test_the_lock_has_what_fits_and_a_child_what_its_parent_lacks(catalog: Catalog) -> None:
    assert layers(catalog) == {
        "julia-probe": {
            "Answer": ANSWER.locked, "Depth": DEPTH.locked, "Depth:data": DEPTH.artifact(X86),
        },
        "julia-echo": {"Echo": ECHO.locked},
    }  # fmt: skip


def test_another_tree_at_the_server_was_refused(made: Made) -> None:
    assert (
        "Depth 1.2.0+1: the downloaded tarball has another git tree than expected" in made.refused
    )
    assert f"expected {DEPTH.tree}" in made.refused


def test_what_is_installed_is_listed(catalog: Catalog) -> None:
    files = {path.name.partition("-debian")[0]: path for path in evidence(catalog)}
    found = json.loads(files["julia-echo"].read_text())["julia"]
    assert {name: it["version"] for name, it in found.items()} == {
        "Answer": ANSWER.version, "Depth": DEPTH.version, "Echo": ECHO.version,
    }  # fmt: skip


def evidence(catalog: Catalog) -> list[Path]:
    """What is installed in each image, as its smoke test listed it."""
    return sorted((catalog.state / "packages").glob("*.json"))


def test_the_stable_version_was_looked_up(catalog: Catalog) -> None:
    assert catalog.session().locked().versions["julia=1.5"] == VERSION


@pytest.mark.parametrize("recipe", ["julia", "julia-minimal"])
def test_a_broken_variant_is_rejected(catalog: Catalog, recipe: str, tmp_path: Path) -> None:
    app = App(load(catalog.root), Options(today=TODAY, engine="podman"))
    with app.registry():
        planned = app.plan(lock=app.locked(), to_run=False)
        plan = planned.plan
        target = next(key for key in plan.targets if key.startswith(f"{recipe}/"))
        work = app.context(planned, print)
        check_rejected(app, work, plan.targets[target], tmp_path)


@pytest.mark.parametrize("user", ["1000:100", "12345:0", "12345:100"])
def test_packages_load_without_being_compiled_as_any_user(catalog: Catalog, user: str) -> None:
    """The image is started as a cluster may start it: with a uid of its own, and no network."""
    app = catalog.session()
    code = 'using Echo; print(Echo.told(), isdir(joinpath(DEPOT_PATH[1], "compiled")))'
    with app.registry():
        plan = app.plan(lock=app.locked(), to_run=False).plan
        item = next(it for key, it in plan.targets.items() if key.startswith("julia-echo/"))
        assert item.digest
        image = str(item.repository.at(item.digest))
        engine = app.adapters.engine
        container = engine.start(StartRequest(image=image, command=("sleep", "infinity")))
        try:
            inside = container.testinfra.removeprefix("podman://")
            argv = ("podman", "exec", "--user", user, inside, "julia", "--startup-file=no", "-e")
            command = Command(argv=(*argv, code), env=dict(container.env), timeout=300)
            assert app.adapters.runner.run(command).stdout == "Echo 0.3.1false"
        finally:
            engine.remove(container)
