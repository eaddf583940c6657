"""The commands of engines, as data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builder.common.control_group import Group
from builder.common.process import Runner
from builder.engines import docker
from builder.engines.interfaces import BuildRequest, StartRequest
from builder.engines.names import context_name, local_name
from builder.engines.podman import commands
from builder.oci.reference import parse

DIGEST = "sha256:" + "ab" * 32
PARENT = parse(f"127.0.0.1:5005/onyxia-base@{DIGEST}")
REQUEST = BuildRequest(
    id="jupyter/debian=13,python=3.13",
    context=Path("/c"),
    contexts={"parent": PARENT},
    platform="linux/amd64",
    epoch=1700000000,
    layout=Path("/out/layout"),
    secrets={"ca": Path("/etc/ca.crt")},
)


def test_podman_takes_one_name_from_an_image() -> None:
    """Without the second word it would take all, those of other builds too."""
    assert commands.untag_argv("podman", "localhost/a:parent") == (
        "podman", "untag", "localhost/a:parent", "localhost/a:parent",
    )  # fmt: skip


def test_podman_builds() -> None:
    local = local_name(REQUEST.id)
    assert commands.build_argv("podman", REQUEST, local=local, isolation="oci") == (
        *("podman", "build", "--isolation", "oci", "--network", "none", "--jobs", "1"),
        *("--no-cache", "--platform", "linux/amd64", "--identity-label=false"),
        *("--timestamp", "1700000000"),
        *("--format", "docker", "--pull=never", "--build-arg", "SOURCE_DATE_EPOCH=1700000000"),
        *("--build-context", f"parent=docker-image://{context_name(REQUEST.id, 'parent')}"),
        *("--secret", "id=ca,src=/etc/ca.crt", "--file", "/c/Dockerfile", "--tag", local, "/c"),
    )


def test_podman_puts_builds_and_containers_into_a_group_of_a_step() -> None:
    """buildah takes the name as it is and removes it; containers get groups below it."""
    group = Group(folder=Path("/g"), parent="/catalog-1")
    argv = commands.build_argv("podman", REQUEST, local="l", isolation="oci", group=group)
    assert argv[argv.index("--cgroup-parent") + 1] == "/catalog-1/build"
    start = StartRequest(image="i")
    argv = commands.start_argv("podman", start, name="n", label="l", env=(), group=group)
    assert argv[argv.index("--cgroup-parent") + 1] == "/catalog-1"
    outer = Group(folder=Path("/g"), parent="")
    argv = commands.start_argv("podman", start, name="n", label="l", env=(), group=outer)
    assert "--cgroup-parent" not in argv


def test_a_network_is_never_that_of_the_machine() -> None:
    online = replace(REQUEST, network="private")
    argv = commands.build_argv("podman", online, local="l", isolation="oci")
    assert argv[4:6] == ("--network", "private")
    argv = docker.build_argv(("docker",), online, local="l", layout=REQUEST.layout)
    assert argv[6:8] == ("--network", "default")


def test_podman_has_no_other_network_with_chroot() -> None:
    argv = commands.build_argv("podman", REQUEST, local="l", isolation="chroot")
    assert argv[2:6] == ("--isolation", "chroot", "--network", "host")


def test_podman_fetches_in_plain_http_from_this_machine_only() -> None:
    pull = commands.pull_argv("podman", PARENT)
    assert pull == ("podman", "pull", "--quiet", "--tls-verify=false", str(PARENT))
    elsewhere = replace(PARENT, registry="registry.example")
    assert "--tls-verify=false" not in commands.pull_argv("podman", elsewhere)


def test_the_name_of_a_parent_says_nothing_of_where_it_stood() -> None:
    assert context_name("a/debian=12", "parent") == "localhost/a-debian-12-d60553a7:parent"
    assert context_name("a/debian=12", "parent") != context_name("a/debian=13", "parent")
    assert context_name("a/debian=12", "parent") != context_name("a/debian=12", "tool")


def test_podman_writes_a_layout() -> None:
    assert commands.push_argv("podman", "localhost/x:latest", Path("/out")) == (
        *("podman", "push", "--quiet", "--format", "oci", "localhost/x:latest"),
        "oci:/out:latest",
    )


def test_podman_starts_without_values_of_the_environment() -> None:
    request = StartRequest(
        image="localhost/x:latest",
        command=("sleep", "1"),
        env={"TOKEN": "secret"},
        ports=(8888,),
        log=Path("/l"),
    )
    argv = commands.start_argv("podman", request, name="n", label="k=v", env=("--env", "TOKEN"))
    assert argv == (
        *("podman", "run", "--detach", "--quiet", "--name", "n", "--label", "k=v"),
        *("--env", "TOKEN", "--publish", "127.0.0.1::8888"),
        *("--log-driver", "k8s-file", "--log-opt", "path=/l"),
        *("--pull=never", "localhost/x:latest", "sleep", "1"),
    )
    assert "secret" not in " ".join(argv)


def test_podman_ports() -> None:
    text = "8888/tcp -> 127.0.0.1:40001\n4040/tcp -> 127.0.0.1:40002\n"
    assert commands.parse_ports(text) == {8888: 40001, 4040: 40002}
    assert commands.parse_ports("") == {}


def test_docker_builds() -> None:
    local = local_name(REQUEST.id)
    argv = docker.build_argv(("docker", "buildx"), REQUEST, local=local, layout=REQUEST.layout)
    assert argv == (
        *("docker", "buildx", "build", "--progress", "plain"),
        *("--provenance=false", "--sbom=false", "--network", "none"),
        *("--platform", "linux/amd64", "--build-arg", "SOURCE_DATE_EPOCH=1700000000"),
        *("--build-context", f"parent=docker-image://{PARENT}"),
        *("--secret", "id=ca,src=/etc/ca.crt"),
        *("--output", f"type=oci,dest=/out/layout,tar=false,name={local}"),
        *("--file", "/c/Dockerfile", "/c"),
    )


def test_no_daemon_answers_at_an_absent_socket(tmp_path: Path) -> None:
    assert not docker.answers(f"unix://{tmp_path}/socket")


def test_local_names_are_valid_and_distinct() -> None:
    names = {local_name(text) for text in ("a/b=1,c=2", "a/b=1_c=2", "A/b=1,c=2", "x" * 300)}
    assert len(names) == 4
    assert {str(parse(name)) for name in names} == names


def test_each_engine_makes_an_index(tmp_path: Path) -> None:
    place = replace(PARENT, digest="")
    sources = [place.with_tag(tag) for tag in ("amd64", "arm64")]
    targets = [place.with_tag("1"), replace(place, registry="registry.example").with_tag("1")]
    here, name = "127.0.0.1:5005/onyxia-base", "base-os1"
    assert commands.index_lines("podman", name, sources, targets) == (
        f"podman manifest create {name}",
        f"podman manifest add --tls-verify=false {name} docker://{here}:amd64",
        f"podman manifest add --tls-verify=false {name} docker://{here}:arm64",
        f"podman manifest push --all --tls-verify=false {name} docker://{here}:1",
        f"podman manifest push --all {name} docker://registry.example/onyxia-base:1",
    )
    engine = docker.Docker(runner=Runner(), state=tmp_path)
    (line,) = engine.index_commands(name, sources, targets)
    assert line.endswith(
        f"docker buildx imagetools create --tag {here}:1 --tag registry.example/onyxia-base:1"
        f" {here}:amd64 {here}:arm64"
    )
