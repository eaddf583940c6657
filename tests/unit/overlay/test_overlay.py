"""A catalog that stands on another one: read as one, with errors in the file that can mend them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.app.flattened import flattened
from builder.app.stacks import alone
from builder.app.value_origins import value_origins
from builder.charts.next_version import files_of
from builder.charts.repository.oci_artifact import package_in
from builder.charts.semver import about
from builder.common.errors import BuilderError, SelectionError
from builder.lock.lockfile import VersionLock, dump, parse
from builder.plan.registry_state import read_registry_state
from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.catalog import LOCK, Folder, Week, plan_of, prints, with_package_sets

TWO_LINES = "extends: {path: ../shop}\ncatalog: {name: mine}\n"
RECIPE = "summary: More\npackages:\n  apt: [lang]\n"
DOCKERFILE = "FROM {{ parent }}\n{{ install(packages) }}"


@pytest.fixture
def shop(tmp_path: Path) -> Folder:
    """The catalog below."""
    return Folder(tmp_path / "shop")


def mine(shop: Folder, matrix: str, files: Mapping[str, str] | None = None) -> Workspace:
    """A catalog beside the shop, which stands on it."""
    root = shop.root.parent / "mine"
    return Workspace(Folder(root, {"matrix.yaml": matrix, **(files or {})}).root)


def load(workspace: Workspace) -> Project:
    return workspace.load(ecosystems=ECOSYSTEMS)


def refused(workspace: Workspace) -> str:
    with pytest.raises(BuilderError) as caught:
        load(workspace)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_catalog_of_two_lines_has_all_that_it_stands_on(shop: Folder) -> None:
    shop.write("matrix.lock", dump(LOCK))
    below, project = load(Workspace(shop.root)), load(mine(shop, TWO_LINES))
    assert list(project.expansion.targets) == list(below.expansion.targets)
    assert project.lock == below.lock
    assert prints(project) == prints(below)
    assert project.catalog.matrix.name == "mine"
    assert project.catalog.matrix.registries == below.catalog.matrix.registries


def test_nothing_is_built_that_the_registry_has(shop: Folder) -> None:
    week = Week(folder=shop)
    week.go_by()
    project = load(mine(shop, TWO_LINES))
    state = read_registry_state(week.store, project, LOCK, prints(project))
    plan = plan_of(project, lock=LOCK, registry_state=state)
    assert {item.action for item in plan.targets.values()} == {"reuse"}


def test_a_package_of_a_chart_names_the_catalogs_that_it_was_made_from(shop: Folder) -> None:
    folder = Folder(mine(shop, TWO_LINES).root, {})
    week, named = Week(folder=folder), []
    for _ in range(2):  # a package that is not released yet is made again
        plan = week.plan()
        run = week.app().run(week.planned(plan), ("base", "build", "chart"))
        assert run.results["chart:desk"].status == "done"
        artifact = week.store.get(plan.charts["desk"].reference)
        assert artifact is not None
        annotations = about(package_in(artifact, "desk").files)["annotations"]
        assert isinstance(annotations, dict)
        named.append(json.loads(annotations["catalog/catalogs"]))
        folder.write("matrix.yaml", TWO_LINES + "network: {proxy: {none: a.example}}\n")
    assert [[item["name"] for item in catalogs] for catalogs in named] == [["shop", "mine"]] * 2
    assert named[0][0] == named[1][0]
    assert named[0][1] != named[1][1]


def test_it_adds_changes_and_removes(shop: Folder) -> None:
    text = (
        TWO_LINES + "images:\n  extra: {from: desk}\ncharts:\n  desk: null\n  more: {image: desk}\n"
    )
    files = {
        "images/extra/recipe.yaml": RECIPE,
        "images/extra/Dockerfile.j2": DOCKERFILE,
        "images/desk/recipe.yaml": "packages:\n  apt+: [lamp]\nports: [9000]\n",
        "images/desk/files/lamp.conf": "on\n",
        "charts/more/chart.yaml": (
            "title: More\ndescription: More\ncommand: [desk]\nport: 9000\nfeatures: [core, own]\n"
        ),
        "charts/features/own/feature.yaml": "summary: Ours\n",
        "charts/features/core/feature.yaml": "values:\n  image.version: {text: Ours}\n",
    }
    project = load(mine(shop, text, files))
    desk = project.catalog.recipes["desk"]
    assert (desk.packages["apt"], desk.ports, desk.command) == (
        ("desk", "lamp"), (9000,), ("desk", "--open"),
    )  # fmt: skip
    assert [(file.path, Path(file.source).parts[-5]) for file in desk.files] == [
        ("files/desk.conf", "shop"), ("files/lamp.conf", "mine"),
    ]  # fmt: skip
    assert "extra/os=1,lang=1.9" in project.expansion.targets
    assert list(project.expansion.charts) == ["more"]
    core = project.catalog.features["core"]
    assert (core.values["image.version"].text, core.values["image.version"].render) == (
        "Ours", "list",
    )  # fmt: skip
    assert "templates/pod.yaml" in core.files
    old, new = prints(load(Workspace(shop.root))), prints(project)
    assert old["speech/os=1,lang=1.9"] == new["speech/os=1,lang=1.9"]
    assert old["desk/os=1,lang=1.9"] != new["desk/os=1,lang=1.9"]


def test_it_can_be_written_as_one_that_stands_alone(shop: Folder) -> None:
    text = TWO_LINES + (
        'builder: ">=0.2"\nlock: {from: inherit}\naxes: {lang: {$order: ["1.9"]}}\n'
        "images: {extra: {from: desk, only: {lang: [first]}}}\n"
        "patches: {p: {charts: '*', why: w, values: {image.version: {title: Ours}}}}\n"
    )
    files = {
        "images/extra/recipe.yaml": RECIPE,
        "images/extra/Dockerfile.j2": DOCKERFILE,
        "images/desk/recipe.yaml": "packages:\n  apt+: [lamp]\n",
    }
    (shop.root / "images/desk/files/desk.conf").chmod(0o755)
    workspace = mine(shop, text, files)
    project = load(workspace)
    folder = Folder(shop.root.parent / "alone", {})
    for file in flattened(project, workspace.files):
        folder.write(file.path, file.data.decode())
        folder.allow(file.path, file.mode)
    flat = load(Workspace(folder.root))
    assert Workspace(folder.root).files.below == ()
    assert prints(flat) == prints(project)
    assert flat.lock == project.lock
    one, other = (
        files_of(item.catalog, "desk", ["a.org/b:1"], "1.0.0") for item in (flat, project)
    )
    assert one == other


def test_a_patch_by_a_catalog_cannot_stand_alone(shop: Folder) -> None:
    patch = "patches: {p: {charts: from-catalog=shop, why: w}}\n"
    workspace = mine(shop, TWO_LINES + patch)
    with pytest.raises(BuilderError) as caught:
        list(flattened(load(workspace), workspace.files))
    assert str(caught.value) == (
        "matrix.yaml:3:23: patch 'p' selects by a catalog, and there is one then\n"
        "    patches: {p: {charts: from-catalog=shop, why: w}}\n"
        "                          ^\n"
        "  hint: select these charts by their names, recipes or features"
    )


def test_what_is_below_stays_locked_as_it_is_there(shop: Folder) -> None:
    shop.write("matrix.lock", dump(LOCK))
    workspace = mine(shop, TWO_LINES)
    lines = {**LOCK.release_lines, "lang=1.9": VersionLock(version="1.9.8")}
    assert workspace.write_lock(replace(LOCK, release_lines=lines))
    own = parse((workspace.root / "matrix.lock").read_text())
    assert own.release_lines == {"lang=1.9": VersionLock(version="1.9.8")}
    assert (own.bases, own.package_sets) == ({}, {})
    project = load(Workspace(workspace.root))
    assert project.lock is not None
    assert project.lock.versions == {"lang=1.10": "1.10.4", "lang=1.9": "1.9.8"}
    project = load(mine(shop, TWO_LINES + "lock: {from: own}\n"))
    assert project.lock is not None
    assert project.lock.versions == {"lang=1.9": "1.9.8"}


def test_three_catalogs(shop: Folder) -> None:
    mine(shop, TWO_LINES + "charts: {desk: {only: {lang: [newest]}}}\n")
    top = Folder(
        shop.root.parent / "top",
        {
            "matrix.yaml": "extends: {path: ../mine, name: office}\ncatalog: {name: school}\n"
            'charts: {desk: {only: {lang: ["1.9"]}, values: {image.version: mine}}}\n'
        },
    )
    workspace = Workspace(top.root)
    project = load(workspace)
    assert [item.name for item in workspace.files.catalogs] == ["shop", "office", "school"]
    found = value_origins(workspace.files, project.catalog, "charts.desk.only.lang")
    assert [(item.catalog, str(item.location), item.value) for item in found.origins] == [
        ("office", "office:matrix.yaml:3:30", ["newest"]),
        ("school", "matrix.yaml:3:30", ["1.9"]),
    ]
    found = value_origins(workspace.files, project.catalog, "charts.desk.values.image.version")
    assert found.value == "mine"
    assert [(item.catalog, item.value) for item in found.origins] == [
        ("shop", "$default_image"), ("school", "mine"),
    ]  # fmt: skip
    with pytest.raises(SelectionError) as caught:
        value_origins(workspace.files, project.catalog, "charts.desk.values.image.vrsion")
    assert str(caught.value) == (
        "there is no value charts.desk.values.image.vrsion\n"
        "  hint: did you mean charts.desk.values.image.version or charts.desk.values.image?"
    )


def test_what_is_removed_and_still_needed_is_told_where_it_is_removed(shop: Folder) -> None:
    assert refused(mine(shop, TWO_LINES + "images: {desk: null}\n")) == (
        "matrix.yaml:3:10: image 'desk' is removed, and 1 thing needs it [E-REMOVED-IN-USE]\n"
        "    images: {desk: null}\n"
        "             ^\n"
        "  hint: keep it, or change or remove, too: charts.desk (shop:matrix.yaml:22:17)"
    )


def test_what_needed_only_a_value_that_is_removed_is_left_out(shop: Folder) -> None:
    project = load(mine(shop, TWO_LINES + 'axes: {os: {"1": null}}\n'))
    assert list(project.expansion.variants) == ["base", "tool", "speech", "desk"]
    assert not any("os=1" in target for target in project.expansion.targets)
    assert project.notes == (
        "note: 1 name in lists of catalogs below left out: nothing here has them",
    )


def test_a_condition_of_an_own_recipe_on_a_value_that_was_removed(shop: Folder) -> None:
    """What a recipe below has for the value stays there, and is for no target."""
    axes = 'axes: {os: {"1": null}}\n'
    files = {"images/desk/recipe.yaml": "when: {os=1: {budget: 1 MB}, lang=7: {budget: 2 MB}}\n"}
    assert load(mine(shop, TWO_LINES + axes)).catalog.recipes["desk"].when[0].condition == "os=1"
    assert refused(mine(shop, TWO_LINES + axes, files)) == (
        "images/desk/recipe.yaml:1:14: axis os has no value '1': this catalog removed it"
        " [E-REMOVED-IN-USE]\n"
        "    when: {os=1: {budget: 1 MB}, lang=7: {budget: 2 MB}}\n"
        "                 ^\n"
        "  hint: take it out of the condition, or keep the value: matrix.yaml:3:13"
    )


def test_a_condition_on_a_value_that_a_catalog_between_removed(shop: Folder) -> None:
    mine(shop, TWO_LINES + 'axes: {os: {"1": null}}\n')
    patch = "patches: {p: {recipes: desk, why: w, when: {os=1: {budget: 1 MB}}}}\n"
    top = {
        "matrix.yaml": "extends: {path: ../mine}\ncatalog: {name: top}\n" + patch,
        "images/desk/recipe.yaml": "when:\n  not os=1: {budget: 1 MB}\n",
    }
    workspace = Workspace(Folder(shop.root.parent / "top", top).root)
    said = "axis os has no value '1': catalog mine removed it [E-REMOVED-IN-USE]\n"
    assert refused(workspace).startswith(f"images/desk/recipe.yaml:2:3: {said}")
    (workspace.root / "images/desk/recipe.yaml").unlink()
    assert refused(Workspace(workspace.root)).startswith(f"matrix.yaml:3:45: {said}")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "extends: {path: ../nowhere}",
            "matrix.yaml:1:17: catalog nowhere has no matrix.yaml in ROOT/nowhere"
            " [E-CATALOG-MISSING]\n"
            "    extends: {path: ../nowhere}\n"
            "                    ^\n"
            "  hint: `path` is the folder of a catalog, seen from the folder of this file",
        ),
        (
            "extends: {path: .}",
            "matrix.yaml:1:17: catalogs stand on one another in a circle: mine → mine"
            " [E-CATALOG-CYCLE]\n"
            "    extends: {path: .}\n"
            "                    ^\n"
            "  hint: take `extends` out of one of them",
        ),
        (
            "extends: {path: ../shop, name: mine}",
            "matrix.yaml:1:17: two catalogs are called 'mine' [E-CATALOG-NAME]\n"
            "    extends: {path: ../shop, name: mine}\n"
            "                    ^\n"
            "  hint: give this one another name here: `extends: {name: NAME, path: …}`",
        ),
        (
            'builder: ">=9"\nextends: {path: ../shop}',
            "matrix.yaml:1:10: catalog mine needs builder >=9, this is 0.2.0 [E-CATALOG-BUILDER]\n"
            '    builder: ">=9"\n'
            "             ^\n"
            "  hint: install that version of the builder",
        ),
        (
            "builder: new\nextends: {path: ../shop}",
            "matrix.yaml:1:10: 'new' is no range of versions [E-CATALOG-BUILDER]\n"
            "    builder: new\n"
            "             ^\n"
            '  hint: e.g. ">=0.2,<0.3"',
        ),
    ],
)
def test_what_a_catalog_cannot_stand_on(shop: Folder, line: str, error: str) -> None:
    text = refused(mine(shop, f"{line}\ncatalog: {{name: mine}}\n"))
    assert text == error.replace("ROOT", str(shop.root.parent))


def test_too_many_catalogs_on_one_another(shop: Folder) -> None:
    below = "shop"
    for number in range(9):
        text = f"extends: {{path: ../{below}}}\ncatalog: {{name: c{number}}}\n"
        root = Folder(shop.root.parent / f"c{number}", {"matrix.yaml": text}).root
        below = f"c{number}"
        if number < 8:
            Workspace(root).files  # noqa: B018
    text = refused(Workspace(root))
    assert (
        "c0:matrix.yaml:1:17: more than 8 catalogs stand on one another [E-CATALOG-DEPTH]\n" in text
    )
    assert "  hint: write some of them as one: `builder flatten --out alone`; " in text


def test_a_circle_of_three(shop: Folder) -> None:
    shop.edit("matrix.yaml", "catalog:\n", "extends: {path: ../mine}\ncatalog:\n")
    assert refused(mine(shop, TWO_LINES)).startswith(
        "shop:matrix.yaml:1:17: catalogs stand on one another in a circle: mine → shop → mine"
        " [E-CATALOG-CYCLE]\n"
    )


def test_a_key_of_extends_that_is_not_known(shop: Folder) -> None:
    text = refused(mine(shop, TWO_LINES.replace("shop}", "shop, verify: {key: k}}")))
    assert text.startswith("matrix.yaml:1:26: unknown key 'verify'\n")


def test_a_link_of_the_catalog_below_leads_nowhere_else(shop: Folder) -> None:
    secret = shop.root.parent / "secret"
    secret.write_text("a key\n")
    (shop.root / "images/desk/files/key").symlink_to(secret)
    text = refused(mine(shop, TWO_LINES))
    assert text.startswith("shop:images/desk/files/key: this link points to ")
    assert "outside the catalog" in text
    (shop.root / "images/desk/files/key").unlink()
    for name in ("matrix.lock", "images/desk/recipe.yaml", "matrix.yaml"):
        (shop.root / name).unlink()
        (shop.root / name).symlink_to(secret)
        assert f"shop:{name}: a link leads outside the catalog" in refused(mine(shop, TWO_LINES))


def test_a_mistake_below_names_the_catalog(shop: Folder) -> None:
    shop.edit("images/desk/recipe.yaml", "ports:", "prots:")
    assert refused(mine(shop, TWO_LINES)).startswith(
        "shop:images/desk/recipe.yaml:6:1: unknown key 'prots'\n"
    )


def test_the_tests_of_the_catalogs_below_may_be_left_out(shop: Folder) -> None:
    files = {"images/desk/tests/test_desk.py": "def test_desk(host): ...\n"}
    recipes = load(mine(shop, f"{TWO_LINES}tests: own\n", files)).catalog.recipes
    assert [name for name, recipe in recipes.items() if recipe.has_tests] == ["desk"]
    assert recipes["base"].tests == ""


def test_what_is_called_otherwise_has_the_same_fingerprints_and_the_same_lock(shop: Folder) -> None:
    shop.write("matrix.lock", dump(LOCK))
    below = load(Workspace(shop.root))
    shop.write("matrix.lock", dump(with_package_sets(below, LOCK)))
    below = load(Workspace(shop.root))
    names = "images: {tool: {as: gadget}, desk: {as: table}}\ncharts: {desk: {as: table}}\n"
    project = load(mine(shop, TWO_LINES + names))
    old, new = prints(below), prints(project)
    assert new["table/os=2,lang=1.10"] == old["desk/os=2,lang=1.10"]
    assert new["gadget/os=1"] == old["tool/os=1"]
    assert project.lock is not None
    assert below.lock is not None
    key = "desk/os=2,lang=1.10"
    assert project.lock.package_sets["table/os=2,lang=1.10"] == below.lock.package_sets[key]
    assert key not in project.lock.package_sets


def beside_one_another(shop: Folder, more: str = "") -> Workspace:
    """A catalog that stands on two others: both stand on the shop, and define the image `x`."""
    for name, is_published in (("left", "false"), ("right", "true")):
        Folder(
            shop.root.parent / name,
            {
                "matrix.yaml": f"extends: {{path: ../shop}}\ncatalog: {{name: {name}}}\n"
                f"images: {{x: {{from: base}}, desk: {{publish: {is_published}}}}}\n",
                "images/x/recipe.yaml": f"summary: Of {name}\n",
                "images/x/Dockerfile.j2": "FROM {{ parent }}\n",
                f"images/x/files/{name}": "x\n",
            },
        )
    text = "extends: [{path: ../left}, {path: ../right}]\ncatalog: {name: mine}\n"
    return mine(shop, text + more)


def test_a_name_that_two_catalogs_define_which_do_not_stand_on_one_another(shop: Folder) -> None:
    """The image `desk` is of the one below both: the later one counts."""
    assert refused(beside_one_another(shop)) == (
        "matrix.yaml:1:1: image 'x' is defined by left and right [E-CATALOG-CLASH]\n"
        "    extends: [{path: ../left}, {path: ../right}]\n"
        "    ^\n"
        "  hint: say which counts: `images: {x: {from-catalog: left}}`"
    )
    for name in ("left", "right"):
        choice = f"images: {{x: {{from-catalog: {name}, publish: false}}}}\n"
        project = load(beside_one_another(shop, choice))
        recipe = project.catalog.recipes["x"]
        assert recipe.summary == f"Of {name}"
        assert [file.path for file in recipe.files] == [f"files/{name}"]
        images = project.catalog.matrix.images
        assert (images["x"].publish, images["desk"].publish) == (False, True)
    assert refused(beside_one_another(shop, "images: {x: {from-catalog: rihgt}}\n")).startswith(
        "matrix.yaml:3:28: catalog 'rihgt' defines no image 'x' [E-NAME-UNKNOWN]\n"
    )


def test_a_file_that_two_catalogs_have_which_do_not_stand_on_one_another(shop: Folder) -> None:
    """What both have alike is no question, and what the own one has counts."""
    choice = "images: {x: {from-catalog: left}}\n"
    workspace = beside_one_another(shop, choice)
    for path in ("images/base/Dockerfile.j2", "images/desk/files/desk.conf"):
        for name in ("left", "right"):
            folder = Folder(shop.root.parent / name, {})
            folder.write(path, "FROM {{ parent }}\n")
        load(Workspace(workspace.root))
        folder.write(path, "FROM {{ parent }}\nRUN x\n")
        text = refused(Workspace(workspace.root))
        assert text == (
            f"right:{path}: left and right have this file, and neither stands on the other"
            " [E-CATALOG-CLASH]\n"
            f"  hint: say which counts: put it into this catalog, as {path}; this catalog stands on"
            " right at matrix.yaml:1:1"
        )
        Folder(workspace.root, {}).write(path, "FROM {{ parent }}\nRUN y\n")
        load(Workspace(workspace.root))


def test_a_catalog_by_itself_is_without_what_is_beside_it(shop: Folder) -> None:
    choice = "images: {x: {from-catalog: left}}\n"
    files = beside_one_another(shop, choice).files
    left, right = (item for item in files.below if item.name in ("left", "right"))
    assert (left.below, files.own.below) == ({"shop"}, {"shop", "left", "right"})
    found = alone(files, right).catalog
    assert (found.recipes["x"].summary, found.matrix.images["desk"].publish) == ("Of right", True)
    choice = "images: {x: {from-catalog: right}, desk: {publish: true}}\n"
    files = beside_one_another(shop, choice).files
    left = next(item for item in files.below if item.name == "left")
    Folder(left.root, {}).edit("matrix.yaml", "desk: {publish: false}", "tool: {publish: true}")
    assert alone(files, left).catalog.recipes["x"].summary == "Of left"


@pytest.mark.parametrize(
    "said",
    [
        "git: 'ext::sh -c id'", "git: '--upload-pack=id'", "git: 'https://me:secret@git.example/x'",
        "git: 'http://git.example/x'", "git: 'git://git.example/x'", "git: '/srv/x.git'",
        "git: 'ssh://-oProxyCommand=id/x'", "git: 'me@git.example:-x'", 'git: "https://a/\\e[2J"',
        "git: 'https://git.example/x', ref: '-x'", "git: 'https://git.example/x', ref: 'a:b'",
        "git: 'https://git.example/x', path: ../x", "git: 'https://git.example/x', path: /x",
        "git: 'https://git.example/x', oci: a.example/b", "oci: a.example/b, path: x",
        "oci: 'A b'", "path: ../shop, ref: main", "name: shop",
    ],
)  # fmt: skip
def test_where_a_catalog_cannot_come_from(shop: Folder, said: str) -> None:
    text = refused(mine(shop, f"extends: {{{said}}}\ncatalog: {{name: mine}}\n"))
    assert text.startswith("matrix.yaml:1:10: ")


@pytest.mark.parametrize(
    "said",
    [
        "git: 'https://git.example:8443/a/b.git', ref: v1.2+x, path: some/where",
        "git: 'ssh://git@git.example:22/x'", "git: 'git@git.example:a/b.git'",
        "git: 'file:///srv/x.git'", "oci: registry.example/a/b-source, ref: 2026.11.30.source",
        f"oci: registry.example/a, ref: 'sha256:{'a' * 64}'",
    ],
)  # fmt: skip
def test_where_a_catalog_can_come_from(shop: Folder, said: str) -> None:
    text = refused(mine(shop, f"extends: {{{said}}}\ncatalog: {{name: mine}}\n"))
    assert "[E-CATALOG-UNPINNED]" in text
