"""`builder charts publish` to a folder of static pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.chart_repository import FolderRepository, Publication
from builder.chart_served import ServedRepository
from builder.config.parse import Network
from builder.errors import ConflictError
from builder.helm import Helm
from builder.process import Runner
from builder.render.chart_index import INDEX
from builder.render.chart_package import ChartPackage, pack
from builder.resolvers.fetch import Fetcher
from tests.cli.conftest import Run
from tests.fakes.charts import files

from .conftest import CORE, WEEKS, Shop, changelog, content, served, shop_at, versions

MOMENT = "2026-01-05T00:00:00Z"
OFFLINE = Network(ca="", http_proxy="", https_proxy="", no_proxy="", mirrors={})


def folder_at(path: Path) -> FolderRepository:
    """A repository that asks nobody."""
    others = ServedRepository(url="", fetcher=Fetcher(network=OFFLINE, folder=path / "files"))
    return FolderRepository(folder=path, others=others)


def publication(name: str = "desk", version: str = "4.0.0") -> Publication:
    """A package of somebody else."""
    about = f"apiVersion: v2\nname: {name}\nversion: {version}\ndescription: Not ours\n"
    return Publication(package=ChartPackage(data=pack(name, files(about=about))), created=MOMENT)


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
        "- `image.version` (string) is new\n"
        "- `templates/_command.tpl` is new\n"
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


def test_nothing_is_released(tmp_path: Path, run: Run, runner: Runner) -> None:
    with shop_at(tmp_path / "new", runner) as shop:
        root = str(shop.folder.root)
        assert run("charts", "publish", "--root", root, "--to", str(tmp_path / "pages")) == (
            5, "",
            f"error: nothing is released in {shop.address}/shop-releases\n"
            "  hint: `builder weekly` builds, tests and releases; `builder publish` does the last"
            " of it\n",
        )  # fmt: skip
    assert not (tmp_path / "pages").exists()


def tear(folder: Path) -> None:
    """Half an index, torn between two lines."""
    index = folder / INDEX
    index.write_text(index.read_text().partition("      digest")[0])


def tear_line(folder: Path) -> None:
    """Half an index, torn within a line."""
    index = folder / INDEX
    index.write_text(index.read_text().partition("digest")[0] + "dig")


def swap(folder: Path) -> None:
    """Another package than the one that is listed."""
    (folder / "desk-4.0.0.tgz").write_bytes(publication("clock").package.data)


def take(folder: Path) -> None:
    """A package that is listed and gone."""
    (folder / "desk-4.0.0.tgz").unlink()


def leave(folder: Path) -> None:
    """An index that names a file outside of the folder."""
    index = folder / INDEX
    index.write_text(index.read_text().replace('"desk-4.0.0.tgz"', '"../desk-4.0.0.tgz"'))


def empty(folder: Path) -> None:
    """An index without entries."""
    (folder / INDEX).write_text(f"apiVersion: v1\ngenerated: {MOMENT}\n")


RESTORE = "\n  hint: restore it, or move it away to list only what is published from now on\n"


@pytest.mark.parametrize(
    ("damage", "code", "message"),
    [
        (tear, 2, f"error: {{}}/index.yaml: the index is torn: its end is missing{RESTORE}"),
        (tear_line, 2, f"error: {{}}/index.yaml:9:10: the index is torn: not YAML{RESTORE}"),
        (empty, 2, f"error: {{}}/index.yaml: the index has no entries{RESTORE}"),
        (
            swap,
            7,
            "error: {}/desk-4.0.0.tgz: it is not the package that index.yaml lists\n"
            f"  hint: listed {publication().package.digest},"
            f" found {publication('clock').package.digest}\n",
        ),
        (
            take,
            2,
            "error: {}/desk-4.0.0.tgz: index.yaml lists it, and it is not there\n"
            "  hint: `--against URL` gets it from where it is served\n",
        ),
        (
            leave,
            2,
            "error: {}/index.yaml: the index lists desk 4.0.0 outside of it: ../desk-4.0.0.tgz\n",
        ),
    ],
)
def test_a_repository_that_is_not_well_stays_as_it_is(
    shop: Shop, run: Run, tmp_path: Path, damage: object, code: int, message: str
) -> None:
    pages = tmp_path / "pages"
    folder_at(pages).add([publication()], generated=MOMENT)
    assert callable(damage)
    damage(pages)
    before = content(pages)
    assert run("charts", "publish", "--to", str(pages)) == (code, "", message.format(pages))
    assert content(pages) == before


def test_somebody_else_publishes_just_now(tmp_path: Path) -> None:
    folder_at(tmp_path).add([publication()], generated=MOMENT)
    late = folder_at(tmp_path)
    assert late.newest("desk") is not None
    folder_at(tmp_path).add([publication(version="4.0.1")], generated=MOMENT)
    before = content(tmp_path)
    with pytest.raises(ConflictError) as caught:
        late.add([publication(version="4.0.2")], generated=MOMENT)
    assert str(caught.value) == (
        f"another run published to {tmp_path} just now\n"
        "  hint: run it again: versions follow from what is there"
    )
    assert content(tmp_path) == before


def test_a_folder_that_cannot_be(shop: Shop, run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    place = tmp_path / "file" / "pages"
    assert run("charts", "publish", "--to", str(place)) == (
        5, "", f"error: {place}: Not a directory\n",
    )  # fmt: skip


def test_no_chart_is_selected(shop: Shop, run: Run, tmp_path: Path) -> None:
    found = run("charts", "publish", "--to", str(tmp_path / "pages"), "-s", "chair")
    assert (found.code, found.out) == (3, "")
    assert not (tmp_path / "pages").exists()
