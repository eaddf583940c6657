"""What a copied catalog has otherwise becomes a catalog on the original, with few patches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from builder.app.fork_extract import Extracted, opened, write_extracted
from builder.app.fork_extract import original as extract_original
from builder.common.errors import ConfigError
from builder.common.safe_yaml import SafeYaml
from builder.lock.lockfile import dump, parse
from tests.fakes.catalog import FILES, LOCK, MATRIX, Folder
from tests.fakes.git_upstream import Repository

pytestmark = pytest.mark.slow

CHART = (
    "title: {name}\ndescription: One\ncommand: [run]\nport: 8000\nfeatures: [core, size]\n"
    "values:\n  size.disk: {{default: 2Gi}}\n"
)
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata: {{value: '{value}'}}\n"
CHARTS = """\
charts:
  desk: {recipe: seat, image: desk}
  desk-gpu: {recipe: seat, image: desk, features: [card]}
  lamp: {recipe: light, image: desk}
  lamp-gpu: {recipe: light, image: desk, features: [card], values: {size.memory: 8Gi}}
"""


@pytest.fixture
def original(tmp_path: Path) -> Folder:
    """A catalog of four charts, of two recipes."""
    files = {name: text for name, text in FILES.items() if not name.startswith("charts/desk/")}
    return Folder(
        tmp_path / "original",
        {
            **files,
            "matrix.yaml": MATRIX.partition("charts:")[0] + CHARTS,
            "matrix.lock": dump(LOCK),
            "charts/seat/chart.yaml": CHART.format(name="Seat"),
            "charts/light/chart.yaml": CHART.format(name="Light"),
            "charts/features/size/feature.yaml": (
                "summary: How much\nvalues:\n"
                "  size: {type: object, title: Size, text: How much}\n"
                "  size.disk: {type: string, default: 1Gi, text: Disk}\n"
                "  size.memory: {type: string, default: 4Gi, text: Memory}\n"
            ),
            "charts/features/size/templates/size.yaml": OBJECT.format(
                name="size", value="{{ .Values.size.disk }}/{{ .Values.size.memory }}"
            ),
            "charts/features/card/templates/card.yaml": OBJECT.format(
                name="card", value="{{ .Values.card }}"
            ),
            "charts/features/card/feature.yaml": (
                "summary: A card\nvalues:\n  card: {type: boolean, default: true, text: A card}\n"
            ),
        },
    )


@pytest.fixture
def copy(original: Folder, tmp_path: Path) -> Folder:
    """A copy of it, which tests edit as those do who copied."""
    shutil.copytree(original.root, tmp_path / "copy")
    return Folder(tmp_path / "copy", {})


def extract(copy: Folder) -> tuple[Extracted, list[str]]:
    parent = copy.root.parent
    with extract_original(str(parent / "original"), parent / "out") as below:
        return write_extracted(parent / "out", below, opened(copy.root))


def matrix(copy: Folder) -> dict[str, object]:
    """What the new matrix.yaml says, but for what it stands on and why."""
    text = (copy.root.parent / "out/matrix.yaml").read_text()
    data = SafeYaml().load(text)
    assert data.pop("extends") == {"path": "../original", "name": "upstream"}
    for patch in data.get("patches", {}).values():
        assert patch.pop("why") == "otherwise than in shop: say here why"
    return dict(data)


def line(copy: Folder, chart: str, values: str) -> None:
    """Say values in the line of a chart."""
    charts = (copy.root / "matrix.yaml").read_text().partition("charts:")[2]
    text = next(text for text in charts.splitlines() if text.startswith(f"  {chart}: {{"))
    copy.edit("matrix.yaml", text + "\n", f"{text[:-1]}, values: {{{values}}}}}\n")


def test_a_copy_without_a_decision_is_nothing_but_the_original(copy: Folder) -> None:
    found, unlike = extract(copy)
    assert (found.decisions, found.patches, found.not_carried, unlike) == (0, 0, (), [])
    assert list(found.files) == ["matrix.yaml"]
    assert matrix(copy) == {}


def test_what_all_charts_share_is_one_patch_wherever_it_was_written(copy: Folder) -> None:
    """The same memory in three lines, another disk in two recipes, a title in a feature."""
    for chart in ("desk", "desk-gpu", "lamp"):
        line(copy, chart, "size.memory: 6Gi")
    for recipe in ("seat", "light"):
        copy.edit(f"charts/{recipe}/chart.yaml", "2Gi", "9Gi")
    copy.edit("charts/features/size/feature.yaml", "title: Size", "title: Room")
    found, unlike = extract(copy)
    assert unlike == []
    assert (found.decisions, found.patches, list(found.files)) == (3, 1, ["matrix.yaml"])
    assert matrix(copy) == {
        "patches": {
            "size": {
                "charts": "*",
                "values": {
                    "size": {"title": "Room"},
                    "size.memory": {"default": "6Gi"},
                    "size.disk": {"default": "9Gi"},
                },
            }
        }
    }


def test_a_selector_picks_just_those_that_have_it(copy: Folder) -> None:
    line(copy, "desk", "size.memory: 6Gi")
    line(copy, "desk-gpu", "size.memory: 6Gi, card: false")
    copy.edit(
        "matrix.yaml", "values: {size.memory: 8Gi}", "values: {size.memory: 8Gi, card: false}"
    )
    copy.edit("matrix.yaml", "  lamp: {recipe: light, image: desk}\n",
              "  lamp: {recipe: light, image: desk, values: {size.disk: 5Gi}}\n")  # fmt: skip
    found, unlike = extract(copy)
    assert unlike == []
    assert (found.decisions, found.patches) == (3, 2)
    assert matrix(copy) == {
        "charts": {"lamp": {"values": {"size.disk": "5Gi"}}},
        "patches": {
            "size": {"charts": "recipe=seat", "values": {"size.memory": {"default": "6Gi"}}},
            "card": {"charts": "*", "values": {"card": {"default": False}}},
        },
    }


def test_features_that_charts_got_or_lost(copy: Folder) -> None:
    copy.write("charts/features/own/feature.yaml", "summary: Ours\n")
    text = (copy.root / "matrix.yaml").read_text().replace("[card]", "[card, own]")
    copy.write("matrix.yaml", text)
    for chart, recipe in (("desk", "seat"), ("lamp", "light")):
        copy.edit("matrix.yaml", f"  {chart}: {{recipe: {recipe},",
                  f"  {chart}: {{features: [own], recipe: {recipe},")  # fmt: skip
    found, unlike = extract(copy)
    assert unlike == []
    assert sorted(found.files) == ["charts/features/own/feature.yaml", "matrix.yaml"]
    assert matrix(copy) == {"patches": {"own": {"charts": "*", "features+": ["own"]}}}


def test_a_feature_that_stands_elsewhere_is_said_in_its_file(copy: Folder) -> None:
    copy.write("charts/features/own/feature.yaml", "summary: Ours\n")
    copy.edit("charts/seat/chart.yaml", "[core, size]", "[own, core, size]")
    found, unlike = extract(copy)
    assert unlike == []
    assert found.patches == 0
    assert found.files["charts/seat/chart.yaml"] == b"+features:\n- own\n"


def test_names_packages_and_files_more_or_less(copy: Folder) -> None:
    copy.edit("matrix.yaml", "  lamp: {recipe: light, image: desk}\n", "")
    copy.edit(
        "matrix.yaml", "  desk: {from: speech", "  extra: {from: desk}\n  desk: {from: speech"
    )
    copy.write("images/extra/recipe.yaml", "summary: More\n")
    copy.write("images/extra/Dockerfile.j2", "FROM {{ parent }}\n")
    copy.edit("images/desk/recipe.yaml", "apt: [desk]", "apt: [desk, lamp]")
    copy.write("images/desk/files/more.conf", "more\n")
    copy.allow("images/desk/files/more.conf", 0o755)
    found, unlike = extract(copy)
    assert unlike == []
    assert found.decisions == 6
    assert matrix(copy) == {"images": {"extra": {"from": "desk"}}, "charts": {"lamp": None}}
    assert found.files["images/desk/recipe.yaml"] == b"packages:\n  apt+:\n  - lamp\n"
    assert (copy.root.parent / "out/images/desk/files/more.conf").stat().st_mode & 0o777 == 0o755


def test_other_files_are_replaced_under_guard_or_left_out(copy: Folder) -> None:
    copy.edit("images/tool/Dockerfile.j2", "/tool", "/tools")
    (copy.root / "images/desk/files/desk.conf").unlink()
    copy.write("images/desk/files/other.conf", "x\n")
    found, unlike = extract(copy)
    assert (found.decisions, found.not_carried, unlike) == (3, (), [])
    assert found.files["images/desk/files/.removed"] == b"desk.conf\n"
    lock = parse((copy.root.parent / "out/matrix.lock").read_text())
    assert list(lock.replaces) == ["images/tool/Dockerfile.j2"]


def test_what_cannot_be_said_is_told(copy: Folder) -> None:
    path = "charts/features/core/templates/more.yaml"
    Folder(copy.root.parent / "original", {path: OBJECT.format(name="more", value="x")})
    found, unlike = extract(copy)
    assert (found.decisions, found.not_carried) == (1, (path,))
    charts = ("desk", "desk-gpu", "lamp", "lamp-gpu")
    assert unlike == [f"charts/{chart}/templates/more.yaml" for chart in charts]


def test_a_folder_that_is_not_empty(copy: Folder) -> None:
    with (
        pytest.raises(ConfigError) as caught,
        extract_original(str(copy.root), copy.root) as below,
    ):
        write_extracted(copy.root, below, opened(copy.root))
    assert str(caught.value) == (f"{copy.root} is not empty\n  hint: name a new folder with --out")


def texts(folder: Folder) -> dict[str, str]:
    files = (file for file in folder.root.rglob("*") if file.is_file())
    return {file.relative_to(folder.root).as_posix(): file.read_text() for file in files}


def test_the_original_is_a_commit_of_git(original: Folder, copy: Folder, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "upstream.git")
    then = repository.commit(texts(original))
    repository.commit({"matrix.yaml": "catalog: {name: of-today}\n"})
    line(copy, "desk", "size.memory: 6Gi")
    out = tmp_path / "out"
    with extract_original(f"{repository.url}@{then}", out) as below:
        found, unlike = write_extracted(out, below, opened(copy.root))
    assert (found.decisions, unlike) == (1, [])
    head = f"extends: {{git: {json.dumps(repository.url)}, name: upstream}}\n"
    assert (out / "matrix.yaml").read_text().startswith(head)
    pin = parse((out / "matrix.lock").read_text()).upstreams["upstream"]
    assert (pin.commit, pin.source) == (then, {"git": repository.url})


def test_a_tag_of_git_stays_the_one_that_is_stood_on(original: Folder, tmp_path: Path) -> None:
    repository = Repository(tmp_path / "upstream.git")
    repository.commit(texts(original))
    repository.git("tag", "v1")
    with extract_original(f"{repository.url}@v1", tmp_path / "out") as below:
        assert below.extends == {"git": repository.url, "ref": "v1"}


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 4])
def test_there_are_no_more_patches_than_shared_decisions(copy: Folder, number: int) -> None:
    """Each is written into two files or lines or more, as in a copy."""
    decisions = [
        lambda: [line(copy, chart, "size.memory: 6Gi") for chart in ("desk", "desk-gpu", "lamp")],
        lambda: [
            copy.edit(f"charts/{name}/chart.yaml", "2Gi", "9Gi") for name in ("seat", "light")
        ],
        lambda: [copy.edit("charts/features/card/feature.yaml", "text: A card", "text: Cards")],
        lambda: [copy.edit("charts/features/size/feature.yaml", "text: Disk", "text: Room")],
    ]
    for decide in decisions[:number]:
        decide()
    found, unlike = extract(copy)
    assert unlike == []
    assert (found.decisions, found.patches <= number) == (number, True)
