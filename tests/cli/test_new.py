"""`builder new`: what it writes to a first catalog, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

IMAGE = ("Dockerfile.j2", "README.md", "recipe.yaml", "tests/broken.Dockerfile")


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """The catalog of `builder init`, which commands run in."""
    monkeypatch.chdir(tmp_path)
    assert run("init", "demo").code == 0
    monkeypatch.chdir(tmp_path / "demo")
    return tmp_path / "demo"


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "matrix.lock"
    }


def added(root: Path, before: dict[str, bytes]) -> set[str]:
    """Return the files that are new; no other has changed but matrix.yaml."""
    after = files(root)
    assert {path for path in before if before[path] != after[path]} <= {"matrix.yaml"}
    return set(after) - set(before)


def test_a_recipe(catalog: Path, run: Run) -> None:
    before = files(catalog)
    done = run("new", "recipe", "my-tool", "--on", "page")
    paths = sorted(
        [*(f"images/my-tool/{name}" for name in IMAGE), "images/my-tool/tests/test_my_tool.py"]
    )
    assert done == (
        0,
        "".join(f"  {path}\n" for path in paths)
        + "  matrix.yaml: images.my-tool\nNext:\n\n"
        + "  builder lock -s my-tool\n  builder build -s my-tool\n",
        "",
    )
    assert added(catalog, before) == set(paths)
    line = "  page: {from: debian, axes: [debian]}\n"
    assert f"{line}  my-tool: {{from: page}}\n" in (catalog / "matrix.yaml").read_text()
    assert "useradd" not in (catalog / "images/my-tool/Dockerfile.j2").read_text()


def test_a_service_on_a_base_image(catalog: Path, run: Run) -> None:
    before = files(catalog)
    assert run("new", "service", "my-dash", "--on", "debian").code == 0
    assert added(catalog, before) == {
        *(f"images/my-dash/{name}" for name in IMAGE),
        "images/my-dash/files/index.html",
        "images/my-dash/tests/test_my_dash.py",
        "charts/my-dash/chart.yaml",
        "charts/my-dash/tests/test_my_dash.py",
    }
    text = (catalog / "matrix.yaml").read_text()
    assert "  my-dash: {from: debian, axes: [debian]}\n" in text
    assert text.endswith("  page: {image: page}\n  my-dash: {image: my-dash}\n")
    assert "useradd --uid 1000" in (catalog / "images/my-dash/Dockerfile.j2").read_text()


def test_a_chart_starts_what_the_recipe_of_its_image_says(catalog: Path, run: Run) -> None:
    run("new", "recipe", "paper", "--on", "page")
    assert run("new", "chart", "my-paper", "--image", "paper").code == 0
    text = (catalog / "charts/my-paper/chart.yaml").read_text()
    assert 'command: ["busybox", "httpd", "-f", "-p", "8080", "-h", "/srv"]\nport: 8080\n' in text
    assert "needs: [page]\n" in text
    matrix = (catalog / "matrix.yaml").read_text()
    assert matrix.endswith("  my-paper: {recipe: my-paper, image: paper}\n")


def test_a_feature(catalog: Path, run: Run) -> None:
    before = files(catalog)
    assert run("new", "feature", "my-greeting").code == 0
    assert added(catalog, before) == {
        "charts/features/my-greeting/ci/my-greeting-values.yaml",
        "charts/features/my-greeting/feature.yaml",
        "charts/features/my-greeting/slots/env.yaml",
    }
    assert (catalog / "matrix.yaml").read_bytes() == before["matrix.yaml"]


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("recipe", "My_Tool", "--on", "page"), 2,
         "not a name: 'My_Tool'\n  hint: use lower-case words with hyphens, e.g. my-service"),
        (("recipe", "tool", "--on", "pag"), 3,
         "there is no parent 'pag'\n  hint: did you mean page? known: page, debian"),
        (("recipe", "page", "--on", "debian"), 2,
         "matrix.yaml:13:3: images has 'page' already\n"
         "      page: {from: debian, axes: [debian]}\n"
         "      ^\n"
         "  hint: merge it by hand with what is below: page: {from: debian, axes: [debian]}"),
        (("chart", "mine", "--image", "pag"), 3,
         "there is no image 'pag'\n  hint: did you mean page? known: page"),
        (("service", "mine", "--on", "page"), 2,
         "'page' starts a service already: that of images/page\n"
         "  hint: choose a parent without one"),
    ],
)  # fmt: skip
def test_what_is_refused(
    arguments: tuple[str, ...], code: int, text: str, catalog: Path, run: Run
) -> None:
    before = files(catalog)
    assert run("new", *arguments) == (code, "", f"error: {text}\n")
    assert files(catalog) == before


def test_an_image_without_a_service(catalog: Path, run: Run) -> None:
    run("new", "recipe", "tool", "--on", "debian")
    before = files(catalog)
    assert run("new", "chart", "mine", "--image", "tool") == (
        2,
        "",
        "error: image 'tool' has no service: no recipe of it says command and ports\n"
        "  hint: say both in images/tool/recipe.yaml\n",
    )
    assert files(catalog) == before


def test_what_is_there_already_stays(catalog: Path, run: Run) -> None:
    own = catalog / "images/tool/recipe.yaml"
    own.parent.mkdir()
    own.write_text("summary: mine\n")
    before = files(catalog)
    done = run("new", "recipe", "tool", "--on", "debian")
    assert done.code == 2
    assert "has images/tool/recipe.yaml already: nothing was written" in done.err
    assert files(catalog) == before


def test_a_catalog_that_does_not_load_with_it_is_as_it_was(catalog: Path, run: Run) -> None:
    before = files(catalog)
    done = run("new", "recipe", "a" * 47, "--on", "debian")
    assert done.code == 2, done
    assert files(catalog) == before
