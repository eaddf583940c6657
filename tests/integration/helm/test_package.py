"""Packages and the index, read back by the real helm, also over HTTP."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from builder.charts.helm import Helm
from builder.charts.repository.index import IndexEntry, merge_index
from builder.charts.tools import Tools
from builder.common.errors import StepError
from builder.common.process import Runner

ROOT = Path(__file__).parents[3]
NOW = "2026-01-05T00:00:00Z"


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """The real helm."""
    runner = Runner()
    program = Tools(runner=runner, folder=ROOT / "build" / "tools").helm().path
    return Helm(runner=runner, program=program, state=tmp_path_factory.mktemp("helm"))


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart of two files and a template."""
    folder = tmp_path / "clock"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: clock\nversion: 1.2.3\n")
    (folder / "values.yaml").write_text("zone: utc\n")
    (folder / "templates" / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: clock\n"
        "data:\n  zone: {{ .Values.zone }}\n"
    )
    return folder


def test_the_same_chart_gives_the_same_package(helm: Helm, chart: Path, tmp_path: Path) -> None:
    first = helm.package(chart, tmp_path / "one")
    for path in chart.rglob("*.yaml"):
        path.write_bytes(path.read_bytes())
        path.chmod(0o600)
    second = helm.package(chart, tmp_path / "two")
    assert first.file == second.file == "clock-1.2.3.tgz"
    assert first.data == second.data
    assert first.digest == hashlib.sha256(first.data).hexdigest()
    (path,) = (tmp_path / "one").iterdir()
    assert (path.name, path.read_bytes()) == (first.file, first.data)


def test_a_package_holds_what_was_rendered(helm: Helm, chart: Path, tmp_path: Path) -> None:
    package = helm.package(chart, tmp_path / "one")
    assert package.files["Chart.yaml"] == (chart / "Chart.yaml").read_bytes()
    assert sorted(package.files) == ["Chart.yaml", "templates/map.yaml", "values.yaml"]
    assert "zone: utc" in helm.template(tmp_path / "one" / package.file, release="r")


def test_a_chart_that_helm_cannot_read_is_not_packaged(
    helm: Helm, chart: Path, tmp_path: Path
) -> None:
    (chart / "Chart.yaml").write_text("name: clock\nversion: not-a-version\n")
    with pytest.raises(StepError, match="helm failed with exit code 1"):
        helm.package(chart, tmp_path / "one")
    assert list((tmp_path / "one").iterdir()) == []


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and its URL."""
    folder = tmp_path / "repository"
    folder.mkdir()
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_helm_installs_from_the_repository(
    helm: Helm, chart: Path, served: tuple[Path, str]
) -> None:
    folder, url = served
    index = None
    for version in ("1.2.3", "1.10.0"):
        (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: clock\nversion: {version}\n")
        package = helm.package(chart, folder)
        entry = IndexEntry(
            metadata=package.metadata, digest=package.digest, url=package.file, created=NOW
        )
        index = merge_index(index, [entry], generated=NOW)
        (folder / "index.yaml").write_bytes(index)
    run = Runner().run
    latest = run(helm.command("show", "chart", "clock", "--repo", url)).stdout
    assert "version: 1.10.0" in latest
    older = helm.command("template", "r", "clock", "--repo", url, "--version", "1.2.3")
    assert "zone: utc" in run(older).stdout
