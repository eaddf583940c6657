"""What can be said of the images without building them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from builder.catalog.recipe import build_variables
from builder.common.files import write
from builder.network.upstreams import UPSTREAM
from builder.plan.dockerfile import DockerfileRenderer
from builder.project import Project, Workspace

ROOT = Path(__file__).parents[3]
IMAGES = ROOT / "images"
TOOLS = Path(sys.executable).parent
RULES = IMAGES / ".hadolint.yaml"
PLATFORMS = ("linux/amd64", "linux/arm64")
# What is mirrored has a recipe and no Dockerfile.
RECIPES = sorted(path.parent.name for path in IMAGES.glob("*/Dockerfile.j2"))
SOURCES = sorted(
    path
    for path in IMAGES.rglob("*")
    # Addresses of the table of hostile values are no sources.
    if path.is_file() and "__pycache__" not in path.parts and path.name != "hostile.json"
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
    """Each Dockerfile that differs, over variants and platforms, by the first that has it."""
    catalog = project.catalog
    renderer = DockerfileRenderer(
        macros=catalog.macros, macros_path="images/_macros", sources=UPSTREAM
    )
    found: dict[str, str] = {}
    for target in project.expansion.targets.values():
        if target.is_mirrored:
            continue
        where = build_variables(target, catalog.matrix, {}, {})
        for platform in PLATFORMS:
            text = renderer.render(
                catalog.recipes[target.recipe], replace(where, platform=platform)
            ).text
            found.setdefault(text, f"{target.slug}-{platform.partition('/')[2]}")
    return {slug: text for text, slug in found.items()}


@pytest.fixture(scope="module")
def inputs(project: Project) -> set[str]:
    """The images that others copy from."""
    targets = project.expansion.targets.values()
    return {name for target in targets for name, _ in target.inputs}


def test_rendered_dockerfiles_are_clean(rendered: dict[str, str], tmp_path: Path) -> None:
    """By hadolint, which has shellcheck read every RUN."""
    files = []
    for slug, text in rendered.items():
        file = tmp_path / f"{slug}.Dockerfile"
        write(file, text.encode())
        files.append(str(file))
    assert files
    run("hadolint", "--no-color", "--config", str(RULES), *files)


def test_a_mistake_in_a_rendered_dockerfile_is_found(
    rendered: dict[str, str], tmp_path: Path
) -> None:
    slug, text = next(iter(rendered.items()))
    for mistake, rule in (
        ("RUN cd /tmp && ls", "DL3003"),
        ("RUN echo $UNQUOTED", "SC2086"),
        ("MAINTAINER somebody", "DL4000"),
    ):
        file = tmp_path / f"{slug}.Dockerfile"
        write(file, f"{text}{mistake}\n".encode())
        with pytest.raises(AssertionError, match=rule):
            run("hadolint", "--no-color", "--config", str(RULES), str(file))


def test_every_rule_that_is_ignored_has_a_reason() -> None:
    lines = RULES.read_text(encoding="utf-8").splitlines()
    ignored = [line for line in lines if line.lstrip().startswith("- ")]
    assert ignored
    for line in ignored:
        assert re.fullmatch(r"  - (DL|SC)\d{4} # \w.{20,}", line), line


def test_rendered_dockerfiles_are_of_both_engines(rendered: dict[str, str]) -> None:
    for slug, text in rendered.items():
        assert "<<" not in text, f"{slug}: podman 4.3 knows no heredoc"
        assert not re.search(r"^#\s*syntax\s*=", text, re.M), slug
        # A cache that two builds may not use at once is never given free by podman 4.3.
        assert "sharing=locked" not in text, slug


def test_images_stand_on_what_is_declared(rendered: dict[str, str], inputs: set[str]) -> None:
    for slug, text in rendered.items():
        stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", text, re.M)
        names = {name for _, name in stages if name}
        assert text.startswith("FROM "), slug
        assert stages[-1] == ("parent", ""), slug
        assert {image for image, _ in stages} <= {"parent", *names}, slug
        for copied in re.findall(r"(?:--from=|[,=]from=)([^\s,]+)", text):
            assert copied in names | inputs, f"{slug}: {copied} is neither a stage nor an input"


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
    files = sorted(map(str, IMAGES.glob("*/tests/*.Dockerfile")))
    run("hadolint", "--no-color", "--config", str(RULES), *files)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_is_complete(recipe: str) -> None:
    folder = IMAGES / recipe
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
    allowed = re.compile(
        r"https?://(127\.0\.0\.1|0\.0\.0\.0|localhost|\w+\.example|\{|\$|someone:[^@]*@127\.0\.0\.1)"
    )
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"\b(https?|ftp)://[\w{$]", text):
        assert allowed.match(text, found.start()), text[found.start() : found.start() + 60]


def test_every_recipe_states_a_budget() -> None:
    loaded = Workspace(ROOT).load().catalog.recipes
    # `trust` is for catalogs that stand on this one.
    recipes = {name: loaded[name] for name in RECIPES if name != "trust"}
    without = [name for name, recipe in recipes.items() if not recipe.budget]
    # Their budgets depend on the provider of what they bring.
    assert set(without) <= {"python-pytorch", "python-tensorflow"}
    for name in without:
        budgets = [when.budget for when in recipes[name].when if when.budget]
        assert len(budgets) == sum(map(len, recipes[name].provides.values())), name
