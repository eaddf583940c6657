"""`builder upstream`: a catalog follows one of git, which moves on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.app.adapters import Replaced
from builder.lock.lockfile import dump, parse
from tests.cli.conftest import Run
from tests.fakes.bases import FakeBases, FakeLines
from tests.fakes.catalog import FILES, LOCK, Folder, with_package_sets
from tests.fakes.git_upstream import Repository
from tests.fakes.layers import FakeLayers
from tests.fakes.locking import LINES, NoCheck
from tests.fakes.report import check_stack_diff

HAS = {"tar": "1.35", "grep": "3.11", "desk": "1", "legs": "4", "lang": "1"}
CONF = "images/desk/files/desk.conf"


class Site:
    """A catalog that stands on a repository, locked on its first commit."""

    def __init__(self, root: Path) -> None:
        lock = dump(with_package_sets(Folder(root / "shop").load(), LOCK))
        self.files = {**FILES, "matrix.lock": lock}
        self.upstream = Repository(root / "upstream.git")
        self.whole = self.upstream.commit(self.files)
        self.first = self.whole[:12]
        text = (
            f"extends: {{git: '{self.upstream.url}', name: upstream, follow: commits}}\n"
            "catalog: {name: mine}\nimages:\n  extra: {from: tool}\n"
        )
        self.mine = Folder(root / "mine", {
            "matrix.yaml": text,
            "images/extra/recipe.yaml": "summary: More\n",
            "images/extra/Dockerfile.j2": "FROM {{ parent }}\n",
            "images/extra/tests/test_extra.py": "def test_extra(host): ...\n",
            CONF: "wood = ash\n",
        })  # fmt: skip

    @property
    def commit(self) -> str:
        """What matrix.lock pins."""
        text = (self.mine.root / "matrix.lock").read_text()
        return parse(text).upstreams["upstream"].commit[:12]


@pytest.fixture
def site(tmp_path: Path, run: Run, replaced: Replaced, monkeypatch: pytest.MonkeyPatch) -> Site:
    replaced["resolvers"] = {"apt": FakeLayers(tmp_path / "files", HAS)}
    replaced["bases"] = FakeBases(tmp_path / "bases")
    replaced["providers"] = {"apt": FakeLines(LINES)}
    replaced["package_check"] = NoCheck()
    site = Site(tmp_path / "site")
    monkeypatch.chdir(site.mine.root)
    ended = run("lock")
    assert ended.code == 0, ended.err
    return site


def test_where_it_stands(site: Site, run: Run) -> None:
    ended = run("upstream", "status")
    assert ended.code == 0
    head, row, *rest = ended.out.splitlines()
    assert head.split() == ["CATALOG", "CONTENT", "FROM", "AGE"]
    assert row.split()[::2] == ["upstream", site.first, *row.split()[4:5]]
    assert rest == [
        "", "Our files in the place of one below", "FILE                         STATE"
        "       LINES THERE", f"{CONF}  same below",
    ]  # fmt: skip
    assert run("upstream", "update").err == "nothing newer is below\n"


def test_the_pin_moves_to_what_is_newest(site: Site, run: Run) -> None:
    new = site.upstream.commit(
        {**site.files, "images/tool/Dockerfile.j2": "FROM {{ parent }}\nRUN make /tools\n"}
    )[:12]
    before = (site.mine.root / "matrix.lock").read_bytes()
    ended = run("upstream", "diff", "--format", "json", "--exit-code")
    assert ended.code == 1
    check_stack_diff(ended.out)
    told = json.loads(ended.out)
    assert [(row["old"], row["new"]) for row in told["below"]] == [(site.first, new)]
    assert run("upstream", "update", "--dry-run").code == 0
    assert (site.mine.root / "matrix.lock").read_bytes() == before
    ended = run("upstream", "update")
    assert (ended.code, site.commit) == (0, new), ended.err
    assert ended.out.startswith(f"upstream {site.first} → {new}\n")
    assert run("lock", "--check").code == 0
    assert run("upstream", "update", site.whole).code == 0
    assert site.commit == site.first


def test_what_conflicts_is_settled_first(site: Site, run: Run) -> None:
    new = site.upstream.commit({**site.files, CONF: "wood = elm\n"})[:12]
    ended = run("upstream", "update")
    assert (ended.code, site.commit) == (2, site.first)
    assert ended.err == (
        "error: 1 conflict with what is new below: matrix.lock stays as it is\n"
        "  hint: change this catalog, and run it again; --only-pin moves the pin all the same\n"
    )
    assert run("upstream", "diff", "--exit-code").code == 2
    assert run("upstream", "update", "--only-pin").code == 0
    assert site.commit == new
    assert "[E-REPLACED-CHANGED]" in run("plan", "--offline").err
    shown = run("upstream", "show", CONF, "--three-way").out
    assert shown.startswith(f"--- upstream:{CONF} (accepted)\n+++ upstream:{CONF} (now)\n")
    assert run("upstream", "show", CONF).out == "wood = elm\n"
    assert run("upstream", "accept", CONF) == (0, "", f"{CONF} accepted\n")
    assert run("plan", "--offline").code == 0


def test_nothing_is_accepted_where_one_name_is_wrong(site: Site, run: Run) -> None:
    before = (site.mine.root / "matrix.lock").read_bytes()
    ended = run("upstream", "accept", CONF, "--patch", "bigger")
    assert (ended.code, ended.err) == (3, "error: this catalog has no patch 'bigger'\n")
    assert (site.mine.root / "matrix.lock").read_bytes() == before
    assert run("upstream", "accept").err == (
        "error: nothing to accept is named\n  hint: name a PATH, or a --patch NAME\n"
    )


def test_a_copy_in_the_repository_is_the_same_content(site: Site, run: Run) -> None:
    planned = run("plan", "--offline").out
    content = parse((site.mine.root / "matrix.lock").read_text()).upstreams["upstream"].content
    assert run("upstream", "vendor") == (0, "", "upstream is in upstreams/upstream\n")
    assert (
        (site.mine.root / "matrix.yaml")
        .read_text()
        .startswith('extends: {name: upstream, path: "upstreams/upstream", follow: commits}\n')
    )
    pin = parse((site.mine.root / "matrix.lock").read_text()).upstreams["upstream"]
    assert (pin.content, pin.source) == (content, {"path": "upstreams/upstream"})
    assert run("plan", "--offline").out == f"{planned}catalog upstream is unpinned: a folder\n"
    ended = run("upstream", "vendor")
    assert (ended.code, ended.err) == (
        2, "error: matrix.yaml: all that this catalog stands on is in folders already\n",
    )  # fmt: skip


def test_what_goes_is_kept_before_the_pin_moves(site: Site, run: Run) -> None:
    files = dict(site.files)
    files["matrix.yaml"] = (
        files["matrix.yaml"]
        .replace("  tool: {from: base, publish: false}\n", "")
        .replace(", inputs: [tool]", "")
    )
    files["images/desk/Dockerfile.j2"] = "FROM {{ parent }}\n{{ install(packages) }}"
    new = site.upstream.commit(files)[:12]
    told = run("upstream", "diff").out
    assert "image  tool  " in told
    assert "matrix.yaml:4:17" in told
    assert run("upstream", "keep", "tool").code == 0
    assert run("upstream", "update").code == 0
    assert site.commit == new
    assert run("plan", "--offline", "-s", "extra").code == 0
