"""What a catalog below is going to remove is copied, or nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.app.kept_objects import KeptObject, keep
from builder.common.errors import BuilderError
from builder.project import Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.catalog import LOCK, Folder, prints

MINE = "extends: {path: ../shop}\ncatalog: {name: mine}\nimages:\n  extra: {from: tool}\n\n# End.\n"
FILES = {
    "images/extra/recipe.yaml": "summary: More\n",
    "images/extra/Dockerfile.j2": "FROM {{ parent }}\n",
}


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "shop")


def mine(shop: Folder, matrix: str = MINE) -> Folder:
    return Folder(shop.root.parent / "mine", {"matrix.yaml": matrix, **FILES})


def test_an_image_stays_after_the_catalog_below_removed_it(shop: Folder) -> None:
    own = mine(shop)
    before = prints(Workspace(own.root).load(ecosystems=ECOSYSTEMS), LOCK)
    assert keep(Workspace(own.root).files, ["tool"]) == (
        KeptObject(
            kind="image",
            name="tool",
            paths=("images/tool/Dockerfile.j2", "images/tool/recipe.yaml"),
        ),
    )
    assert (own.root / "matrix.yaml").read_text() == (
        "extends: {path: ../shop}\ncatalog: {name: mine}\nimages:\n  extra: {from: tool}\n"
        "  # Kept from below:\n  # set at shop:matrix.yaml:17:9\n"
        "  tool: {from: base, publish: false}\n\n# End.\n"
    )
    shop.drop("matrix.yaml", "tool: {from")
    shop.edit("matrix.yaml", ", inputs: [tool]", "")
    shop.edit("images/desk/Dockerfile.j2", "COPY --from=tool /tool /tool\n", "")
    after = prints(Workspace(own.root).load(ecosystems=ECOSYSTEMS), LOCK)
    assert after["extra/os=2"].digest == before["extra/os=2"].digest


def test_other_lines_of_the_matrix_keep_each_byte(shop: Folder) -> None:
    text = f"\ufeff{MINE}".replace("\n", "\r\n").removesuffix("\r\n").encode()
    own = mine(shop)
    (own.root / "matrix.yaml").write_bytes(text)
    keep(Workspace(own.root).files, ["tool"])
    after = (own.root / "matrix.yaml").read_bytes()
    added = (
        b"  # Kept from below:\r\n  # set at shop:matrix.yaml:17:9\r\n"
        b"  tool: {from: base, publish: false}\r\n"
    )
    assert after.replace(added, b"") == text


def test_charts_and_features_are_kept_too(shop: Folder) -> None:
    own = mine(shop, "extends: {path: ../shop}\ncatalog: {name: mine}\n")
    found = keep(Workspace(own.root).files, ["core", "desk"])
    assert [(item.kind, item.name) for item in found] == [("feature", "core"), ("image", "desk")]
    assert (own.root / "charts/features/core/templates/pod.yaml").is_file()
    assert (
        (own.root / "matrix.yaml")
        .read_text()
        .endswith(
            "images:\n  # Kept from below:\n  # set at shop:matrix.yaml:19:9\n"
            "  desk: {from: speech, inputs: [tool]}\n"
        )
    )


@pytest.mark.parametrize(
    ("matrix", "names", "message"),
    [
        (
            MINE, ["tool", "lamp"],
            "no catalog below has an image, a chart or a feature 'lamp'\n"
            "  hint: known: base, tool, speech, desk, core",
        ),
        (
            "extends: {path: ../shop}\nimages: {extra: {from: tool}}\n", ["tool"],
            "matrix.yaml:2:1: 'images' is written in braces: 'tool' cannot be added to it\n"
            "    images: {extra: {from: tool}}\n"
            "    ^\n"
            "  hint: write it as a block; or add this to it:"
            ' tool: {from: base, publish: false}',
        ),
        (
            "extends: {path: ../shop}\nimages:\n  tool: {publish: true}\n", ["tool"],
            "matrix.yaml:3:3: images has 'tool' already\n"
            "      tool: {publish: true}\n"
            "      ^\n"
            "  hint: merge it by hand with what is below:"
            ' tool: {from: base, publish: false}',
        ),
    ],
)  # fmt: skip
def test_nothing_is_copied_where_one_of_them_cannot_be(
    shop: Folder, matrix: str, names: list[str], message: str
) -> None:
    own = mine(shop, matrix)
    before = {path: path.read_bytes() for path in own.root.rglob("*") if path.is_file()}
    with pytest.raises(BuilderError) as caught:
        keep(Workspace(own.root).files, names)
    assert str(caught.value) == message
    assert {path: path.read_bytes() for path in own.root.rglob("*") if path.is_file()} == before
