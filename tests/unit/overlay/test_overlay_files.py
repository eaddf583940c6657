"""What the files of a catalog do to those of the one that it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.app.flattened import flattened
from builder.build.build_context import suite_folder
from builder.charts.next_version import files_of
from builder.common.errors import BuilderError
from builder.common.state_dir import StateDir
from builder.lock.lockfile import dump, parse
from builder.overlay.replaced_files import accept_replaced
from builder.project import Project, Workspace
from tests.fakes.catalog import LOCK, Folder, prints
from tests.unit.overlay.test_overlay import TWO_LINES, load, mine, refused

CONF = "images/desk/files/desk.conf"
DESK = "desk/os=2,lang=1.10"
APPEND = "images/desk/Dockerfile.append.j2"
SKIP = "images/base/tests/.skip"
REMOVED = "images/desk/files/.removed"


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    """The catalog below."""
    return Folder(tmp_path / "shop")


def flat(workspace: Workspace) -> Project:
    """The same catalog, as one that stands alone."""
    alone = Folder(workspace.root.parent / "alone", {})
    for file in flattened(load(workspace), workspace.files):
        alone.write(file.path, file.data.decode())
        alone.allow(file.path, file.mode)
    return load(Workspace(alone.root))


def dockerfile(project: Project) -> str:
    text: str = prints(project)[DESK].document["dockerfile"]
    return text


def chart(project: Project) -> Mapping[str, bytes]:
    return files_of(project.catalog, "desk", ["a.org/b:1"], "1.0.0")


# Replaced files.


def test_a_file_takes_the_place_of_the_one_below(shop: Folder) -> None:
    files = {
        CONF: "wood = elm\n",
        "images/tool/Dockerfile.j2": "FROM {{ parent }}\nRUN make /better\n",
        "charts/features/core/templates/pod.yaml": "kind: Better\n",
        "charts/library/Chart.yaml": "apiVersion: v2\nname: lib\ntype: library\nversion: 0.2.0\n",
        "images/base/tests/test_base.py": "def test_other(host): ...\n",
    }
    workspace = mine(shop, TWO_LINES, files)
    project = load(workspace)
    catalog = project.catalog
    assert [Path(file.source).parts[-5] for file in catalog.recipes["desk"].files] == ["mine"]
    assert catalog.recipes["tool"].dockerfile == files["images/tool/Dockerfile.j2"]
    assert catalog.features["core"].files["templates/pod.yaml"] == "kind: Better\n"
    assert b"0.2.0" in catalog.library["Chart.yaml"]
    assert project.notes == (
        "charts/library/Chart.yaml replaces a file of catalog shop, and reaches all 1 chart",
        "matrix.lock lacks the hash of 5 replaced files, as"
        " charts/features/core/templates/pod.yaml: run `builder lock`",
    )
    assert prints(flat(workspace)) == prints(project)


def test_a_file_of_macros_says_how_many_targets_it_reaches(shop: Folder) -> None:
    shop.write("images/_macros/other.j2", "{% macro twice(x) %}{{ install(x) }}{% endmacro %}\n")
    shop.write("images/_macros/alone.j2", "{% macro alone() %}{% endmacro %}\n")
    shop.write("images/tool/Dockerfile.j2", "FROM scratch\nRUN make /tool\n")
    shop.edit("matrix.yaml", "tool: {from: base, ", "tool: {from: os, axes: [os], ")
    files = {
        "images/_macros/install.j2": "{% macro install(packages) %}RUN better{% endmacro %}\n",
        "images/_macros/alone.j2": "{% macro alone() %}RUN it{% endmacro %}\n",
    }
    project = load(mine(shop, TWO_LINES, files))
    assert "RUN better" in dockerfile(project)
    assert project.notes[:2] == (
        "images/_macros/alone.j2 replaces a file of catalog shop, and reaches 0 of 8 targets",
        "images/_macros/install.j2 replaces a file of catalog shop, and reaches 6 of 8 targets",
    )


def test_what_is_replaced_is_recorded_and_guarded(shop: Folder) -> None:
    shop.write("matrix.lock", dump(LOCK))
    workspace = mine(shop, TWO_LINES, {CONF: "wood = elm\n"})
    project = load(workspace)
    assert project.lock is not None
    assert workspace.write_lock(project.lock)
    before = parse((workspace.root / "matrix.lock").read_text()).replaces
    assert list(before) == [CONF]
    assert load(Workspace(workspace.root)).notes == ()
    shop.write(CONF, "wood = beech\n")
    changed = (
        f"{CONF}: this replaces a file of catalog shop, which has changed it since"
        " [E-REPLACED-CHANGED]\n"
        f"  hint: see what is new in shop:{CONF}: `builder upstream show --three-way {CONF}`; take"
        f" over what you need; then `builder upstream accept {CONF}`"
    )
    again = Workspace(workspace.root)
    assert refused(again) == changed
    assert again.write_lock(project.lock) is False  # nobody has looked
    assert accept_replaced(again.files, [CONF]) == (CONF,)
    assert load(Workspace(workspace.root)).notes == ()
    (shop.root / CONF).unlink()
    gone = Workspace(workspace.root)
    text = (
        f"{CONF}: this replaced a file of the catalog below, which no longer has it"
        " [E-REPLACED-GONE]\n"
        "  hint: delete it; or keep it as a file of your own: `builder upstream accept --as-new"
        f" {CONF}`"
    )
    assert refused(gone) == text
    with pytest.raises(BuilderError) as caught:
        accept_replaced(gone.files, [CONF])
    assert str(caught.value) == text
    accept_replaced(gone.files, [CONF], as_new=True)
    assert load(Workspace(workspace.root)).notes == ()
    with pytest.raises(BuilderError) as caught:
        accept_replaced(gone.files, [CONF.replace("conf", "cnf")])
    assert str(caught.value) == (
        "images/desk/files/desk.cnf replaces no file of a catalog below\n"
        "  hint: builder upstream status lists those that do"
    )


def test_a_file_that_is_no_longer_replaced_leaves_the_lock(shop: Folder) -> None:
    workspace = mine(shop, TWO_LINES, {CONF: "wood = elm\n"})
    workspace.write_lock(LOCK)
    (workspace.root / CONF).unlink()
    workspace.write_lock(LOCK)
    assert parse((workspace.root / "matrix.lock").read_text()).replaces == {}
    load(Workspace(workspace.root))


def test_what_links_lead_to_is_not_replaced_in_vain(shop: Folder) -> None:
    shop.write("images/_service/run.sh", "run\n")
    assert refused(mine(shop, TWO_LINES, {"images/_service/run.sh": "other\n"})) == (
        "images/_service/run.sh: catalog shop has this file, too, and its recipes have links to"
        " that [E-CATALOG-FILE]\n"
        "  hint: put yours where it is to be used: images/RECIPE/files/NAME"
    )


def test_files_of_three_catalogs(shop: Folder) -> None:
    mine(shop, TWO_LINES, {CONF: "wood = elm\n", APPEND: "{% set x = 1 %}\nRUN one\n"})
    top = {
        "matrix.yaml": "extends: {path: ../mine}\ncatalog: {name: school}\n",
        CONF: "wood = oak\n",
        APPEND: "RUN two {{ x is defined }}",
    }
    workspace = Workspace(Folder(shop.root.parent / "top", top).root)
    project = load(workspace)
    assert dockerfile(project).endswith(
        'RUN one\nRUN two False\nEXPOSE 8000\nCMD ["desk", "--open"]\n'
    )
    assert prints(flat(workspace)) == prints(project)
    workspace.write_lock(LOCK)
    (shop.root / CONF).write_text("wood = beech\n")  # which the catalog between replaces
    load(Workspace(workspace.root))


# What is added to a Dockerfile.


def test_a_dockerfile_is_added_to(shop: Folder) -> None:
    text = "{% for axis in axes %}\nUSER 0\nRUN do {{ axis }}\n{% endfor %}\nUSER 1000\n"
    workspace = mine(shop, TWO_LINES, {APPEND: text, "images/desk/recipe.yaml": "env: {A: b}\n"})
    project = load(workspace)
    assert dockerfile(project) == (
        "FROM parent\nRUN get desk\nCOPY --from=tool /tool /tool\nCOPY files/ /etc/\n"
        'USER 0\nRUN do os\nUSER 0\nRUN do lang\nENV A="b"\nUSER 1000\n'
        'EXPOSE 8000\nCMD ["desk", "--open"]\n'
    )
    assert prints(flat(workspace)) == prints(project)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "USER 0\nRUN x\n",
            f"{APPEND}: it ends as user 0 [E-APPEND-USER]\n"
            "  hint: end it with `USER 1000`, as each Dockerfile",
        ),
        (
            "FROM other\nUSER 1000\n",
            f"{APPEND}: it begins another stage, and is added to the last one [E-APPEND-STAGE]\n"
            "  hint: what is built beside an image is an image of its own: name it in `inputs`",
        ),
        (
            "RUN x\nRUN {{ axe }}\n",
            f"{APPEND}:2: template: 'axe' is undefined\n    RUN {{{{ axe }}}}\n"
            "  hint: did you mean axes?",
        ),
    ],
)
def test_what_cannot_be_added_to_a_dockerfile(shop: Folder, text: str, error: str) -> None:
    project = load(mine(shop, TWO_LINES, {APPEND: text}))
    with pytest.raises(BuilderError) as caught:
        prints(project)
    assert str(caught.value) == error


def test_a_download_is_told_where_it_stands(shop: Folder) -> None:
    project = load(mine(shop, TWO_LINES, {APPEND: "RUN one\nRUN curl https://x.example/y\n"}))
    assert prints(project)[DESK].downloads == (f"the RUN of {APPEND}:2 downloads (curl)",)


# Files that are taken out.


def test_a_file_below_is_removed(shop: Folder) -> None:
    shop.write("images/desk/files/more/a.conf", "a\n")
    files = {REMOVED: "# not ours\n\nmore/a.conf\n", "images/desk/files/b.conf": "b\n"}
    workspace = mine(shop, TWO_LINES, files)
    project = load(workspace)
    assert [file.path for file in project.catalog.recipes["desk"].files] == [
        "files/b.conf", "files/desk.conf",
    ]  # fmt: skip
    assert prints(flat(workspace)) == prints(project)


@pytest.mark.parametrize(
    ("files", "error"),
    [
        (
            {REMOVED: "desk.cnf\n"},
            f"{REMOVED}:1:1: there is no file 'desk.cnf' to remove [E-MERGE-NOTHING]\n"
            "    desk.cnf\n    ^\n  hint: did you mean desk.conf?",
        ),
        (
            {REMOVED: "desk.conf\n", CONF: "mine\n"},
            f"{REMOVED}:1:1: desk.conf is removed here, and this catalog has it itself"
            " [E-MERGE-BOTH]\n    desk.conf\n    ^\n"
            "  hint: a file takes the place of the one below: take this line out",
        ),
        (
            {REMOVED: "../recipe.yaml\n"},
            f"{REMOVED}:1:1: there is no file '../recipe.yaml' to remove [E-MERGE-NOTHING]\n"
            "    ../recipe.yaml\n    ^\n  hint: known: desk.conf",
        ),
    ],
)
def test_what_cannot_be_removed(shop: Folder, files: dict[str, str], error: str) -> None:
    assert refused(mine(shop, TWO_LINES, files)) == error


# Tests.


def test_the_tests_of_two_catalogs_lie_in_one_folder(shop: Folder, tmp_path: Path) -> None:
    shop.write("images/base/tests/conftest.py", "NUMBER = 1\n")
    files = {
        "images/base/tests/test_more.py": "def test_more(host): ...\n",
        SKIP: "test_base: no\n",
    }
    workspace = mine(shop, TWO_LINES, files)
    project = load(workspace)
    recipe = project.catalog.recipes["base"]
    state = StateDir(tmp_path / "state")
    folder = suite_folder(state, recipe)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        ".skip": "test_base: no\n",
        "conftest.py": "NUMBER = 1\n",
        "test_base.py": "def test_base(host): ...\n",
        "test_more.py": "def test_more(host): ...\n",
    }
    assert suite_folder(state, recipe) == folder
    below = load(Workspace(shop.root)).catalog.recipes["base"]
    assert suite_folder(state, below) == shop.root / "images/base/tests"
    assert recipe.tests_hash != below.tests_hash
    alone = flat(workspace)
    assert alone.catalog.recipes["base"].tests_hash == recipe.tests_hash
    assert prints(alone) == prints(project) == prints(load(Workspace(shop.root)))


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "test_bas: it is slow",
            f"{SKIP}:1:1: there is no test 'test_bas' to skip [E-MERGE-NOTHING]\n"
            "    test_bas: it is slow\n    ^\n  hint: did you mean test_base?",
        ),
        (
            "test_base",
            f"{SKIP}:1:1: not a test and a reason [E-SKIP-REASON]\n    test_base\n    ^\n"
            "  hint: write `test_name: reason`, one a line",
        ),
    ],
)
def test_what_cannot_be_skipped(shop: Folder, line: str, error: str) -> None:
    assert refused(mine(shop, TWO_LINES, {SKIP: f"{line}\n"})) == error


# Slots.


def test_a_slot_is_added_to(shop: Folder) -> None:
    shop.write("charts/features/core/slots/env.yaml", "- name: A\n")
    files = {"charts/features/core/slots/+env.yaml": "- name: B\n"}
    workspace = mine(shop, TWO_LINES, files)
    project = load(workspace)
    template = chart(project)["templates/_core.tpl"].decode()
    assert "- name: A\n- name: B\n{{- end -}}" in template
    assert chart(flat(workspace)) == chart(project)


def test_a_slot_that_is_not_below_is_not_added_to(shop: Folder) -> None:
    files = {"charts/features/core/slots/+env.yaml": "- name: B\n"}
    project = load(mine(shop, TWO_LINES, files))
    with pytest.raises(BuilderError) as caught:
        chart(project)
    assert str(caught.value) == (
        "charts/features/core/slots/+env.yaml: there is no slots/env.yaml below to add this to"
        " [E-MERGE-NOTHING]\n  hint: without the `+` in its name it fills the slot"
    )
