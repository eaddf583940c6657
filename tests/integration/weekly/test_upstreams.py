"""An image and a chart of upstreams: from their registry and repository to a release, and on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from builder.common.process import Runner
from builder.oci.reference import Reference
from builder.oci.reference import parse as parse_reference
from builder.registry.store import RegistryStore
from tests.fakes.helm_repo import DEPLOYMENT, FLOW, FLOW_IMAGES, VALUES, package, serving
from tests.fakes.layout import write_layout
from tests.integration.registry import registry

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.heavy
MATRIX = """\
catalog:
  name: site
  repository: "{{registry}}/site-{{image}}"
  registries: ["{own}"]
axes:
  door:
    "8":
      release_line: "8.0"
      sources: [{{image: "{upstream}/library/door"}}]
      tag: "door{{version}}"
images:
  door: {{upstream: door, axes: [door]}}
charts:
  flow: {{upstream: {{repository: "{charts}", name: flow, release_line: "1.0"}}}}
"""
RECIPE = f"""\
title: Flow
description: Flows of a namespace
icon: https://example.org/flow.svg
home: https://example.org
port: 2746
values:
  crds: {{install: false}}
  clusterRoles: false
{FLOW_IMAGES}"""
TESTS = {
    "images/door/recipe.yaml": "summary: A door\n",
    "images/door/tests/test_door.py": (
        "def test_door(host):\n    assert host.run('busybox true').rc == 0\n"
    ),
    "charts/flow/upstream.yaml": RECIPE,
    "charts/flow/tests/test_flow.py": (
        "import urllib.request\n\n\n"
        "def test_it_answers(facts):\n"
        '    with urllib.request.urlopen(facts["url"] + "/busybox", timeout=10) as answer:\n'
        "        assert answer.status == 200\n"
    ),
}


@dataclass(kw_only=True)
class Site:
    """A catalog, with our registry, which stays, and what upstreams have."""

    root: Path
    own: str
    store: RegistryStore
    index: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if "BUILDER_" not in key}
        command = (Path(sys.executable).with_name("builder"), *arguments, "--root", str(self.root))
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=600, check=False
        )

    def digest(self, text: str) -> str | None:
        return self.store.digest(parse_reference(f"{self.own}/{text}"))


@pytest.fixture(scope="module")
def store() -> RegistryStore:
    return RegistryStore(runner=Runner(), skopeo="skopeo", enclose=lambda command: command)


def fill(store: RegistryStore, busybox: Reference, upstream: str, work: Path) -> str:
    """Give an upstream a door for two platforms and the images of flow; return the door's index."""
    door = parse_reference(f"{upstream}/library/door:8.0.2")
    store.copy(busybox, door.with_tag("amd64"))
    write_layout(work / "arm", b"another machine", architecture="arm64")
    manifests = {
        "linux/amd64": store.digest(door.with_tag("amd64")) or "",
        "linux/arm64": store.push(work / "arm", door.with_tag("arm64")),
    }
    index = store.put_index(manifests, door)
    store.copy(door.at(index), door)
    for name in ("server", "exec"):
        store.copy(busybox, parse_reference(f"{upstream}/flow/{name}:v4.0.6"))
    return index


def flow(upstream: str) -> Mapping[str, str]:
    """The chart, on images of this registry, which serve a page."""
    started = "          command: [sh, -c, exec httpd -f -p 2746 -h /bin, sh]\n          args:"
    return {
        **FLOW,
        "values.yaml": VALUES.replace("hub.example.org", f'"{upstream}"'),
        "templates/deployment.yaml": DEPLOYMENT.replace("          args:", started),
    }


@pytest.fixture(scope="module")
def site(work: Path, parent: Reference, store: RegistryStore) -> Iterator[Site]:
    """The catalog, locked and released while upstreams answer; they are gone then."""
    root, folder = work / "site", work / "upstreams"
    with registry(folder / "own") as own:
        with registry(folder / "theirs") as upstream, serving(folder / "charts") as repository:
            index = fill(store, parent.with_tag("latest"), upstream, work)
            repository.add(package("flow", "1.0.18", flow(upstream)))
            text = MATRIX.format(own=own, upstream=upstream, charts=repository.url)
            for path, content in {"matrix.yaml": text, **TESTS}.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(content)
            for name in ("library", "features"):
                shutil.copytree(ROOT / "charts" / name, root / "charts" / name)
            (root / "build").mkdir()
            for name in ("tools", "toolroot"):
                (root / "build" / name).symlink_to(ROOT / "build" / name)
            made = Site(root=root, own=own, store=store, index=index)
            done = made.run("weekly")
            assert done.returncode == 0, done.stdout + done.stderr
        yield made


def test_all_of_it_is_released(site: Site) -> None:
    assert site.digest("site-door:door8.0.2") == site.index
    assert site.digest("site-door:latest") == site.index
    manifests = site.store.configs(parse_reference(f"{site.own}/site-door:latest"))
    assert {config["architecture"] for config in manifests.values()} == {"amd64", "arm64"}
    assert site.digest("site-charts/flow:1.0.0")
    report = (site.root / "build/report.md").read_text()
    assert "flow" in report


def test_without_the_upstreams_there_is_nothing_to_do(site: Site) -> None:
    shutil.rmtree(site.root / "build/files", ignore_errors=True)
    done = site.run("plan")
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines() if ":" in line}
    assert lines["build:door/door=8"] == "reuse"
    assert lines["chart:flow"] == "keep", done.stdout


def test_without_the_upstreams_a_changed_chart_is_packaged_and_released(site: Site) -> None:
    recipe = site.root / "charts/flow/upstream.yaml"
    recipe.write_text(recipe.read_text().replace("Flows of a namespace", "Flows of one namespace"))
    done = site.run("charts")
    assert done.returncode == 0, done.stdout + done.stderr
    done = site.run("publish")
    assert done.returncode == 0, done.stdout + done.stderr
    assert site.digest("site-charts/flow:1.0.1")


def test_prune_keeps_it(site: Site) -> None:
    done = site.run("prune", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert site.digest("site-door:latest") == site.index
    assert site.digest("site-charts/flow:1.0.1")
