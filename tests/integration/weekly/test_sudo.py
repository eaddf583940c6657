"""Root in a session: a real image of a catalog that gives it, in real pods of a chart."""

from __future__ import annotations

import json
import shlex
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.charts.next_version import files_of
from builder.common.files import write_tree
from builder.common.process import Runner
from builder.engines.podman.host_probe import probe
from builder.oci.reference import parse
from builder.testing.pod_manifests import dump
from builder.testing.pod_manifests import parse as parsed
from builder.testing.pod_runner import KubePlayer
from builder.testing.toolroot import ToolRoot
from tests.integration.chart.conftest import catalog
from tests.integration.starter import GROUND, Catalog, first_week

pytestmark = pytest.mark.heavy

MATRIX = (
    """\
catalog:
  name: rooted
  repository: "{{registry}}/test-{{image}}"
  registries: [embedded]
  embedded: 127.0.0.1:{port}
  sudo: true
lock: {{cooldown: 0d}}
axes:
  debian:
    "13": {{sources: [{{bootstrap: trixie}}]}}
  python:
    "3.13": {{provider: apt, requires: {{debian: "13"}}, tag: "py{{version}}"}}
images:
"""
    + GROUND
    + "  python-minimal: {{from: base, axes: [python]}}\n"
)
NO_ROOT = (
    ": this session has no root. Use `pip` or `uv pip install` for Python, `install.packages()`"
    " for R, `apt-get install` for packages of Debian, which it unpacks into ~/.local/apt, and put"
    " other programs into ~/.local/bin.\n"
)

# A package of Debian, made in the session. Its script runs as root when it is installed.
PACKAGE = """\
mkdir -p /tmp/probe/DEBIAN /tmp/probe/usr/bin
printf 'Package: probe\\nVersion: 1\\nArchitecture: all\\nMaintainer: a\\nDescription: b\\n' \
  > /tmp/probe/DEBIAN/control
printf '#!/bin/sh\\nid -u > /etc/configured-by\\n' > /tmp/probe/DEBIAN/postinst
printf '#!/bin/sh\\necho probed\\n' > /tmp/probe/usr/bin/probe
chmod 755 /tmp/probe/DEBIAN/postinst /tmp/probe/usr/bin/probe
dpkg-deb --root-owner-group --build /tmp/probe /tmp/probe.deb
"""
# What start scripts do as root, and what each prints.
COMMANDS = {
    "id -u": "1000\n",
    "sudo id -u": "0\n",
    "sudo apt-get install --yes -qq /tmp/probe.deb > /tmp/log && probe && cat /etc/configured-by":
        "probed\n0\n",
    "sudo apt-get remove --yes -qq probe > /tmp/log; command -v probe": "",
    "apt-get install --yes -qq /tmp/probe.deb > /tmp/log && probe": "probed\n",
    "sudo sh -c 'echo fr_FR.UTF-8 UTF-8 >> /etc/locale.gen' && sudo locale-gen > /tmp/log"
    " && locale -a | grep fr_FR": "fr_FR.utf8\n",
    "echo a | sudo tee /etc/course": "a\n",
    "sudo chown onyxia /etc/course && echo b > /etc/course && cat /etc/course": "b\n",
    "sudo -u nobody id -un": "nobody\n",
    "sudo -E env | grep ^COURSE=": "COURSE=one\n",
}  # fmt: skip


def said(number: int, command: str) -> str:
    """The lines that run a command, and keep what it prints, also as an error."""
    out = f"/tmp/said/{number}"
    return f"bash -c {shlex.quote(command)} > {out} 2> {out}.error < /dev/null\n"


SCRIPT = (
    "export COURSE=one; mkdir -p /tmp/said\n"
    + PACKAGE
    + "".join(said(number, command) for number, command in enumerate(COMMANDS))
    + "exec python3 -m http.server 8888 --directory /tmp/said\n"
)


@pytest.fixture(scope="module")
def rooted() -> Iterator[Catalog]:
    """A catalog whose sessions may become root, after its first week."""
    with first_week(MATRIX) as catalog:
        yield catalog


def played(
    rooted: Catalog, folder: Path, runner: Runner, toolroot: ToolRoot, *, is_allowed: bool
) -> list[tuple[str, str]]:
    """What each command printed, and said as an error, in a pod of the chart of JupyterLab."""
    app = rooted.session()
    player = KubePlayer(
        runner=runner, state=folder / "kube", toolroot=toolroot, limits=probe(runner=runner).limits
    )
    with app.registry():
        repository = parse(app.catalog.matrix.repository_of("python-minimal"))
        digest = app.adapters.store.digest(repository.with_tag("latest"))
        assert digest is not None
        files = files_of(catalog(), "jupyter-python", [str(repository.with_tag("latest"))], "1.0.0")
        write_tree(folder / "jupyter-python", files)
        values = folder / "values.json"
        security = {"sudo": {"enabled": is_allowed}, "password": "a-password"}
        values.write_text(json.dumps({"security": security}))
        manifests = parsed(
            app.adapters.helm.template(folder / "jupyter-python", release="r-1", values=values)
        )
        (service,) = (item for item in manifests if item["kind"] == "StatefulSet")
        container = service["spec"]["template"]["spec"]["containers"][0]
        # The pod is the chart's; what is started in it plays the commands.
        container["command"] = ["/opt/onyxia-init.sh", "bash", "-c", SCRIPT]
        found = []
        log = folder / "log"
        with player.play(dump(manifests), port=8888, log=log, timeout=180.0) as pod:
            for number in range(len(COMMANDS)):
                texts = []
                for name in (f"{number}", f"{number}.error"):
                    with urllib.request.urlopen(f"{pod.url}/{name}", timeout=10) as answer:
                        texts.append(answer.read().decode())
                found.append((texts[0], texts[1]))
        return found


def test_what_start_scripts_do_as_root_is_done(
    rooted: Catalog, work: Path, runner: Runner, toolroot: ToolRoot
) -> None:
    found = played(rooted, work / "on", runner, toolroot, is_allowed=True)
    printed = dict(zip(COMMANDS, found, strict=True))
    assert {command: out for command, (out, _) in printed.items()} == COMMANDS, found


def test_a_pod_that_may_not_installs_packages_and_says_what_else_there_is(
    rooted: Catalog, work: Path, runner: Runner, toolroot: ToolRoot
) -> None:
    found = played(rooted, work / "off", runner, toolroot, is_allowed=False)
    assert found[0] == ("1000\n", "")
    assert found[1] == ("", f"sudo{NO_ROOT}")
    assert found[8] == ("", f"sudo{NO_ROOT}")
    # A package is installed into the home directory, without its script, and stays there.
    printed = [out for out, _ in found[2:5]]
    assert printed == ["probed\n", "/home/onyxia/.local/bin/probe\n", "probed\n"], found
    assert {out for out, _ in found[5:]} == {""}
