"""Macros, the chart library and chart features: the catalog's own first, then the builder's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builder.catalog.models import Catalog
from builder.catalog.recipe import build_variables
from builder.common.errors import ConfigError
from builder.plan.dockerfile import DockerfileRenderer
from builder.project import SHARED, Workspace
from tests.fakes.catalog import Folder, prints

ROOT = Path(__file__).parents[2]
CORE = "charts/features/core/feature.yaml"


def load(folder: Folder) -> Catalog:
    return Workspace(folder.root).load().catalog


@pytest.mark.parametrize(
    ("kind", "place"),
    [("macros", "images/_macros"), ("library", "charts/library"), ("features", "charts/features")],
)
def test_what_comes_with_the_builder_is_that_of_its_catalog(kind: str, place: str) -> None:
    assert (SHARED / kind).resolve() == ROOT / place


def test_a_catalog_without_macros_has_the_builders(folder: Folder) -> None:
    shutil.rmtree(folder.root / "images/_macros")
    for image in ("base", "speech", "desk"):
        folder.write(f"images/{image}/Dockerfile.j2", "FROM {{ parent }}\n{{ install(packages) }}")
    dockerfile = prints(folder.load())["base/os=2"].document["dockerfile"]
    assert "apt-get install --yes --no-install-recommends" in dockerfile
    assert "id=apt-lists-2,target=/var/lib/apt/lists" in dockerfile  # its axis is not `debian`


def test_a_file_of_macros_takes_the_place_of_the_builders(folder: Folder) -> None:
    assert prints(folder.load())["base/os=2"].document["dockerfile"] == (
        "FROM parent\nRUN get tar grep\n"
    )
    assert {Path(name).name for name in load(folder).macros} >= {"install.j2", "java.j2"}
    assert len([name for name in load(folder).macros if name.endswith("install.j2")]) == 1


def test_a_macro_of_the_catalog_goes_before_one_of_another_file(folder: Folder) -> None:
    """Whichever name comes first in the alphabet."""
    (folder.root / "images/_macros/install.j2").rename(folder.root / "images/_macros/a.j2")
    folder.write("matrix.yaml", (folder.root / "matrix.yaml").read_text())  # read it again
    assert "RUN get tar grep" in prints(folder.load())["base/os=2"].document["dockerfile"]


def test_a_macro_may_use_those_of_files_before_its_own(folder: Folder) -> None:
    folder.write("images/_macros/a.j2", "{% macro first() %}one{% endmacro %}")
    folder.write("images/_macros/b.j2", "{% macro second() %}RUN {{ first() }} two{% endmacro %}")
    folder.write("images/base/Dockerfile.j2", "FROM {{ parent }}\n{{ second() }}\n")
    assert prints(folder.load())["base/os=2"].document["dockerfile"] == "FROM parent\nRUN one two\n"


@pytest.mark.parametrize(
    ("name", "place"), [("/opt/b/x.j2", "/opt/b/x.j2:1"), ("x.j2", "images/_macros/x.j2:1")]
)
def test_a_mistake_in_a_macro_is_shown_where_it_stands(
    folder: Folder, name: str, place: str
) -> None:
    project = folder.load()
    recipe, target = project.catalog.recipes["tool"], project.expansion.targets["tool/os=2"]
    renderer = DockerfileRenderer(
        macros={name: "{% macro"}, macros_path="images/_macros", sources={}
    )
    with pytest.raises(ConfigError, match=rf"^{place}: template: unexpected"):
        renderer.render(recipe, build_variables(target, project.catalog.matrix, {}, {}))


def test_a_catalog_without_a_library_has_the_builders(folder: Folder) -> None:
    shutil.rmtree(folder.root / "charts/library")
    library = load(folder).library
    assert library["Chart.yaml"] == (ROOT / "charts/library/Chart.yaml").read_bytes()
    assert ".helmignore" in library


def test_a_library_of_the_catalog_is_whole(folder: Folder) -> None:
    assert set(load(folder).library) == {"Chart.yaml"}


def test_a_feature_of_the_catalog_takes_the_place_of_the_builders(folder: Folder) -> None:
    folder.write("charts/features/service/feature.yaml", "summary: Ours\nvalues: {}\n")
    features = load(folder).features
    assert features["service"].summary == "Ours"
    assert list(features["service"].files) == ["feature.yaml"]
    assert features["service"].folder == "charts/features/service"
    assert features["core"].folder == "charts/features/core"
    assert features["session"].folder == str(ROOT / "charts/features/session")
    assert list(features) == sorted(features)


def test_what_comes_with_the_builder_changes_nothing_of_a_catalog_that_has_its_own(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = {key: found.digest for key, found in prints(folder.load()).items()}
    shared = tmp_path / "shared"
    shared.mkdir()
    for kind in ("macros", "library", "features"):
        shutil.copytree((SHARED / kind).resolve(), shared / kind)
    (shared / "macros/more.j2").write_text("{% macro install(packages) %}RUN other{% endmacro %}")
    (shared / "library/Chart.yaml").write_text("name: other\nversion: 9.9.9\n")
    monkeypatch.setattr("builder.project.SHARED", shared)
    project = Workspace(folder.root).load()
    assert {key: found.digest for key, found in prints(project).items()} == before
    assert b"lib" in project.catalog.library["Chart.yaml"]
