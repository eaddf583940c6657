"""An ecosystem and a provider that installed packages add, through a week with fakes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from builder.app.adapters import Adapters, Replaced
from builder.app.app import App
from builder.app.options import Options
from builder.catalog.packages import Package
from builder.common.errors import ConfigError, StepError, ToolError
from builder.common.process import Command, Runner
from builder.lock.locker import lock_catalog
from builder.lock.lockfile import Lock
from builder.lock.package_lists import package_lists
from builder.network.fetcher import Fetcher
from builder.project import Project, Workspace
from builder.resolvers.ecosystems import ECOSYSTEMS, package_resolvers
from builder.resolvers.interfaces import ResolverTools
from builder.resolvers.providers import PROVIDERS, line_providers
from builder.resolvers.reachability import Reachability
from builder.testing.package_list import parse_lines, script
from tests.fakes.bases import FakeBases
from tests.fakes.catalog import TODAY, Folder, Week
from tests.fakes.ecosystems import BUILT_IN
from tests.fakes.lines import IMPATIENT, Upstream, mirrored, tools
from tests.fakes.packages import install, see
from tests.plugins import catalog, packages

pytestmark = pytest.mark.slow

PRESS, PAGE = "press/os=1", "page/os=1,style=2"
MIRRORS = ("https://fonts.example.org", "https://foundry.example.org")


@dataclass(frozen=True, kw_only=True)
class Press:
    """The catalog, on hosts that a fake upstream serves."""

    folder: Folder
    there: Upstream
    site: Path

    def serve(self, *, has_new: bool = False) -> None:
        """Have both hosts serve their files."""
        for path, data in packages.served(has_new=has_new).items():
            self.there.serve(path, data)

    def load(self) -> Project:
        """Read the catalog."""
        return Workspace(self.folder.root).load(ecosystems=ECOSYSTEMS)

    def tools(self) -> ResolverTools:
        """Return what resolvers and providers work with."""
        address = self.there.server.address
        network = mirrored(address)
        starts = dict(
            zip(MIRRORS, (f"http://{address}/{it}" for it in ("fonts", "foundry")), strict=True)
        )
        network = replace(network, mirrors={**network.mirrors, **starts})
        fetcher = Fetcher(network=network, folder=self.there.folder, retry_policy=IMPATIENT)
        return replace(tools(fetcher, Runner(), address), network=network)

    def lock(self) -> Lock:
        """Lock the catalog."""
        project = self.load()
        locked = lock_catalog(
            catalog=project.catalog, expansion=project.expansion, previous=None,
            bases=FakeBases(self.folder.root / "bases"),
            providers=line_providers(self.tools(), ["foundry"]), today=TODAY, note=lambda _: None,
            locate=self.tools().locate,
            resolvers=package_resolvers(self.tools(), project.catalog.ecosystems),
        )  # fmt: skip
        assert locked.problems == ()
        return locked.lock


@pytest.fixture
def press(tmp_path: Path, there: Upstream, monkeypatch: pytest.MonkeyPatch) -> Press:
    """The catalog, with both packages installed and both hosts served."""
    site = tmp_path / "site"
    packages.install_fonts(site)
    packages.install_foundry(site)
    see(monkeypatch, site)
    text = catalog.MATRIX.format(
        registry="127.0.0.1:5999", prefix="press", base="example.org/os:1", address="127.0.0.1:1"
    )
    folder = Folder(tmp_path / "press", {"matrix.yaml": text, **catalog.FILES})
    (folder.root / "matrix.lock").unlink(missing_ok=True)
    found = Press(folder=folder, there=there, site=site)
    found.serve()
    return found


def versions(lock: Lock, target: str) -> dict[str, str]:
    return {name: it.version for name, it in lock.package_sets[target].packages["fonts"].items()}


def test_the_lock_has_what_the_packages_chose(press: Press) -> None:
    lock = press.lock()
    assert lock.versions == {"style=2": "2.1"}
    assert versions(lock, PRESS) == {"metrics": "0.3", "serif": "1.0"}
    assert PAGE not in lock.package_sets


def built(press: Press, installed: dict[str, str]) -> None:
    """Build the catalog, whose images have these fonts."""
    lock = press.lock()
    week = Week(folder=press.folder, lock=lock)
    fonts = {name: Package(version=it, size=9) for name, it in installed.items()}
    week.smoke.installed = {"fonts": fonts}
    plan = week.plan()
    resolvers = package_resolvers(press.tools(), ["fonts"])
    fakes = Replaced(**{**week.fakes, "resolvers": resolvers})
    app = App(press.folder.load(), Options(today=TODAY), adapters=partial(Adapters, **fakes))
    actions = app.adapters.build_actions(app.context(week.planned(plan)), week.store)
    for step in plan.steps.values():
        if step.kind in ("base", "build"):
            {"base": actions.base, "build": actions.target}[step.kind](step)


def test_a_build_gets_its_files_and_what_is_installed_is_compared(press: Press) -> None:
    with pytest.raises(StepError) as caught:
        built(press, {"metrics": "0.3", "serif": "0.9"})
    assert "    fonts serif: locked 1.0, installed 0.9\n" in str(caught.value)
    downloads = press.folder.root / "build/work/press-os1/context/downloads/fonts"
    assert {it.name: it.read_text() for it in downloads.iterdir()} == {
        "packages.txt": "metrics 0.3 metrics-0.3.txt\nserif 1.0 serif-1.0.txt\n",
        "metrics-0.3.txt": "metrics-0.3.txt\n",
        "serif-1.0.txt": "serif-1.0.txt\n",
    }
    built(press, {"metrics": "0.3", "serif": "1.0"})


def test_the_probe_lists_its_packages(press: Press, tmp_path: Path) -> None:
    rules = press.load().catalog.ecosystems["fonts"]
    place = tmp_path / "opt/fonts/serif"
    place.mkdir(parents=True)
    (place / "version").write_text("1.0\n")
    text = script({"fonts": rules}).replace("/opt/fonts", f"{tmp_path}/opt/fonts")
    output = Runner().run(Command(argv=("sh", "-c", text)))
    assert parse_lines(output.stdout)["fonts"]["serif"].version == "1.0"


def test_doctor_asks_the_provider(press: Press) -> None:
    press.there.serve("foundry/", "here")
    asked = list(Reachability(press.tools()).of(press.load().catalog))
    assert [(item.name, reason) for item, reason in asked] == [("foundry", "")]


def test_a_newer_font_and_a_newer_style(press: Press) -> None:
    press.serve(has_new=True)
    lock = press.lock()
    assert lock.versions == {"style=2": "2.2"}
    assert versions(lock, PRESS) == {"metrics": "0.3", "serif": "1.1"}


def test_an_ecosystem_that_nothing_adds(press: Press) -> None:
    press.folder.edit("images/press/recipe.yaml", "fonts: [serif]", "font: [serif]")
    with pytest.raises(ConfigError) as caught:
        press.load()
    assert str(caught.value) == (
        "images/press/recipe.yaml:3:3: no ecosystem is called 'font'\n"
        "      font: [serif]\n"
        "      ^\n"
        "  hint: did you mean fonts? known: apt, pip, wheel, npm, r, julia, maven, fonts"
    )


def test_an_ecosystem_of_a_condition_is_checked_too(press: Press) -> None:
    more = "when:\n  style:\n    packages:\n      atp: [tar]\n"
    path = press.folder.root / "images/press/recipe.yaml"
    press.folder.write("images/press/recipe.yaml", path.read_text() + more)
    with pytest.raises(ConfigError) as caught:
        press.load()
    assert str(caught.value).splitlines()[0] == (
        "images/press/recipe.yaml:7:7: no ecosystem is called 'atp'"
    )


@pytest.mark.parametrize(
    ("table", "group", "load"),
    [
        (ECOSYSTEMS, "ecosystems", lambda press: press.load()),
        (PROVIDERS, "providers", lambda press: line_providers(press.tools(), ["broken"])),
    ],
)
def test_a_package_that_does_not_load_names_itself_and_its_module(
    press: Press, monkeypatch: pytest.MonkeyPatch, table: Any, group: str, load: Any
) -> None:
    folder = press.site.parent / "broken"
    entry = f"[catalog_builder.{group}]\nbroken = acme_broken_{group}:IT\n"
    text = {f"acme_broken_{group}.py": "raise OSError('no disk')\n"}
    install(folder, "acme-broken", entry, text)
    see(monkeypatch, folder)
    press.load()  # nothing names it, so nothing loads it
    if group == "ecosystems":
        press.folder.edit("images/press/recipe.yaml", "fonts: [serif]", "broken: [serif]")
    with pytest.raises(ToolError) as caught:
        load(press)
    error = caught.value
    assert error.exit_code == 4
    assert error.message == (
        f"{table.noun} 'broken' of the package acme-broken 1.0:"
        f" acme_broken_{group} does not load: OSError: no disk"
    )


def test_a_lock_of_an_ecosystem_that_no_recipe_names_any_more(press: Press) -> None:
    lock = press.lock()
    press.folder.write("images/press/recipe.yaml", "summary: Has no fonts\n")
    press.folder.write("images/press/Dockerfile.j2", "FROM {{ parent }}\n")
    assert "fonts" not in press.load().catalog.ecosystems
    Workspace(press.folder.root).write_lock(lock)
    assert "fonts" in press.load().catalog.ecosystems
    with pytest.raises(ConfigError) as caught:
        package_lists(lock.package_sets[PRESS], BUILT_IN)
    assert str(caught.value) == (
        "matrix.lock: unknown package ecosystem 'fonts'\n"
        "  hint: install the Python package that adds it, or run `builder lock`"
    )


def test_every_built_in_one_has_its_own_name() -> None:
    for table in (ECOSYSTEMS, PROVIDERS):
        assert [table.get(name).name for name in table.built_in] == list(table.built_in)
