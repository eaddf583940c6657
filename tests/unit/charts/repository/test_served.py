"""What is served at `--against` comes into a folder only as packages of their own names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.charts.package import pack
from builder.charts.repository.backends import FolderRepository, repository_at
from builder.charts.repository.http import ServedRepository
from builder.common.errors import BuilderError, ConfigError
from builder.common.hashing import sha256
from tests.fakes.lines import Upstream
from tests.fakes.store import FakeStore

NOW = "2026-01-02T00:00:00Z"
DESK = pack("desk", {"Chart.yaml": b"apiVersion: v2\nname: desk\nversion: 1.0.0\n"})
CONFIG = b'[core]\n\tfsmonitor = "touch ran; false"\n'
SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----\n"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A folder of pages, which is a checkout of git."""
    folder = tmp_path / "pages"
    (folder / ".git").mkdir(parents=True)
    (folder / ".git" / "config").write_text("[core]\n")
    (folder / "CNAME").write_text("charts.example.org\n")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def publish(
    there: Upstream, pages: Path, *, url: str, data: bytes = DESK, name: str = "desk",
    version: str = "1.0.0", digest: str | None = None,
) -> None:  # fmt: skip
    """Publish nothing into the pages, against an index that lists one version."""
    base = f"http://{there.server.address}/charts"
    there.folder.mkdir(exist_ok=True)
    entry = {
        "name": name,
        "version": version,
        "digest": sha256(data) if digest is None else digest,
        "urls": [url.replace("BASE", base)],
    }
    index = {"apiVersion": "v1", "entries": {name: [entry]}, "generated": NOW}
    there.serve("charts/index.yaml", json.dumps(index))
    there.serve(f"charts/{url.removeprefix('BASE/')}", data)
    fetcher = there.fetcher()
    FolderRepository(
        folder=pages,
        others=ServedRepository(url="", fetcher=fetcher),
        served=ServedRepository(url=base, fetcher=fetcher),
    ).add([], generated=NOW)


@pytest.mark.parametrize("url", ["desk-1.0.0.tgz", "BASE/desk-1.0.0.tgz", "old/desk-1.0.0.tgz"])
def test_a_package_is_taken_under_its_own_name(there: Upstream, pages: Path, url: str) -> None:
    before = content(pages)
    publish(there, pages, url=url)
    added = {name: data for name, data in content(pages).items() if name not in before}
    assert added.pop("index.yaml")
    assert added == {url.removeprefix("BASE/"): DESK}


@pytest.mark.parametrize(
    "url",
    [
        ".git/config", ".git/hooks/pre-commit", "CNAME", "index.html", "desk.tgz",
        ".github/workflows/desk-1.0.0.tgz", ".git/desk-1.0.0.tgz", "a/.b/desk-1.0.0.tgz",
        "desk-1.0.1.tgz", "desk-1.0.0.tgz.prov", "Desk-1.0.0.tgz", "BASE/.git/config",
        "%2e%2e/desk-1.0.0.tgz", "desk-1.0.0.tgz?x", "-desk/desk-1.0.0.tgz",
    ],
)  # fmt: skip
@pytest.mark.parametrize("data", [CONFIG, DESK])
def test_no_other_file_is_written(there: Upstream, pages: Path, url: str, data: bytes) -> None:
    before = content(pages)
    with pytest.raises(ConfigError) as caught:
        publish(there, pages, url=url, data=data)
    shown = url.replace("BASE", f"http://{there.server.address}/charts")
    assert str(caught.value) == (
        f"{pages}/index.yaml: the index lists desk 1.0.0 as the file {shown!r}, and not as"
        " desk-1.0.0.tgz\n"
        "  hint: a package is taken into the folder under that name only; have it served so"
    )
    assert content(pages) == before


@pytest.mark.parametrize(
    "url", ["../desk-1.0.0.tgz", "/desk-1.0.0.tgz", "a/../../desk-1.0.0.tgz", "a\\desk-1.0.0.tgz"]
)
def test_no_file_outside_is_written(there: Upstream, pages: Path, url: str) -> None:
    before = content(pages.parent)
    with pytest.raises(ConfigError) as caught:
        publish(there, pages, url=url)
    assert str(caught.value) == (
        f"{pages}/index.yaml: the index lists desk 1.0.0 with a path outside the folder: {url}"
    )
    assert content(pages.parent) == before


def test_no_file_is_written_through_a_link(there: Upstream, pages: Path) -> None:
    outside = pages.parent / "outside"
    outside.mkdir()
    (pages / "old").symlink_to(outside)
    with pytest.raises(ConfigError, match=r"a path outside the folder: old/desk-1\.0\.0\.tgz"):
        publish(there, pages, url="old/desk-1.0.0.tgz")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("digest", [None, ""])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (CONFIG, "desk-1.0.0.tgz: not a chart package: not a gzip file"),
        (
            pack("desk", {"Chart.yaml": b"name: desk\nversion: 2.0.0\n"}),
            "desk-1.0.0.tgz: this package is listed as chart desk 1.0.0, but its Chart.yaml says"
            " desk 2.0.0\n"
            "  hint: publish it again under its own version, or delete it from the repository",
        ),
        (
            pack("desk", {"Chart.yaml": b"name: table\nversion: 1.0.0\n"}),
            "desk-1.0.0.tgz: this package is listed as chart desk 1.0.0, but its Chart.yaml says"
            " table 1.0.0\n"
            "  hint: publish it again under its own version, or delete it from the repository",
        ),
    ],
)
def test_what_is_not_that_package_is_not_written(
    there: Upstream, pages: Path, data: bytes, reason: str, digest: str | None
) -> None:
    before = content(pages)
    with pytest.raises(ConfigError) as caught:
        publish(there, pages, url="desk-1.0.0.tgz", data=data, digest=digest)
    assert str(caught.value) == reason
    assert content(pages) == before


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("../desk", "1.0.0"), (".git", "1.0.0"), ("-desk", "1.0.0"), ("desk\n", "1.0.0"),
        ("", "1.0.0"), ("desk", "../1.0.0"), ("desk", "1.0.0 x"), ("desk", ""), ("desk", "-1"),
        ("a" * 101, "1.0.0"),
    ],
)  # fmt: skip
def test_names_and_versions_of_an_index_have_a_pattern(
    there: Upstream, pages: Path, name: str, version: str
) -> None:
    before = content(pages)
    with pytest.raises(ConfigError, match=r"the index lists a chart with the (name|version) '"):
        publish(there, pages, url="x.tgz", name=name, version=version)
    assert content(pages) == before


@pytest.mark.parametrize("answer", [b"<p>There is nothing here", SIGNED])
def test_a_signature_is_one(there: Upstream, pages: Path, answer: bytes) -> None:
    there.serve("charts/desk-1.0.0.tgz.prov", answer)
    publish(there, pages, url="desk-1.0.0.tgz")
    assert content(pages).get("desk-1.0.0.tgz.prov") == (SIGNED if answer == SIGNED else None)


def test_plain_http_is_taken_from_this_machine_alone(there: Upstream, pages: Path) -> None:
    message = (
        "http://charts.example.org{} is plain HTTP, and others on the network can change what it"
        " answers\n  hint: use https://; plain HTTP is taken from this machine alone"
    )
    with pytest.raises(BuilderError) as caught:
        repository_at(
            str(pages), against="http://me:secret@charts.example.org", store=FakeStore(),
            fetcher=there.fetcher(),
        )  # fmt: skip
    assert str(caught.value) == message.format("")
    for against in ("https://charts.example.org", "http://127.0.0.1:1", "http://[::1]:1/x"):
        repository_at(str(pages), against=against, store=FakeStore(), fetcher=there.fetcher())
    repository = repository_at(str(pages), against="", store=FakeStore(), fetcher=there.fetcher())
    (pages / "index.yaml").write_text(
        "apiVersion: v1\nentries:\n  desk:\n  - {name: desk, version: 1.0.0, urls:"
        f" [http://charts.example.org/desk-1.0.0.tgz]}}\ngenerated: {NOW}\n"
    )
    with pytest.raises(BuilderError) as caught:
        repository.newest("desk")
    assert str(caught.value) == message.format("/desk-1.0.0.tgz")
