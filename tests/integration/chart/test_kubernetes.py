"""Every chart of the matrix, in every case: what a cluster says of it, and what it must not be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm, latest_minors
from builder.charts.manifests import documents
from builder.charts.render.chart import render_chart
from builder.charts.upgrade_check import frozen_changes
from builder.common.files import write_tree
from tests.fakes.chart_files import chart_recipe

from .conftest import Played, catalog, charts, written

SECRET = re.compile(r"password|passwd|secret|token|s3cr|AKIA|api.?key", re.IGNORECASE)


def test_the_cases_are_those_that_people_have(tmp_path: Path) -> None:
    cases = {path.name.removesuffix("-values.yaml") for path in
             (written("vscode-python-gpu", tmp_path) / "ci").iterdir()}  # fmt: skip
    assert cases >= {
        "default", "everything", "gpu", "route", "certificates", "proxy", "existing-claim",
        "custom-port", "user-ports", "suspended", "hostile-password",
    }  # fmt: skip


@pytest.mark.parametrize("name", charts())
def test_every_case_is_valid_restricted_and_shows_no_secret(
    name: str, helm: Helm, tmp_path: Path
) -> None:
    folder = written(name, tmp_path)
    minors = latest_minors(3)
    assert len(minors) == 3

    def look(case: Path) -> list[str]:
        manifests = helm.template(folder, release="r-1", values=case)
        found = [f"no schema of {kind}" for minor in minors
                 for kind in helm.validate(manifests, minor)
                 if kind != "route.openshift.io/v1/Route"]  # fmt: skip
        for item in documents(manifests):
            for pod in pods(item):
                found += [*relaxed(pod), *shown(pod)]
        return [f"{case.name}: {text}" for text in found]

    helm.lint(folder)
    with ThreadPoolExecutor(2) as pool:
        wrong = [text for texts in pool.map(look, (folder / "ci").iterdir()) for text in texts]
    assert not wrong, "\n".join(wrong)


def pods(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The specifications of pods in an object."""
    if item["kind"] == "Pod":
        yield item["spec"]
    elif "template" in item.get("spec", {}):
        yield item["spec"]["template"]["spec"]


def containers(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Its containers of every kind."""
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.get(key, [])


def relaxed(pod: Mapping[str, Any]) -> Iterator[str]:
    """What the profile `restricted` of Pod Security does not admit."""
    allowed = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
               "projected", "secret"}  # fmt: skip
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key))
    for volume in pod.get("volumes", []):
        if set(volume) - {"name"} - allowed:
            yield f"volume {volume}"
    for container in containers(pod):
        own = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
        capabilities = own.get("capabilities", {})
        faults = {
            "gains privileges": own.get("allowPrivilegeEscalation") is not False,
            "is privileged": own.get("privileged") or own.get("procMount", "Default") != "Default",
            "keeps capabilities": "ALL" not in capabilities.get("drop", []),
            "adds capabilities": set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"},
            "may be root": not own.get("runAsNonRoot") or own.get("runAsUser") == 0,
            "has no seccomp profile": own.get("seccompProfile", {}).get("type")
            not in ("RuntimeDefault", "Localhost"),
            "takes a port of its node": any("hostPort" in it for it in container.get("ports", [])),
        }
        yield from (f"{container['name']} {text}" for text, holds in faults.items() if holds)


def shown(pod: Mapping[str, Any]) -> Iterator[str]:
    """Variables that look secret and stand in the pod itself; references to Secrets are fine."""
    for container in containers(pod):
        for variable in container.get("env", []):
            plain = f"{variable['name']}={variable.get('value', '')}"
            if plain == "PLACEHOLDER=NO-PASSWORD-WAS-GIVEN":  # with which nothing starts
                continue
            if "valueFrom" not in variable and SECRET.search(plain):
                yield f"{container['name']}: {variable['name']}"


def test_an_ide_takes_one_file_and_one_line(helm: Helm, tmp_path: Path) -> None:
    spec = {
        "title": "Novelty", "description": "A new IDE on the image $image_name", "port": 4321,
        "command": ["novelty", "--port={{ .Values.networking.service.port | int }}"],
        "features": ["service", "session", "http", "autoscaling", "init", "resources",
                     "persistence", "s3", "password", "network-policy", "user-ports", "ingress",
                     "route", "kubernetes"],
    }  # fmt: skip
    line = catalog().matrix.charts["marimo-python"]
    files = render_chart(
        chart=type(line)(name="novelty", recipe="novelty", image="python-minimal"),
        recipe=chart_recipe("novelty", spec),
        features=catalog().features,
        library=catalog().library,
        images=["127.0.0.1:5005/onyxia-python-minimal:py3-2026.01.05"],
        version="1.0.0",
        catalog="demo",
    )
    write_tree(tmp_path / "novelty", files)
    checked = helm.check(tmp_path / "novelty", minors=latest_minors(1))
    assert len(checked.cases) > 8


@pytest.mark.parametrize(
    "values",
    [
        {"kubernetes": {"role": "admin"}},
        {"openshiftSCC": {"enabled": True, "scc": "nonroot-v2"}},
        {"global": {"suspend": True}},
        {"autoscaling": {"enabled": True}},
        {"networking": {"user": {"enabled": True}}},
        {"security": {"password": "another"}},
        {"persistence": {"size": "20Gi"}},
        {"resources": {"limits": {"cpu": "4"}}},
        {"ai": {"enabled": True}, "certificates": {"cacerts": "-----BEGIN CERTIFICATE-----"}},
    ],
    ids="-".join,
)
def test_what_a_user_changes_of_a_running_service_can_change(
    chart: Played, values: dict[str, Any]
) -> None:
    before = chart.manifests({"openshiftSCC": {"enabled": "openshiftSCC" in values}})
    assert frozen_changes(before, chart.manifests(values)) == ()
