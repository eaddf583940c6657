"""What charts need of the program helm, tried on the real one and on its fake."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.charts.helm import Helm
from builder.charts.manifests import documents
from builder.charts.next_version import files_of
from builder.charts.tools import Tools
from builder.common.errors import StepError
from builder.common.files import write_tree
from builder.common.process import Runner
from tests.fakes.catalog import Folder
from tests.fakes.helm import FakeHelmProgram

ROOT = Path(__file__).parents[3]
IMAGES = ("127.0.0.1:5999/shop-desk:two", "127.0.0.1:5999/shop-desk:one")


@pytest.fixture(params=["real", "fake"])
def helm(request: pytest.FixtureRequest, tmp_path: Path) -> Helm:
    """The driver of helm, on each program."""
    if request.param == "fake":
        return Helm(runner=FakeHelmProgram(), program=Path("helm"), state=tmp_path / "helm")
    runner = Runner()
    program = Tools(runner=runner, folder=ROOT / "build" / "tools").helm().path
    return Helm(runner=runner, program=program, state=tmp_path / "helm")


@pytest.fixture
def chart(folder: Folder, tmp_path: Path) -> Path:
    """The chart of the small catalog, rendered."""
    project = folder.load()
    write_tree(tmp_path / "desk", files_of(project.catalog, "desk", IMAGES, "1.0.0"))
    return tmp_path / "desk"


def test_templates_have_the_defaults(helm: Helm, chart: Path) -> None:
    assert documents(helm.template(chart, release="r-1")) == [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "desk", "annotations": {"image": IMAGES[0]}},
            "spec": {"ports": [{"port": 80}]},
        }
    ]


def test_a_manifest_names_its_template(helm: Helm, chart: Path) -> None:
    assert "\n# Source: desk/templates/pod.yaml\n" in helm.template(chart, release="r-1")


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_values_go_before_the_defaults(helm: Helm, chart: Path, tmp_path: Path, way: str) -> None:
    given = {"image": {"version": IMAGES[1]}}
    if way == "stdin":
        output = helm.attempt(chart, release="r-1", values=given)
        assert output.code == 0
        text = output.stdout
    else:
        (tmp_path / "values.yaml").write_text(f"image: {{version: '{IMAGES[1]}'}}\n")
        text = helm.template(chart, release="r-1", values=tmp_path / "values.yaml")
    assert documents(text)[0]["metadata"] == {"name": "desk", "annotations": {"image": IMAGES[1]}}


def test_the_release_has_its_name(helm: Helm, chart: Path) -> None:
    template = chart / "templates" / "pod.yaml"
    template.write_text(template.read_text().replace("name: desk", "name: {{ .Release.Name }}"))
    assert documents(helm.template(chart, release="r-1"))[0]["metadata"] == {
        "name": "r-1",
        "annotations": {"image": IMAGES[0]},
    }


def test_a_chart_is_checked(helm: Helm, chart: Path) -> None:
    about = chart / "Chart.yaml"
    about.write_text(about.read_text() + "icon: https://example.org/desk.svg\n")
    checked = helm.check(chart, minors=("1.30",))
    assert (checked.cases, checked.manifests) == (
        ("default-values.yaml", "everything-values.yaml"),
        1,
    )


def test_a_package_is_read_back(helm: Helm, chart: Path, tmp_path: Path) -> None:
    package = helm.package(chart, tmp_path / "packages")
    assert (tmp_path / "packages" / "desk-1.0.0.tgz").read_bytes() == package.data


def test_no_chart_is_no_template(helm: Helm, chart: Path) -> None:
    (chart / "Chart.yaml").unlink()
    with pytest.raises(StepError, match=r"Chart\.yaml"):
        helm.template(chart, release="r-1")
    assert helm.attempt(chart, release="r-1", values={}).code != 0
