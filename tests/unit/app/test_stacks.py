"""What becomes of a catalog that stands on another one, on another content of that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.app.app import App
from builder.app.own_patches import accept_patches
from builder.app.stacks import StackComparison, read_stack
from builder.diff.stacks import ChartOutcome, StackDiff
from builder.overlay.extends import Finding
from builder.overlay.replaced_files import lock_of
from builder.project import Workspace
from builder.report.stacks import FORMATS, as_markdown, as_table
from tests.fakes.catalog import Folder
from tests.fakes.report import check_stack_diff

pytestmark = pytest.mark.slow

MINE = """\
extends: {path: ../shop}
catalog: {name: mine}
images:
  extra: {from: desk, only: {lang: ["1.9"]}}
charts:
  desk: {values: {size: 2Gi}}
"""
FILES = {
    "images/extra/recipe.yaml": "summary: More\nbudget: 60 MB\n",
    "images/extra/Dockerfile.j2": "FROM {{ parent }}\n",
}
FEATURE = "charts/features/core/feature.yaml"
POD = "charts/features/core/templates/pod.yaml"
SIZE = "  size: {type: string, default: 1Gi, title: Size, text: How much}"


@pytest.fixture
def shops(tmp_path: Path) -> tuple[Folder, Folder]:
    """The catalog below, twice: as it is, and as it becomes."""
    shops = Folder(tmp_path / "shop"), Folder(tmp_path / "new")
    for shop in shops:
        shop.edit(FEATURE, "values:\n", f"values:\n{SIZE}\n")
        shop.edit(POD, "image: {{", "size: {{ .Values.size | quote }}, image: {{")
    return shops


def compared(
    shops: tuple[Folder, Folder], matrix: str = MINE, files: Mapping[str, str] = FILES
) -> StackDiff:
    """A catalog that stands on the first one, on the second one."""
    root = shops[0].root.parent / "mine"
    own = Workspace(Folder(root, {"matrix.yaml": matrix, **files}).root)
    return StackComparison(
        read_stack(own),
        read_stack(Workspace(own.root, finding=Finding(given={"shop": shops[1].root}))),
        labels={"shop": ("old", "new")},
        as_app=App,
    ).compare()


def test_nothing_changes(shops: tuple[Folder, Folder]) -> None:
    found = compared(shops)
    assert (found.is_empty, found.is_clean, found.same) == (True, True, 9)
    assert as_table(found) == "shop old → new\nNothing changed."
    assert as_table(found) == "shop old → new\nNothing changed."


def test_what_is_adopted_and_what_is_built(shops: tuple[Folder, Folder]) -> None:
    shops[1].write("images/desk/files/desk.conf", "wood = ash\n")
    found = compared(shops)
    assert (
        as_markdown(found)
        == """\
## shop old → new

2 adopted, 1 built, 6 as before. What is built takes about 1 minute and 60 MB.

### What shop changed

| kind | name | change | was | is | reaches |
|---|---|---|---|---|---|
| file | `images/desk/files/desk.conf` | changed |  |  | 2 targets |

### Targets

| what | target | why |
|---|---|---|
| adopted | `desk/os=2,lang=1.10` | changed: context |
| adopted | `desk/os=1,lang=1.9` | changed: context |
| built | `extra/os=1,lang=1.9` | images/extra/Dockerfile.j2 and 1 more file |

### Charts

| chart | version | why |
|---|---|---|
| `desk` | +0.0.1 | changed: its images |"""
    )
    check_stack_diff(FORMATS["json"](found))


def test_names_that_are_gone_and_conflicts(shops: tuple[Folder, Folder]) -> None:
    shops[1].edit("matrix.yaml", '    "1.9":', '    "1.8":')
    shops[1].edit(FEATURE, "  size: {", "  disk: {")
    shops[1].drop("matrix.yaml", "tool: {from")
    shops[1].edit("matrix.yaml", ", inputs: [tool]", "")
    shops[1].edit("images/desk/Dockerfile.j2", "COPY --from=tool /tool /tool\n", "")
    found = compared(shops)
    assert (
        as_table(found)
        == """\
shop old → new
1 conflict to settle before mine can stand on it.

conflict: matrix.yaml:4:37: axis lang has no value '1.9'
      extra: {from: desk, only: {lang: ["1.9"]}}
                                        ^
  hint: did you mean 1.8 or 1.10?

What shop changed
KIND        NAME                       CHANGE           WAS                  IS   REACHES
file        images/desk/Dockerfile.j2  changed                                    2 targets
axis value  lang=1.9                   removed
axis value  lang=1.8                   added
image       tool                       removed
image       desk                       changed: inputs  [{"image": "tool"}]
recipe      tool                       removed
value       core: size                 removed          1Gi                       1 chart
value       core: disk                 added                                 1Gi  1 chart

Names that we use, and are gone below
KIND        NAME      NOW  PLACES
axis value  lang=1.9       matrix.yaml:4:37
value       size           matrix.yaml:6:19"""
    )
    assert (found.is_clean, found.packages, found.targets) == (False, None, ())
    check_stack_diff(FORMATS["json"](found))


def test_what_ours_stands_on_and_is_removed_below(shops: tuple[Folder, Folder]) -> None:
    matrix = MINE.replace('from: desk, only: {lang: ["1.9"]}', "from: base, inputs: [tool]")
    shops[1].drop("matrix.yaml", "tool: {from")
    shops[1].edit("matrix.yaml", ", inputs: [tool]", "")
    shops[1].edit("images/desk/Dockerfile.j2", "COPY --from=tool /tool /tool\n", "")
    (conflict,) = compared(shops, matrix).conflicts
    assert conflict.text == (
        "matrix.yaml:4:32: unknown input 'tool': shop removed it in new [E-UPSTREAM-REMOVED]\n"
        "      extra: {from: base, inputs: [tool]}\n"
        "                                   ^\n"
        "  hint: keep it: `builder upstream keep tool` copies it into this catalog; or name another"
    )


def test_what_came_and_went(shops: tuple[Folder, Folder]) -> None:
    shops[1].drop("matrix.yaml", "desk: {image")
    shops[1].edit("matrix.yaml", "charts:", "charts: {}")
    shops[1].drop("matrix.yaml", "tool: {from")
    shops[1].edit("matrix.yaml", ", inputs: [tool]", "")
    shops[1].edit("images/desk/Dockerfile.j2", "COPY --from=tool /tool /tool\n", "")
    found = compared(shops, MINE.partition("charts:")[0])
    assert [(row.id, row.outcome) for row in found.targets if row.outcome != "adopted"] == [
        ("extra/os=1,lang=1.9", "built"), ("tool/os=2", "removed"), ("tool/os=1", "removed"),
    ]  # fmt: skip
    assert found.charts == (ChartOutcome(name="desk", version="", level="removed", reason=""),)


def test_a_mistake_below_is_a_conflict_with_a_place_of_ours(
    shops: tuple[Folder, Folder],
) -> None:
    shops[1].edit("images/speech/Dockerfile.j2", "install(packages)", "install(package)")
    (conflict,) = compared(shops).conflicts
    assert conflict.text == (
        "images/_macros/install.j2:2: template: 'package' is undefined\n"
        "    RUN get {{ packages.apt | join(' ') }}\n"
        "  hint: did you mean packages?; this catalog stands on another one at matrix.yaml:1:1"
    )


def test_what_is_in_the_place_of_a_file_below(shops: tuple[Folder, Folder]) -> None:
    files = {
        "images/desk/files/desk.conf": "wood = ash\n",
        "images/tool/Dockerfile.j2": "FROM {{ parent }}\nRUN make /tools\n",
        "images/speech/Dockerfile.j2": "FROM {{ parent }}\n",
    }
    shops[1].write("images/desk/files/desk.conf", "wood = elm\nlegs = 4\n")
    shops[1].write("images/tool/Dockerfile.j2", files["images/tool/Dockerfile.j2"])
    found = compared(shops, files={**FILES, **files})
    assert [(row.path, row.state, row.added, row.removed) for row in found.replaced] == [
        ("images/desk/files/desk.conf", "changed below", 2, 1),
        ("images/speech/Dockerfile.j2", "same below", 0, 0),
        ("images/tool/Dockerfile.j2", "now equal", 1, 1),
    ]
    assert not found.is_clean


PATCHES = """\
patches:
  bigger: {charts: "*", why: w, values: {size: {default: 2Gi}}}
  one: {charts: feature=core, expect: "1", why: w, values: {size: {title: Disk}}}
  some: {charts: "d*", why: w, values: {image.version: {title: Which}}}
  shelf: {charts: shelf, expect: 0+, why: w, values: {size: {title: Shelf}}}
"""
TWO_LINES = "extends: {path: ../shop}\ncatalog: {name: mine}\n"


def test_what_becomes_of_patches(shops: tuple[Folder, Folder]) -> None:
    shops[1].edit(FEATURE, "default: 1Gi", "default: 2Gi")
    shops[1].edit("matrix.yaml", "charts:\n", "charts:\n  drawer: {image: desk, recipe: desk}\n")
    found = compared(shops, TWO_LINES + PATCHES)
    assert [(row.name, row.state, row.before, row.after, row.more) for row in found.patches] == [
        ("bigger", "redundant", 1, 2, ("drawer",)),
        ("one", "count differs", 1, 2, ("drawer",)),
        ("some", "applies to more", 1, 2, ("drawer",)),
        ("shelf", "applies", 0, 0, ()),
    ]
    assert (
        as_table(found).partition("Our patches")[2].partition("Our lines")[0]
        == """
PATCH   STATE            SELECTS       NAMES    PLACE
bigger  redundant        1 → 2 charts  +drawer  matrix.yaml:4:3
one     count differs    1 → 2 charts  +drawer  matrix.yaml:5:3
some    applies to more  1 → 2 charts  +drawer  matrix.yaml:6:3
shelf   applies          0 charts               matrix.yaml:7:3

"""
    )
    assert found.patches[0].redundant == ("matrix.yaml:4:42",)


def test_what_a_patch_selected_when_it_was_accepted_counts(shops: tuple[Folder, Folder]) -> None:
    root = shops[0].root.parent / "mine"
    Folder(root, {"matrix.yaml": TWO_LINES + PATCHES.partition("  one:")[0]})
    workspace = Workspace(root)
    stack = read_stack(workspace)
    assert stack.project is not None
    assert accept_patches(stack.project, workspace.files, ["bigger"]) == ("bigger",)
    assert lock_of(workspace.files.own).patches["bigger"].names == ("desk",)
    for shop in shops:
        shop.edit("matrix.yaml", "charts:\n", "charts:\n  drawer: {image: desk, recipe: desk}\n")
        shop.drop("matrix.yaml", "desk: {image")
    (row,) = compared(shops, (root / "matrix.yaml").read_text(), {}).patches
    assert (row.state, row.more, row.fewer) == ("applies to more", ("drawer",), ("desk",))
