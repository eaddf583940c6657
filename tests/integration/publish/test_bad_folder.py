"""A folder that charts cannot be published to, and that stays as it was."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.charts.repository.index import INDEX
from builder.common.errors import ConflictError
from builder.common.process import Command, Runner
from tests.cli.conftest import Run

from .conftest import MOMENT, Shop, content, folder_at, publication, shop_at


@pytest.fixture(scope="module")
def shop(first_week: Shop) -> Shop:
    """One for all tests."""
    return first_week


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
        (tear, 2, f"error: {{}}/index.yaml: the index is damaged: its end is missing{RESTORE}"),
        (tear_line, 2, f"error: {{}}/index.yaml:9:10: the index is damaged: not YAML{RESTORE}"),
        (empty, 2, f"error: {{}}/index.yaml: the index has no entries{RESTORE}"),
        (
            swap,
            7,
            "error: {}/desk-4.0.0.tgz: this is not the package that index.yaml lists\n"
            f"  hint: listed {publication().package.digest},"
            f" found {publication('clock').package.digest}\n",
        ),
        (
            take,
            2,
            "error: {}/desk-4.0.0.tgz: index.yaml lists this package, but the file does not exist\n"
            "  hint: `--against URL` downloads it from the served repository\n",
        ),
        (
            leave,
            2,
            "error: {}/index.yaml: the index lists desk 4.0.0 with a path outside the folder:"
            " ../desk-4.0.0.tgz\n",
        ),
    ],
)
def test_a_repository_that_is_not_well_stays_as_it_is(
    run: Run, tmp_path: Path, damage: Callable[[Path], None], code: int, message: str
) -> None:
    pages = tmp_path / "pages"
    folder_at(pages).add([publication()], generated=MOMENT)
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
        "  hint: run the command again: it computes new versions"
    )
    assert content(tmp_path) == before


def test_a_folder_that_cannot_be(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    place = tmp_path / "file" / "pages"
    assert run("charts", "publish", "--to", str(place)) == (
        5, "", f"error: {place}: Not a directory\n",
    )  # fmt: skip


def test_a_disk_without_room(shop: Shop, runner: Runner, tmp_path: Path) -> None:
    """Here no file may be longer than what is there already."""
    folder_at(tmp_path).add([publication("clock")], generated=MOMENT)
    before = content(tmp_path)
    script = "from builder.cli.main import main; main()"
    root = str(shop.folder.root)
    argv = ("charts", "publish", "--root", root, "--to", str(tmp_path))
    limited = ("prlimit", "--fsize=1000", sys.executable, "-B", "-c", script, *argv)
    environment = {"PYTHONPATH": str(Path(__file__).parents[3])}
    output = runner.run(Command(argv=limited, env=environment), check=False)
    assert (output.code, output.log) == (5, f"error: {tmp_path}: File too large\n")
    assert content(tmp_path) == before


def test_no_chart_is_selected(run: Run, tmp_path: Path) -> None:
    found = run("charts", "publish", "--to", str(tmp_path / "pages"), "-s", "chair")
    assert (found.code, found.out) == (3, "")
    assert not (tmp_path / "pages").exists()
