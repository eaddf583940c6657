"""The files of a chart's folder; `tests/integration/helm/test_folders.py` asks Helm the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.charts.chart_folder import folder_files
from builder.common.errors import ConfigError


def test_links_are_followed(tmp_path: Path) -> None:
    chart, shared = tmp_path / "chart", tmp_path / "shared"
    for folder in (chart, shared):
        folder.mkdir()
    (shared / "a.yaml").write_bytes(b"a")
    (chart / "templates").symlink_to(shared)
    (chart / "b.yaml").symlink_to(shared / "a.yaml")
    assert folder_files(chart) == {"b.yaml": b"a", "templates/a.yaml": b"a"}


def test_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError) as caught:
        folder_files(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/a.yaml: it is a link to nothing\n"
        "  hint: Helm does not load such a chart: remove it, or name it in .helmignore"
    )
    (tmp_path / ".helmignore").write_text("a.yaml\n")
    assert list(folder_files(tmp_path)) == [".helmignore"]


def test_a_link_to_a_folder_that_it_stands_in(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    with pytest.raises(ConfigError) as caught:
        folder_files(tmp_path)
    assert str(caught.value) == f"{tmp_path}/loop: this link points to a folder that contains it"


def too_large(chart: Path) -> str:
    return (
        f"{chart}: the folder is larger than Helm allows for a chart\n"
        "  hint: name in .helmignore the files that are no part of the chart; links are followed"
    )


@pytest.mark.slow
def test_links_that_multiply_what_they_lead_to(tmp_path: Path) -> None:
    for number in range(20):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).symlink_to(tmp_path / str(number + 1))
    (tmp_path / "20").mkdir()
    with pytest.raises(ConfigError) as caught:
        folder_files(tmp_path / "0")
    assert str(caught.value) == too_large(tmp_path / "0")


def test_a_folder_with_more_than_helm_unpacks(tmp_path: Path) -> None:
    with (tmp_path / "data.bin").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError) as caught:
        folder_files(tmp_path)
    assert str(caught.value) == too_large(tmp_path)
    (tmp_path / ".helmignore").write_text("*.bin\n")
    assert list(folder_files(tmp_path)) == [".helmignore"]


def test_a_pattern_that_helm_does_not_know(tmp_path: Path) -> None:
    (tmp_path / ".helmignore").write_text("# **\n**/x.yaml\n")
    with pytest.raises(ConfigError) as caught:
        folder_files(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/.helmignore:2: Helm does not know this pattern\n"
        "    **/x.yaml\n"
        "  hint: Helm has no `**`: name the folder, e.g. `docs/`"
    )
