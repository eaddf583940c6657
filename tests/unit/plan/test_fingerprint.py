"""What a fingerprint is made of, and what may change without a rebuild."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from builder.common.hashing import canonical
from builder.lock.lockfile import Lock
from builder.plan.fingerprint import differences
from builder.plan.fingerprint_document import PARTS, compare
from tests.fakes.catalog import FILES, LOCK, Folder, lines, prints
from tests.fakes.layers import layer, package

TARGETS = (
    "base/os=2", "base/os=1", "tool/os=2", "tool/os=1",
    "speech/os=2,lang=1.10", "speech/os=1,lang=1.9", "desk/os=2,lang=1.10", "desk/os=1,lang=1.9",
)  # fmt: skip
DESKS = {"desk/os=2,lang=1.10", "desk/os=1,lang=1.9"}
Change = Callable[[Folder], None]


def edit(path: str, old: str, new: str) -> Change:
    return lambda folder: folder.edit(path, old, new)


def write(path: str, text: str) -> Change:
    return lambda folder: folder.write(path, text)


def make_executable(folder: Folder) -> None:
    folder.allow("images/desk/files/desk.conf", 0o755)


def make_group_writable(folder: Folder) -> None:
    folder.allow("images/desk/files/desk.conf", 0o664)


CHANGES: dict[str, tuple[Change, set[str]]] = {
    "a Dockerfile": (edit("images/desk/Dockerfile.j2", "/etc/", "/opt/"), DESKS),
    "a Dockerfile below": (
        edit("images/speech/Dockerfile.j2", "FROM", "# x\nFROM"),
        {"speech/os=2,lang=1.10", "speech/os=1,lang=1.9", *DESKS},
    ),
    "an input": (
        edit("images/tool/Dockerfile.j2", "make", "make -j"),
        {"tool/os=2", "tool/os=1", *DESKS},
    ),
    "the root": (edit("images/base/recipe.yaml", "grep", "grep, sed"), set(TARGETS)),
    "a macro": (edit("images/_macros/install.j2", "get", "fetch"), set(TARGETS)),
    "a file's content": (write("images/desk/files/desk.conf", "wood = ash\n"), DESKS),
    "a file's mode": (make_executable, DESKS),
    "a new file": (write("images/desk/files/sub/more.conf", ""), DESKS),
    "packages of some variants": (
        edit("images/desk/recipe.yaml", "legs", "wheels"),
        {"desk/os=1,lang=1.9"},
    ),
    "the command": (edit("images/desk/recipe.yaml", "--open", "--closed"), DESKS),
    "a port": (edit("images/desk/recipe.yaml", "8000", "8001"), DESKS),
}
FREE: dict[str, Change] = {
    "tests": write("images/speech/tests/test_speech.py", "def test_more(host): ...\n"),
    "a README": write("images/desk/README.md", "Another desk.\n"),
    "a summary": edit("images/desk/recipe.yaml", "A desk", "The desk"),
    "a comment in recipe.yaml": edit("images/desk/recipe.yaml", "summary", "# A comment\nsummary"),
    "the order of keys": write(
        "images/base/recipe.yaml", "packages: {apt: [tar, grep]}\nsummary: The base\n"
    ),
    "where a version is read": edit("images/speech/recipe.yaml", "package: lang", "package: other"),
    "the registries": edit("matrix.yaml", "[embedded]", "[example.org/team]"),
    "the embedded address": edit("matrix.yaml", "5999", "5998"),
    "the repositories": edit("matrix.yaml", "shop-{image}", "store/{image}"),
    "a tag": edit("matrix.yaml", 'requires: {os: "2"}, tag: "lang', 'requires: {os: "2"}, tag: "l'),
    "an end of life": edit("matrix.yaml", "2027-01-31", "2028-01-31"),
    "mirrors and proxies": edit(
        "matrix.yaml",
        "axes:\n",
        "network: {proxy: {http: 'http://proxy:1'}, mirrors: {pip: 'https://m/'}}\naxes:\n",
    ),
    "a sibling image": edit(
        "matrix.yaml", "images:\n", "images:\n  more: {recipe: tool, from: base}\n"
    ),
    "a new value": edit(
        "matrix.yaml", '    "1.9":', '    "1.8": {requires: {os: "1"}, tag: l8}\n    "1.9":'
    ),
    "another platform": edit(
        "matrix.yaml", "  registries:", "  platforms: [linux/amd64, linux/arm64]\n  registries:"
    ),
    "whether it is published": edit("matrix.yaml", "publish: false", "publish: true"),
    "a chart": edit("charts/desk/chart.yaml", "A desk", "The desk"),
    "the mode of a group": make_group_writable,
    "rubbish": write("images/desk/files/__pycache__/x.pyc", "x"),
}
BASES = {
    **LOCK.bases,
    **{
        item.replace("amd64", "arm64"): base
        for item, base in LOCK.bases.items()
    },
}  # fmt: skip
EVERYWHERE = replace(LOCK, bases=BASES)


def changed(folder: Folder, change: Change) -> set[str]:
    before = prints(folder.load())
    assert tuple(before) == TARGETS
    change(folder)
    after = prints(folder.load(), EVERYWHERE)
    return {target for target in TARGETS if before[target].digest != after[target].digest}


@pytest.mark.parametrize("name", CHANGES)
def test_it_changes_with(folder: Folder, name: str) -> None:
    change, expected = CHANGES[name]
    assert changed(folder, change) == expected


@pytest.mark.parametrize("name", FREE)
def test_it_does_not_change_with(folder: Folder, name: str) -> None:
    assert changed(folder, FREE[name]) == set()


def locked(**changes: object) -> Lock:
    return replace(LOCK, **changes)  # type: ignore[arg-type]


def test_a_line_changes_the_image_that_brings_it_and_what_stands_on_it(folder: Folder) -> None:
    project = folder.load()
    before = prints(project)
    after = prints(
        project, locked(release_lines=lines({"lang=1.10": "1.10.5", "lang=1.9": "1.9.7"}))
    )
    moved = {target for target in TARGETS if before[target] != after[target]}
    assert moved == {"speech/os=2,lang=1.10", "desk/os=2,lang=1.10"}
    assert compare(before["speech/os=2,lang=1.10"].parts, after["speech/os=2,lang=1.10"].parts) == (
        "lock",
    )
    assert compare(before["desk/os=2,lang=1.10"].parts, after["desk/os=2,lang=1.10"].parts) == (
        "parent",
    )


def test_the_content_of_a_base_counts_and_nothing_else_of_its_lock(folder: Folder) -> None:
    project = folder.load()
    before = prints(project)
    held = LOCK.bases["os=1@linux/amd64"]
    other = locked(bases={**LOCK.bases, "os=1@linux/amd64": replace(held, content="sha256:3")})
    same = locked(bases={**LOCK.bases, "os=1@linux/amd64": replace(held, epoch=9, suites={})})
    moved = {target for target in TARGETS if before[target] != prints(project, other)[target]}
    assert moved == {target for target in TARGETS if "os=1" in target}
    assert prints(project, same) == before


def test_a_locked_layer_stands_for_its_declaration(folder: Folder) -> None:
    project = folder.load()
    layers = {"base/os=2": layer(apt={"tar": "1.0"})}
    before, after = prints(project), prints(project, locked(package_sets=layers))
    assert not before["base/os=2"].is_locked
    assert before["tool/os=2"].is_locked  # it installs nothing
    assert after["base/os=2"].is_locked
    assert after["base/os=2"].document["lock"] == {
        "epoch": 1,
        "packages": {"apt": {"tar": f"1.0 {package('tar', '1.0').digest}"}},
        "declared": {},
        "lines": {},
    }
    assert before["base/os=2"].document["lock"] == {
        "declared": {"apt": ("tar", "grep")},
        "lines": {},
    }


def test_what_only_a_weak_hash_knows_is_not_locked(folder: Folder) -> None:
    weak = {"tar": replace(package("tar", "1.0"), digest=f"git-tree-sha1:{'0' * 40}")}
    layers = {"base/os=2": replace(layer(), packages={"apt": weak})}
    fingerprint = prints(folder.load(), locked(package_sets=layers))["base/os=2"]
    assert not fingerprint.is_locked
    assert not fingerprint.is_offline


def test_the_platform_counts(folder: Folder) -> None:
    folder.edit("matrix.yaml", "  registries:", "  platforms: [a/b, linux/amd64]\n  registries:")
    bases = {f"os={value}@{on}": LOCK.bases["os=1@linux/amd64"] for value in "12"
             for on in ("a/b", "linux/amd64")}  # fmt: skip
    found = prints(folder.load(), locked(bases=bases))
    one, other = found["base/os=1"], found["base/os=1@linux/amd64"]
    assert compare(one.document, other.document) == ("platform",)
    assert one.digest != other.digest


def test_nothing_volatile_is_in_the_document(folder: Folder) -> None:
    project = folder.load()
    text = canonical([item.document for item in prints(project).values()]).decode()
    for word in ("5999", "shop", "embedded", str(folder.root), "A desk", "README", "test_"):
        assert word not in text


def test_the_tag_is_the_start_of_the_digest(folder: Folder) -> None:
    found = prints(folder.load())["base/os=2"]
    assert len(found.digest) == 64
    assert found.tag == f"fp-{found.digest[:32]}"
    assert tuple(found.parts) == PARTS


def test_it_is_the_same_on_every_machine(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Folder(tmp_path_factory.mktemp("elsewhere"), dict(reversed(FILES.items())))
    assert prints(folder.load()) == prints(other.load())


def test_a_base_that_is_not_locked_has_no_content(folder: Folder) -> None:
    found = prints(folder.load(), Lock())["base/os=2"]
    assert found.document["parent"] == ""


def test_canonical_json_does_not_depend_on_order() -> None:
    assert canonical({"b": 1, "a": ["é"]}) == canonical({"a": ["é"], "b": 1})
    assert canonical({"b": 1, "a": ["é"]}) == '{"a":["é"],"b":1}'.encode()


def test_what_differs_between_two_catalogs(folder: Folder) -> None:
    before = prints(folder.load())
    assert differences(before, before) == {}
    folder.edit("images/tool/Dockerfile.j2", "make /tool", "make /other")
    found = differences(before, prints(folder.load()))
    tools = dict.fromkeys(("tool/os=2", "tool/os=1"), ("dockerfile",))
    assert found == tools | dict.fromkeys(DESKS, ("inputs",))
    assert differences({}, before) == dict.fromkeys(TARGETS, ())
