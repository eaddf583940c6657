"""Versions of this catalog's charts, held against git as `ct lint` does, and by ct where it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import semver

from builder.catalog.models import Catalog
from builder.charts.changelog import with_changelog
from builder.charts.helm import CT_SCHEMA, STYLE
from builder.charts.next_version import files_of, predict
from builder.charts.semver import chart_fingerprint, chart_version, next_version, value_types
from builder.charts.tools import MissingTool, Tools
from builder.common.files import write_tree
from builder.common.process import Command, Runner, which
from builder.project import Workspace
from builder.registry.release_record import ReleasedChart
from tests.skips import NO_CT

ROOT = Path(__file__).parents[3]
Files = Mapping[str, bytes]
# What the second commit changes, and which version that makes of 1.0.0.
EXPECTED = {
    "jupyter-r": "1.0.0",
    "jupyter-python": "1.0.1",
    "vscode-python": "1.0.1",
    "marimo-python": "1.1.0",
    "rstudio": "2.0.0",
}
SAID = {
    "jupyter-python": "- `service.image.version` is `",
    "vscode-python": '- `persistence.size` is `"20Gi"` by default, and was `"10Gi"`\n',
    "marimo-python": "- `resources.limits.nvidia.com/gpu` (string) is new\n",
    "rstudio": "- `vault.token` is gone\n",
}


def images(catalog: Catalog, name: str, week: str) -> list[str]:
    """Two images of a chart, of a week; the one of jupyter-python alone gets another."""
    made = week if name == "jupyter-python" else "2026.01.05"
    image = catalog.matrix.charts[name].image
    return [f"registry.example.org/{image}:{tag}-{made}" for tag in ("x2.0.0", "x1.0.0")]


def changed(catalog: Catalog) -> Catalog:
    """The catalog a week later: a default, a feature more, and one less."""
    charts = dict(catalog.matrix.charts)
    charts["vscode-python"] = replace(charts["vscode-python"], values={"persistence.size": "20Gi"})
    charts["marimo-python"] = replace(charts["marimo-python"], features=("gpu",))
    recipes = dict(catalog.charts)
    features = tuple(it for it in recipes["rstudio"].features if it != "vault")
    recipes["rstudio"] = replace(recipes["rstudio"], features=features)
    return replace(catalog, matrix=replace(catalog.matrix, charts=charts), charts=recipes)


def published(catalog: Catalog, name: str, held: Files | None) -> Files:
    """A chart as it is published when `held` was, with the version that a release decides."""
    named = images(catalog, name, "2026.01.05" if held is None else "2026.01.12")
    record = None
    if held is not None:
        record = ReleasedChart(
            version=chart_version(held),
            fingerprint=chart_fingerprint(held),
            images=tuple(images(catalog, name, "2026.01.05")),
            values=value_types(held),
            listed={},
        )
    change, files = predict(catalog, name, named, record)
    assert files == files_of(catalog, name, named, change.version)
    if held is not None:
        assert change.version == next_version(chart_version(held), old=held, new=files)
    return held if held and change.action == "keep" else with_changelog(files, held)


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A git repository whose first commit is what was published, and the next what is to be."""

    path: Path
    runner: Runner

    def git(self, *arguments: str) -> str:
        """What git says."""
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        argv = ("git", "-C", str(self.path), *who, *arguments)
        return self.runner.run(Command(argv=argv)).stdout

    def commit(self, charts: Mapping[str, Files]) -> None:
        """Commit these charts."""
        every = {f"{name}/{path}": data for name in charts for path, data in charts[name].items()}
        write_tree(self.path / "charts", every)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Charts")

    def version(self, commit: str, name: str) -> str:
        """The version of a chart in a commit."""
        text = self.git("show", f"{commit}:charts/{name}/Chart.yaml")
        return chart_version({"Chart.yaml": text.encode()})

    def changed(self) -> set[str]:
        """The charts of which a file differs from the first commit."""
        names = self.git("diff", "--name-only", "main", "HEAD").splitlines()
        return {name.split("/")[1] for name in names}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """`main` is what was published, in a remote too; `next` what is to be."""
    folder, runner = tmp_path_factory.mktemp("git"), Runner()
    found = Repository(path=folder / "work", runner=runner)
    found.path.mkdir()
    catalog = Workspace(ROOT).load().catalog
    found.git("init", "--quiet", "--initial-branch", "main")
    before = {name: published(catalog, name, None) for name in EXPECTED}
    found.commit(before)
    found.git("clone", "--quiet", "--bare", ".", str(folder / "origin.git"))
    found.git("remote", "add", "origin", str(folder / "origin.git"))
    found.git("fetch", "--quiet", "origin")
    found.git("checkout", "--quiet", "-b", "next")
    after = changed(catalog)
    found.commit({name: published(after, name, before[name]) for name in EXPECTED})
    yield found
    runner.stop()


def test_a_chart_that_changed_has_a_greater_version(repository: Repository) -> None:
    """What `ct lint --check-version-increment` asks."""
    assert {name: repository.version("HEAD", name) for name in EXPECTED} == EXPECTED
    assert repository.changed() == {name for name in EXPECTED if EXPECTED[name] != "1.0.0"}
    for name in repository.changed():
        before, after = (repository.version(commit, name) for commit in ("main", "HEAD"))
        assert semver.Version.parse(after) > semver.Version.parse(before), name


@pytest.mark.parametrize("name", sorted(SAID))
def test_a_changelog_says_why(repository: Repository, name: str) -> None:
    text = repository.git("show", f"HEAD:charts/{name}/CHANGELOG.md")
    now, _, first = text.partition("\n## 1.0.0\n")
    assert now.startswith(f"# Changes of {name}\n\n## {EXPECTED[name]}\n\n- `")
    assert SAID[name] in now
    assert first == "\n- The first version\n"


def test_ct_agrees(repository: Repository, tmp_path: Path) -> None:
    tools = Tools(runner=repository.runner, folder=ROOT / "build" / "tools")
    ct = tools.install_ct()
    if isinstance(ct, MissingTool):
        pytest.skip(f"{NO_CT}: {ct.reason}" if which("go") else ct.reason)
    schema, style = tmp_path / "schema.yaml", tmp_path / "style.yaml"
    schema.write_text(CT_SCHEMA)
    style.write_text(STYLE + "\n")
    beside = (str(tools.helm().path.parent), str(Path(sys.executable).parent), os.environ["PATH"])
    argv = (
        str(ct.path), "lint", "--check-version-increment", "--remote", "origin",
        "--target-branch", "main", "--chart-dirs", "charts", "--validate-maintainers=false",
        "--skip-helm-dependencies", "--chart-yaml-schema", str(schema), "--lint-conf", str(style),
    )  # fmt: skip
    output = repository.runner.run(
        Command(argv=argv, cwd=repository.path, env={"PATH": os.pathsep.join(beside)})
    )
    for name in repository.changed():
        assert f"{name} =>" in output.log
