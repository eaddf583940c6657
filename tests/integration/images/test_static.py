"""What can be said of the images without building them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from builder.recipes import setting
from builder.render.dockerfile import DockerfileRenderer
from builder.resolvers.sources import UPSTREAM
from builder.workspace import Project, Workspace, write

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "images"
TOOLS = Path(sys.executable).parent
RECIPES = sorted(path.parent.name for path in IMAGES.glob("*/recipe.yaml"))
SOURCES = sorted(
    path for path in IMAGES.rglob("*") if path.is_file() and "__pycache__" not in path.parts
)


def run(tool: str, *arguments: str) -> None:
    """Run a linter; what it found is the reason for the failure."""
    done = subprocess.run(
        [TOOLS / tool, *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def project() -> Project:
    return Workspace(ROOT).load()


@pytest.fixture(scope="module")
def rendered(project: Project) -> dict[str, str]:
    """The Dockerfile of every target, by its slug."""
    catalog = project.catalog
    renderer = DockerfileRenderer(
        macros=catalog.macros, macros_path="images/_macros", sources=UPSTREAM
    )
    return {
        target.slug: renderer.render(
            catalog.recipes[target.recipe], setting(target, catalog.matrix, {})
        )
        for target in project.expansion.targets.values()
    }


def test_rendered_dockerfiles_are_clean(rendered: dict[str, str], tmp_path: Path) -> None:
    files = []
    for slug, text in rendered.items():
        file = tmp_path / f"{slug}.Dockerfile"
        write(file, text.encode())
        files.append(str(file))
    assert files
    run("hadolint", "--no-color", "--config", str(IMAGES / ".hadolint.yaml"), *files)


def test_rendered_dockerfiles_are_of_both_engines(rendered: dict[str, str]) -> None:
    for slug, text in rendered.items():
        assert text.startswith("FROM parent\n"), slug
        assert "<<" not in text, f"{slug}: podman 4.3 knows no heredoc"
        assert not re.search(r"^#\s*syntax\s*=", text, re.M), slug


def test_rendered_dockerfiles_download_nothing_unnamed(rendered: dict[str, str]) -> None:
    for slug, text in rendered.items():
        for line in text.splitlines():
            assert not re.search(r"\b(curl|wget|git clone|ADD)\b.*://", line), f"{slug}: {line}"


def test_every_image_starts_as_the_user(rendered: dict[str, str]) -> None:
    for slug, text in rendered.items():
        users = re.findall(r"^USER (\S+)$", text, re.M)
        assert users[-1] == "1000", slug
        assert not re.search(r"chown\s+(-R|--recursive)", text), f"{slug} re-owns a lower layer"


def test_scripts_are_clean() -> None:
    scripts = [
        str(path)
        for path in SOURCES
        if re.match(rb"#!.*\b(ba|da)?sh\b", path.read_bytes()[:64]) or path.suffix == ".sh"
    ]
    assert scripts
    run("shellcheck", *scripts)


def test_broken_variants_are_clean() -> None:
    config = str(IMAGES / ".hadolint.yaml")
    run(
        "hadolint", "--no-color", "--config", config, *map(str, IMAGES.glob("*/tests/*.Dockerfile"))
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_complete(recipe: str) -> None:
    folder = IMAGES / recipe
    assert (folder / "Dockerfile.j2").is_file()
    assert (folder / "README.md").read_text(encoding="utf-8").startswith("# ")
    tests = {
        node.name
        for file in (folder / "tests").glob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    broken = (folder / "tests" / "broken.Dockerfile").read_text(encoding="utf-8")
    rejected = re.match(r"# rejected by: (\w+)\n", broken)
    assert rejected
    assert rejected[1] in tests


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(IMAGES)))
def test_no_package_source_is_named(path: Path) -> None:
    allowed = re.compile(r"https?://(127\.0\.0\.1|localhost|\{|\$|someone:[^@]*@127\.0\.0\.1)")
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"\b(https?|ftp)://[\w{$]", text):
        assert allowed.match(text, found.start()), text[found.start() : found.start() + 60]
