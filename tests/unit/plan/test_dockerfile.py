"""Recipes to Dockerfiles: conditions, packages, layout, and mistakes at their line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builder.catalog.models import File, Recipe, When
from builder.catalog.packages import LockedPackage
from builder.catalog.recipe import BuildVariables, budget_of, holds, packages_of, parse_condition
from builder.common.errors import BuilderError, ConfigError
from builder.lock.lockfile import PackageSet
from builder.plan.dockerfile import DockerfileRenderer
from tests.fakes.catalog import LOCK, Folder, prints

DESK = "images/desk/Dockerfile.j2"
TOOL = "images/tool/Dockerfile.j2"
MACROS = "images/_macros/install.j2"


def where(axes: dict[str, str], **providers: str) -> BuildVariables:
    return BuildVariables(
        axes=axes,
        providers={axis: providers.get(axis, "") for axis in axes},
        versions={axis: f"{name}.7" for axis, name in axes.items()},
        inputs=("tool",),
    )


def render(text: str, axes: dict[str, str] | None = None, **more: object) -> str:
    recipe = Recipe(name="x", summary="", dockerfile=text, dockerfile_path="x.j2", **more)  # type: ignore[arg-type]
    sources = {"forge": "https://forge.example"}
    renderer = DockerfileRenderer(macros={}, macros_path="m", sources=sources)
    return renderer.render(recipe, where(axes or {})).text


@pytest.mark.parametrize(
    ("condition", "axes", "expected"),
    [
        ("r", {"r": "4"}, True),
        ("r", {"python": "3"}, False),
        ("not r", {"python": "3"}, True),
        ("not r", {"r": "4"}, False),
        ("os=12", {"os": "12"}, True),
        ("os=12", {"os": "13"}, False),
        ("not os=12", {"os": "13"}, True),
        ("not os=12", {}, True),
        ("r, os=12", {"r": "4", "os": "12"}, True),
        ("r,os=12", {"r": "4", "os": "13"}, False),
        ("r, not python", {"r": "4", "python": "3"}, False),
        ("r@apt", {"r": "4"}, True),
        ("r@cran", {"r": "4"}, False),
        ("not r@cran", {"r": "4"}, True),
        ("not r@apt", {}, True),
        ("r@apt, os=12", {"r": "4", "os": "12"}, True),
    ],
)
def test_conditions(condition: str, axes: dict[str, str], *, expected: bool) -> None:
    assert holds(condition, where(axes, r="apt")) is expected


def test_a_template_knows_where_packages_come_from() -> None:
    text = "FROM {{ parent }}\nLABEL from={{ sources.forge }}/debian\n"
    assert "LABEL from=https://forge.example/debian\n" in render(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lib-{os.major}-{os.minor}", "lib-13-7"),
        ("lib{os.major}", "lib13"),
        ("lib-{else.major}", "lib-{else.major}"),
        ("lib{os}", "lib{os}"),
    ],
)
def test_a_package_may_be_named_after_a_line(name: str, expected: str) -> None:
    recipe = Recipe(
        name="x", summary="", dockerfile="", dockerfile_path="", packages={"apt": (name,)}
    )
    assert packages_of(recipe, where({"os": "13"})) == {"apt": (expected,)}


@pytest.mark.parametrize("text", ["", ",", "r,", "r python", "os==1 2", "R", "os=", "r@", "r@a b"])
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        parse_condition(text)


def test_packages_are_added_in_order_and_once() -> None:
    recipe = Recipe(
        name="x",
        summary="",
        dockerfile="",
        dockerfile_path="",
        packages={"apt": ("a", "b")},
        when=(
            When(condition="r", packages={"apt": ("c", "a"), "pip": ("p",)}, budget=3),
            When(condition="not r", packages={"apt": ("d",)}),
        ),
        budget=4,
    )
    assert packages_of(recipe, where({"r": "4"})) == {"apt": ("a", "b", "c"), "pip": ("p",)}
    assert packages_of(recipe, where({})) == {"apt": ("a", "b", "d")}
    assert budget_of(recipe, where({"r": "4"})) == 7
    assert budget_of(recipe, where({})) == 4


def test_a_service_is_described_at_the_end() -> None:
    text = render("FROM {{ parent }}\n", ports=(80, 81), command=("a b", '"c"'))
    assert text == 'FROM parent\nEXPOSE 80\nEXPOSE 81\nCMD ["a b", "\\"c\\""]\n'


def test_inputs_are_named_contexts() -> None:
    text = render(
        "FROM {{ parent }}\n{% for it in inputs %}\nCOPY --from={{ it }} / /\n{% endfor %}"
    )
    assert text == "FROM parent\nCOPY --from=tool / /\n"


def test_axes_are_values() -> None:
    text = render("FROM {{ axes.os }} {{ 'r' in axes }}\n", {"os": "1"})
    assert text == "FROM 1 False\n"


def test_versions_and_architecture() -> None:
    text = render("FROM {{ versions.os }} {{ arch }} {{ providers.os == '' }}\n", {"os": "1"})
    assert text == "FROM 1.7 amd64 True\n"


def test_blank_lines_are_few_and_lines_end_well() -> None:
    assert render("\n\nFROM x   \n\n\n\nRUN y\n\n\n") == "FROM x\n\nRUN y\n"


MISTAKES = {
    "syntax": (
        [(DESK, "{{ parent }}", "{{ parent }")],
        f"{DESK}:1: template: unexpected '}}'\n    FROM {{{{ parent }}",
    ),
    "undefined variable": (
        [(DESK, "/tool /tool", "/tool {{ tol }}")],
        f"{DESK}:2: template: 'tol' is undefined\n"
        "    {{ install(packages) }}COPY --from=tool /tool {{ tol }}\n"
        "  hint: define it in images/_macros, or use a macro of the builder",
    ),
    "undefined axis": (
        [(TOOL, "make", "{{ axes.so }}")],
        f"{TOOL}:2: template: 'dict object' has no attribute 'so'\n    RUN {{{{ axes.so }}}} /tool",
    ),
    "in a macro": (
        [(MACROS, "packages.apt", "packages.atp")],
        f"{MACROS}:2: template: 'dict object' has no attribute 'atp'\n"
        "    RUN get {{ packages.atp | join(' ') }}",
    ),
    "arguments": (
        [(DESK, "install(packages)", "install(1, 2)")],
        f"{DESK}:2: template: macro 'install' takes not more than 1 argument(s)\n"
        "    {{ install(1, 2) }}COPY --from=tool /tool /tool",
    ),
    "arithmetic": (
        [(TOOL, "{{ parent }}", "{{ 1 / 0 }}")],
        f"{TOOL}:1: template: division by zero\n    FROM {{{{ 1 / 0 }}}}",
    ),
    "filter": (
        [(TOOL, "{{ parent }}", "{{ parent | nope }}")],
        f"{TOOL}:1: template: No filter named 'nope'.\n    FROM {{{{ parent | nope }}}}",
    ),
    "no parent": (
        [(TOOL, "FROM {{ parent }}", "# FROM {{ parent }}")],
        f"{TOOL}: recipe tool renders to a Dockerfile without FROM\n"
        "  hint: begin it with `FROM {{ parent }}`",
    ),
    "two templates": (
        [(DESK, "/tool /tool", "/tool {{ tol }}"), (TOOL, "parent", "parnet")],
        f"{TOOL}:1: template: 'parnet' is undefined\n    FROM {{{{ parnet }}}}\n"
        "  hint: did you mean parent?\n"
        f"{DESK}:2: template: 'tol' is undefined\n"
        "    {{ install(packages) }}COPY --from=tool /tool {{ tol }}\n"
        "  hint: define it in images/_macros, or use a macro of the builder",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_template(folder: Folder, name: str) -> None:
    edits, text = MISTAKES[name]
    for edit in edits:
        folder.edit(*edit)
    project = folder.load()
    with pytest.raises(BuilderError) as caught:
        prints(project)
    assert str(caught.value) == text
    assert caught.value.exit_code == ConfigError.exit_code


def test_a_block_that_is_not_closed(folder: Folder) -> None:
    folder.edit(MACROS, "{% endmacro %}", "")
    with pytest.raises(
        ConfigError, match=r"^images/_macros/install.j2:2: template: Unexpected end"
    ):
        prints(folder.load())


def test_a_template_says_what_it_lacks() -> None:
    text = "FROM {{ parent }}\n{% if not files %}{{ fail('there is no files/*.crt') }}{% endif %}\n"
    with pytest.raises(ConfigError) as caught:
        render(text)
    assert str(caught.value).startswith("x.j2:2: template: there is no files/*.crt\n")
    file = File(path="files/a.crt", mode=0o644, sha256="", source="")
    assert render(text, files=(file,)) == "FROM parent\n"


def test_a_template_knows_of_what_the_ancestors_have_all(folder: Folder) -> None:
    folder.edit(DESK, "{{ install(packages) }}", "RUN get {{ inherited }} {{ locked }}\n")
    desk = "desk/os=1,lang=1.9"
    one = LockedPackage(version="1", digest="sha256:" + "0" * 64, source="", file="")
    for packages, told in (({}, "['apt'] ['apt']"), ({"desk": one}, "[] ['apt']")):
        package_set = PackageSet(epoch=1, request="", packages={"apt": packages})
        lock = replace(LOCK, package_sets={desk: package_set})
        text = prints(folder.load(), lock)[desk].dockerfile.text
        assert f"RUN get {told}\n" in text
