"""`builder charts publish --against URL`: what is served decides, and nothing of it is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from builder.charts.repository.index import INDEX
from builder.charts.repository.publish import publish_index
from tests.cli.conftest import Run
from tests.fakes.answers import Answer, Registry

from .conftest import WEEKS, Shop, content, served, versions


@pytest.fixture(scope="module")
def shop(first_week: Shop) -> Shop:
    """One for all tests: what it had in its first week is served, and its image changed since."""
    publish_index(first_week.released, first_week.folder.root / "served")
    first_week.change_image(WEEKS[1])
    return first_week


@pytest.fixture
def pages(shop: Shop, tmp_path: Path) -> Path:
    """What is served, and nothing of it was fetched before."""
    shutil.rmtree(shop.folder.root / "build" / "files", ignore_errors=True)
    return Path(shutil.copytree(shop.folder.root / "served", tmp_path / "served"))


def test_a_new_folder_can_take_the_place_of_what_is_served(
    pages: Path, run: Run, tmp_path: Path
) -> None:
    old, new = content(pages), tmp_path / "new"
    signature = b"-----BEGIN PGP SIGNED MESSAGE-----\n"
    (pages / "desk-1.0.0.tgz.prov").write_bytes(signature)
    with served(pages) as url:
        found = run("charts", "publish", "--to", str(new), "--against", url + "/")
        assert found == (
            0, "desk 1.0.1: changed since 1.0.0\n", f"1 of 1 chart published to {new}\n",
        )  # fmt: skip
        assert versions(new) == ["1.0.1", "1.0.0"]
        assert (new / "desk-1.0.0.tgz").read_bytes() == old["desk-1.0.0.tgz"]
        assert (new / "desk-1.0.0.tgz.prov").read_bytes() == signature
        before = content(new)
        again = run("charts", "publish", "--to", str(new), "--against", url)
    assert again.out == "desk 1.0.1: nothing in it changed\n"
    assert content(new) == before


def test_packages_that_are_named_by_their_whole_url(pages: Path, run: Run, tmp_path: Path) -> None:
    """As `helm repo index --url` writes them."""
    index = pages / INDEX
    with served(pages) as url, served(pages) as elsewhere:
        index.write_text(index.read_text().replace('"desk-1', f'"{url}/desk-1'))
        new = tmp_path / "new"
        assert run("charts", "publish", "--to", str(new), "--against", url).code == 0
        assert sorted(content(new)) == ["desk-1.0.0.tgz", "desk-1.0.1.tgz", "index.yaml"]
        index.write_text(index.read_text().replace(url, elsewhere))
        other = tmp_path / "other"
        assert run("charts", "publish", "--to", str(other), "--against", url).code == 0
        assert sorted(content(other)) == ["desk-1.0.1.tgz", "index.yaml"]
        assert f'"{elsewhere}/desk-1.0.0.tgz"' in (other / INDEX).read_text()


READ = "check that you may read it; a user and a password go into the URL"
RESTORE = "restore it, or move it away to list only what is published from now on"
Damage = Callable[[dict[str, Answer]], None]


def answer(name: str, code: int, body: bytes = b"", kind: str = "text/yaml") -> Damage:
    """Have a file be answered so."""
    return lambda answers: answers.update({name: (code, {"Content-Type": kind}, body)})


def tear(answers: dict[str, Answer]) -> None:
    """Half an index, which the server thinks is whole."""
    code, headers, body = answers[INDEX]
    answers[INDEX] = (code, headers, body.partition(b"      digest")[0])


def outside(answers: dict[str, Answer]) -> None:
    """An index that would have a file written outside of the folder."""
    code, headers, body = answers[INDEX]
    answers[INDEX] = (code, headers, body.replace(b'"desk-1.0.0.tgz"', b'"../../desk.tgz"'))


@pytest.mark.parametrize(
    ("damage", "code", "message"),
    [
        (
            answer(INDEX, 403), 5,
            f"{{url}}/index.yaml: it answered 403 Forbidden\n  hint: {READ}",
        ),
        (
            answer(INDEX, 404), 5,
            "{url}/index.yaml: the file does not exist\n"
            "  hint: leave --against out for the first publication",
        ),
        (
            answer(INDEX, 200, b"<!doctype html><p>Log in", "text/html"), 5,
            "127.0.0.1: {url}/index.yaml answered with a web page, not an index of charts: is it"
            f" a login page or a proxy?\n  hint: {READ}",
        ),
        (
            tear, 2,
            f"{{url}}/index.yaml: the index is damaged: its end is missing\n  hint: {RESTORE}",
        ),
        (
            answer(INDEX, 200, b"entries: {desk: ["), 2,
            f"{{url}}/index.yaml:1:18: the index is damaged: not YAML\n  hint: {RESTORE}",
        ),
        (
            answer(INDEX, 200, b"apiVersion: v1\ngenerated: 2026-01-05T00:00:00Z\n"), 2,
            f"{{url}}/index.yaml: the index has no entries\n  hint: {RESTORE}",
        ),
        (
            outside, 2,
            "{folder}/index.yaml: the index lists desk 1.0.0 with a path outside the folder:"
            " ../../desk.tgz",
        ),
        (
            answer("desk-1.0.0.tgz", 404), 5,
            "{url}/desk-1.0.0.tgz: the file does not exist\n"
            "  hint: the index lists it; nothing was published",
        ),
        (
            answer("desk-1.0.0.tgz", 403), 5,
            "{url}/desk-1.0.0.tgz: it answered 403 Forbidden\n"
            "  hint: the index lists it; nothing was published",
        ),
        (
            answer("desk-1.0.0.tgz", 200, b"x"), 5,
            "desk-1.0.0.tgz: {url}/desk-1.0.0.tgz does not have the expected sha256\n"
            "    expected {digest}\n"
            "    found    2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n"
            "  hint: the index lists it; nothing was published",
        ),
    ],
)  # fmt: skip
def test_a_repository_that_is_not_well(
    pages: Path, run: Run, tmp_path: Path, registry: Registry,
    damage: Damage, code: int, message: str,
) -> None:  # fmt: skip
    answers: dict[str, Answer] = {
        name: (200, {"Content-Type": "application/octet-stream"}, data)
        for name, data in content(pages).items()
    }
    damage(answers)
    missing: Answer = (404, {}, b"")
    registry.script = lambda method, path: answers.get(path.removeprefix("/charts/"), missing)
    folder = tmp_path / "new"
    folder.mkdir()
    (folder / "CNAME").write_text("charts.example.org\n")
    before = content(folder)
    url = f"{registry.address}/charts"
    found = run("charts", "publish", "--to", str(folder), "--against", f"http://me:secret@{url}")
    digest = str(content(pages)[INDEX]).partition('digest: "')[2][:64]
    expected = message.format(url=f"http://{url}", folder=folder, digest=digest)
    assert found == (code, "", f"error: {expected}\n")
    assert content(folder) == before


def test_nobody_answers(pages: Path, run: Run, tmp_path: Path) -> None:
    url = "http://127.0.0.1:1/charts"
    assert run("charts", "publish", "--to", str(tmp_path / "new"), "--against", url) == (
        5, "", f"error: {url}/index.yaml: the connection was refused\n  hint: {READ}\n",
    )  # fmt: skip
    assert not (tmp_path / "new").exists()


def test_the_folder_and_what_is_served_contradict_each_other(
    pages: Path, run: Run, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    assert run("charts", "publish", "--to", str(other)).out == "desk 1.0.1: new\n"
    index = pages / INDEX
    index.write_text(index.read_text().replace('version: "1.0.0"', 'version: "1.0.1"'))
    before = content(other)
    with served(pages) as url:
        found = run("charts", "publish", "--to", str(other), "--against", url)
    assert found.code == 7
    assert found.err.startswith(
        f"error: {other}/index.yaml: chart desk 1.0.1 is already published with other content\n"
    )
    assert content(other) == before
