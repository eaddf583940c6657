"""`builder charts publish` to a folder of static pages."""

from __future__ import annotations

from pathlib import Path

from builder.charts.helm import Helm
from builder.common.process import Runner
from tests.cli.conftest import Run

from .conftest import (
    CORE,
    MOMENT,
    WEEKS,
    Shop,
    changelog,
    content,
    folder_at,
    publication,
    served,
    versions,
)


def test_versions_follow_from_what_changed(shop: Shop, run: Run, tmp_path: Path) -> None:
    pages = tmp_path / "pages"
    assert run("charts", "publish", "--to", str(pages)) == (
        0, "desk 1.0.0: new\n", f"1 of 1 chart published to {pages}\n",
    )  # fmt: skip
    before = content(pages)
    assert run("charts", "publish", "--to", str(pages)) == (
        0, "desk 1.0.0: nothing in it changed\n", f"0 of 1 chart published to {pages}\n",
    )  # fmt: skip
    assert content(pages) == before
    told = []
    for week, day in zip(
        (shop.change_image, shop.add_zone, shop.take_zone), WEEKS[1:], strict=True
    ):
        week(day)
        told.append(run("charts", "publish", "--to", str(pages)).out)
    assert told == [
        "desk 1.0.1: changed since 1.0.0\n",
        "desk 1.1.0: changed since 1.0.1\n",
        "desk 2.0.0: changed since 1.1.0\n",
    ]
    assert versions(pages) == ["2.0.0", "1.1.0", "1.0.1", "1.0.0"]
    image = f"{shop.address}/shop-desk:latest"
    assert changelog(pages, "2.0.0") == (
        "# Changes of desk\n"
        "\n"
        "## 2.0.0\n"
        "\n"
        "- `zone` is gone\n"
        "\n"
        "## 1.1.0\n"
        "\n"
        "- `zone` (string) is new\n"
        "\n"
        "## 1.0.1\n"
        "\n"
        f'- `image.version` is `"{image}-2026.11.30"` by default, and was'
        f' `"{image}-2026.11.23"`\n'
        "\n"
        "## 1.0.0\n"
        "\n"
        "- The first version\n"
    )


def test_helm_reads_what_is_published(
    shop: Shop, run: Run, tmp_path: Path, helm: Helm, runner: Runner
) -> None:
    assert run("charts", "publish", "--to", str(tmp_path / "pages")).code == 0
    with served(tmp_path / "pages") as url:
        command = helm.command("show", "readme", "desk", "--repo", url)
        readme = runner.run(command).stdout
    assert "| value | type | default | meaning |" in readme
    assert f'| `image.version` | string | `"{shop.address}/shop-desk:latest-2026.11.23"`' in readme


def test_a_repository_with_a_history_of_its_own(shop: Shop, run: Run, tmp_path: Path) -> None:
    others = [publication(), publication(version="3.9.0"), publication("clock", "1.0.0")]
    folder_at(tmp_path).add(others, generated=MOMENT)
    assert (
        run("charts", "publish", "--to", str(tmp_path)).out == "desk 5.0.0: changed since 4.0.0\n"
    )
    assert versions(tmp_path) == ["5.0.0", "4.0.0", "3.9.0"]
    assert versions(tmp_path, "clock") == ["1.0.0"]
    assert changelog(tmp_path, "5.0.0") == (
        "# Changes of desk\n"
        "\n"
        "## 5.0.0\n"
        "\n"
        "- `global.suspend` is gone\n"
        "- `zone` is gone\n"
        "- `templates/network.yaml` is gone\n"
        "- `image.version` (string) is new\n"
        "- `templates/_command.tpl` is new\n"
        "- `templates/_given.tpl` is new\n"
        "- `templates/_slots.tpl` is new\n"
    )
    assert (
        run("charts", "publish", "--to", str(tmp_path)).out == "desk 5.0.0: nothing in it changed\n"
    )
    shop.change_image(WEEKS[1])
    assert (
        run("charts", "publish", "--to", str(tmp_path)).out == "desk 5.0.1: changed since 5.0.0\n"
    )


def test_the_folder_of_the_release_holds_it_all(shop: Shop, run: Run) -> None:
    """`builder publish` writes one repository itself, and the other follows it."""
    shop.change_image(WEEKS[1])
    assert run("publish", "--engine", "podman").code == 0
    own = shop.folder.root / "build" / "charts"
    before = content(own)
    assert versions(own) == ["1.0.1", "1.0.0"]
    assert run("charts", "publish", "--to", str(own)).out == "desk 1.0.1: nothing in it changed\n"
    assert content(own) == before


def test_what_changed_here_and_is_not_released(shop: Shop, run: Run, tmp_path: Path) -> None:
    shop.folder.edit(CORE, "text: The image}", "text: An image}")
    assert run("charts", "publish", "--to", str(tmp_path)) == (
        0, "desk 1.0.0: new\n",
        "desk: changed here since; `builder publish` releases it\n"
        f"1 of 1 chart published to {tmp_path}\n",
    )  # fmt: skip
