"""`builder charts publish` to repositories in which another tool keeps the same chart."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.charts.helm import Helm
from builder.charts.package import ChartPackage, pack
from builder.charts.repository.backends import Publication, RegistryRepository
from builder.charts.repository.index import IndexEntry, emit_index, read_index, with_entries
from builder.charts.semver import with_version
from builder.common.errors import ConflictError
from builder.common.process import Runner
from tests.cli.conftest import Run
from tests.fakes.charts import files
from tests.integration.registry import registry as real_registry

from .conftest import MOMENT, Shop, content, folder_at, publication, served


@pytest.fixture(scope="module")
def shop(first_week: Shop) -> Shop:
    """One for all tests."""
    return first_week


def lay(folder: Path, packages: list[ChartPackage], *, digests: bool = True) -> Path:
    """A repository of another tool with these packages; `digests` says whether it lists any."""
    folder.mkdir()
    entries = []
    for package in packages:
        (folder / package.file).write_bytes(package.data)
        digest = package.digest if digests else ""
        entries.append(
            IndexEntry(metadata=package.metadata, digest=digest, url=package.file, created=MOMENT)
        )
    (folder / "index.yaml").write_bytes(emit_index(with_entries({}, entries), MOMENT))
    return folder


def theirs(*versions: str) -> list[ChartPackage]:
    return [publication(version=version).package for version in versions]


def installed(folder: Path, helm: Helm, runner: Runner) -> str:
    """The version that Helm takes from a folder where none is named."""
    with served(folder) as url:
        shown = runner.run(helm.command("show", "chart", "desk", "--repo", url)).stdout
    return next(line for line in shown.splitlines() if line.startswith("version: "))


@pytest.mark.parametrize(
    ("versions", "said", "version"),
    [
        (("1.4.2", "2.0.0-rc.1"), "desk 2.0.0: changed since 1.4.2", "2.0.0"),
        (("2.1.0-rc.1",), "desk 2.1.0: new: 2.1.0-rc.1 is a pre-release", "2.1.0"),
        (("0.9.0-rc.1",), "desk 1.0.0: new: 0.9.0-rc.1 is a pre-release", "1.0.0"),
        (("1.9.0", "v1.10.0"), "desk 2.0.0: changed since v1.10.0", "2.0.0"),
        (("3.0.0+up1", "3.0.0+up2"), "desk 4.0.0: changed since 3.0.0+up1", "4.0.0"),
    ],
)
def test_what_is_published_is_what_is_installed(
    run: Run, helm: Helm, runner: Runner, tmp_path: Path,
    versions: tuple[str, ...], said: str, version: str,
) -> None:  # fmt: skip
    pages = lay(tmp_path / "pages", theirs(*versions))
    assert run("charts", "publish", "--to", str(pages)).out == f"{said}\n"
    assert installed(pages, helm, runner) == f"version: {version}"
    again = run("charts", "publish", "--to", str(pages)).out
    assert again == f"desk {version}: nothing in it changed\n"
    listed = [
        str(item["version"]) for item in read_index((pages / "index.yaml").read_bytes())["desk"]
    ]
    assert sorted(listed) == sorted([*versions, version])


def test_the_content_of_a_candidate_is_released(
    shop: Shop, run: Run, helm: Helm, runner: Runner, tmp_path: Path
) -> None:
    released = shop.released.package("desk")
    candidate = ChartPackage(data=pack("desk", with_version(released.files, "2.0.0-rc.1")))
    pages = lay(tmp_path / "pages", [*theirs("1.4.2"), candidate])
    assert run("charts", "publish", "--to", str(pages)).out == "desk 2.0.0: changed since 1.4.2\n"
    assert installed(pages, helm, runner) == "version: 2.0.0"


def test_an_index_without_digests(run: Run, helm: Helm, runner: Runner, tmp_path: Path) -> None:
    pages = lay(tmp_path / "pages", theirs("1.4.1", "1.4.2"), digests=False)
    before = read_index((pages / "index.yaml").read_bytes())["desk"]
    assert run("charts", "publish", "--to", str(pages)).out == "desk 2.0.0: changed since 1.4.2\n"
    assert read_index((pages / "index.yaml").read_bytes())["desk"][1:] == before
    assert installed(pages, helm, runner) == "version: 2.0.0"


def test_a_served_index_without_digests(run: Run, tmp_path: Path) -> None:
    away = lay(tmp_path / "away", theirs("1.4.2"), digests=False)
    pages = tmp_path / "pages"
    with served(away) as url:
        found = run("charts", "publish", "--to", str(pages), "--against", url)
    assert found.out == "desk 2.0.0: changed since 1.4.2\n"
    assert (pages / "desk-1.4.2.tgz").read_bytes() == theirs("1.4.2")[0].data


def test_a_package_that_is_listed_without_a_digest_is_never_replaced(tmp_path: Path) -> None:
    pages = lay(tmp_path / "pages", theirs("4.0.0"), digests=False)
    data = pack("desk", files(about="apiVersion: v2\nname: desk\nversion: 4.0.0\n"))
    before = content(pages)
    with pytest.raises(ConflictError) as caught:
        folder_at(pages).add(
            [Publication(package=ChartPackage(data=data), created=MOMENT)], generated=MOMENT
        )
    assert str(caught.value) == (
        f"{pages}/index.yaml: chart desk 4.0.0 is already published with other content\n"
        "  hint: the index lists it without a digest"
    )
    assert content(pages) == before


def test_a_package_that_says_another_version(run: Run, tmp_path: Path) -> None:
    pages = lay(tmp_path / "pages", theirs("1.4.2"), digests=False)
    (pages / "desk-1.4.2.tgz").write_bytes(publication(version="latest").package.data)
    assert run("charts", "publish", "--to", str(pages)) == (
        2, "",
        f"error: {pages}/desk-1.4.2.tgz: this package is listed as chart desk 1.4.2,"
        " but its Chart.yaml says desk latest\n"
        "  hint: publish it again under its own version, or delete it from the repository\n",
    )  # fmt: skip


def test_a_package_that_cannot_be_compared(run: Run, tmp_path: Path) -> None:
    about = "apiVersion: v2\nname: desk\nversion: 1.4.2\n"
    broken = files(about=about) | {"values.schema.json": b"{"}
    pages = lay(tmp_path / "pages", [ChartPackage(data=pack("desk", broken))])
    assert run("charts", "publish", "--to", str(pages)) == (
        2, "",
        f"error: {pages}/desk-1.4.2.tgz: chart desk 1.4.2 cannot be compared:"
        " values.schema.json is not JSON\n",
    )  # fmt: skip


def test_a_registry_in_which_helm_has_put_build_metadata(
    run: Run, helm: Helm, runner: Runner, tmp_path: Path
) -> None:
    with real_registry(tmp_path / "registry", runner=runner) as address:
        to = f"oci://{address}/charts"
        for package in theirs("3.0.0+up1", "3.0.0+up2"):
            path = tmp_path / package.file
            path.write_bytes(package.data)
            runner.run(helm.command("push", str(path), to, "--plain-http"))
        assert run("charts", "publish", "--to", to).out == "desk 4.0.0: changed since 3.0.0+up1\n"
        show = helm.command("show", "chart", f"{to}/desk", "--plain-http")
        assert "version: 4.0.0\n" in runner.run(show).stdout


def test_what_is_pushed_has_helms_tag(run: Run, runner: Runner, tmp_path: Path, shop: Shop) -> None:
    with real_registry(tmp_path / "registry", runner=runner) as address:
        repository = RegistryRepository(store=shop.week.store, prefix=f"{address}/charts")
        repository.add([publication(version="3.0.0+up1")], generated=MOMENT)
        assert shop.week.store.tags(f"{address}/charts/desk") == ("3.0.0_up1",)
        found = repository.newest("desk")
        assert found is not None
        assert found.version == "3.0.0+up1"
