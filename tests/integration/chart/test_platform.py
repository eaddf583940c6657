"""What a platform changes of forms, by files of its own, and what it fills whatever they say."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from builder.charts.helm import Helm
from builder.charts.manifests import documents
from builder.charts.onyxia.chart_files import read
from builder.charts.onyxia.context import SAMPLE
from builder.charts.onyxia.form import form_errors, patched
from builder.charts.onyxia.launch import launch
from builder.common.mappings import mapping, merged

from .conftest import one, rendered, written

IDE = {
    "service.image.custom.enabled": "ide/customImage.json",
    "security.password": "ide/password.json",
    "security.networkPolicy": "network-policy.json",
    "extraEnvVars": "ide/extraenv.json",
    "tolerations": "tolerations.json",
    "runtimeClassName": "ide/runtimeClassName.json",
    "nodeSelector": "nodeSelector.json",
    "resources": "ide/resources.json",
    "kubernetes": "ide/role.json",
    "persistence": "ide/persistence.json",
    "init": "ide/init.json",
    "git": "ide/git.json",
    "s3": "ide/s3.json",
    "vault": "ide/vault.json",
    "ingress": "ide/ingress.json",
    "message": "ide/message.json",
    "openshiftSCC": "ide/openshiftSCC.json",
    "startupProbe": "ide/startupProbe.json",
    "proxy": "proxy.json",
    "networking": "ide/networking.json",
    "repository": "repository.json",
    "certificates": "certificates.json",
    "ai": "ai.json",
    "userPreferences.aiAssistant": "aiAssistant.json",
}
# Of what the official charts do not have.
OURS = {"security.sudo.enabled": "ide/sudo.json"}
GPU = {"resources": "ide/resources-gpu.json", "nodeSelector": "nodeSelector-gpu.json"}
SPARK = {"kubernetes": "role-spark.json", "spark": "spark.json"}


def hooks(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Each node that the platform may replace, with the name of its file."""
    if name := mapping(node, "x-onyxia").get("overwriteSchemaWith"):
        yield path, str(name)
    for key, inner in mapping(node, "properties").items():
        yield from hooks(inner, f"{path}.{key}".lstrip("."))


def replaced(node: Mapping[str, Any], files: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as the platform sends it to the form: nodes of these names are its own files."""
    name = mapping(node, "x-onyxia").get("overwriteSchemaWith")
    if name in files:
        return dict(files[name])
    inner = {key: replaced(one, files) for key, one in mapping(node, "properties").items()}
    return {**node, "properties": inner} if inner else dict(node)


@pytest.mark.parametrize(
    ("chart", "more"),
    [("jupyter-python", {}), ("vscode-pytorch-gpu", GPU), ("rstudio-sparkr", SPARK)],
)
def test_every_name_is_at_its_place(chart: str, more: Mapping[str, str]) -> None:
    schema, _ = read(rendered(chart))
    assert dict(hooks(schema.schema)) == {**IDE, **OURS, **more}
    assert len({*IDE.values(), *GPU.values(), *SPARK.values()}) == 28


ON: Mapping[str, Any] = {"type": "boolean", "default": True, "x-onyxia": {"hidden": True}}
# As an administrator writes them: each lacks most of what the chart has there.
FILES: Mapping[str, Any] = {
    "ide/resources.json": {
        "type": "object",
        "properties": {"limits": {"type": "object", "properties": {"memory": {"const": "6Gi"}}}},
    },
    "ide/role.json": {
        "type": "object", "properties": {"enabled": ON, "role": {"const": "edit"}},
    },
    "network-policy.json": {"type": "object", "properties": {"enabled": ON}},
    "ide/persistence.json": {
        "type": "object",
        "properties": {"enabled": ON, "size": {"const": "7Gi"}},
    },
    "ide/init.json": {
        "type": "object",
        "properties": {"personalInit": {"const": "https://example.org/house.sh"}},
    },
    "ide/ingress.json": {
        "type": "object",
        "properties": {"enabled": ON, "hostname": {"const": "house.example.org"},
                       "useTlsSecret": {"const": True}, "tlsSecretName": {"const": "house-tls"}},
    },
    "ide/git.json": {"type": "object", "properties": {"enabled": ON}},
    "ide/s3.json": {"type": "object", "properties": {"enabled": ON}},
    "ide/startupProbe.json": {
        "type": "object", "default": {"failureThreshold": 9}, "x-onyxia": {"hidden": True},
    },
    "spark.json": {"type": "object", "properties": {"ui": {"const": True}}},
}  # fmt: skip
REGION = {
    "customValues": {
        "gitTokenHosts": "git.house.example.org",
        "deniedNetworks": ["10.1.0.0/16"],
        "allowedEgress": [{"to": [{"ipBlock": {"cidr": "10.2.0.0/16"}}]}],
    }
}


def test_files_of_the_platform_act_and_what_they_lack_is_filled(helm: Helm, tmp_path: Path) -> None:
    files, _ = read(rendered("jupyter-pyspark"))
    context = merged(SAMPLE, {"region": REGION})
    schema = replaced(files.schema, {**FILES, "role-spark.json": FILES["ide/role.json"]})
    values = launch(schema, files.values, context)
    assert not form_errors(schema, values, context)
    folder = written("jupyter-pyspark", tmp_path)
    release = helm.dry_run(folder, release="r-1", values=values)
    assert "does not use" not in release.notes
    for text in (
        "memory: 6Gi", '"edit"', "house.sh", '"house.example.org"', '"house-tls"',
        "storage: \"7Gi\"", "failureThreshold: 9",
        # Filled outside of the nodes that were replaced.
        '"GIT_TOKEN_HOSTS": "git.house.example.org"', '"AWS_PATH_STYLE_ACCESS": "true"',
        "cidr: 10.2.0.0/16", "user-jdoe-123456-spark.apps.example.org",
    ):  # fmt: skip
        assert text in release.manifests, text
    egress = one(documents(release.manifests), "NetworkPolicy")["spec"]["egress"]
    assert len(egress) == 4
    del context["region"]["customValues"]["allowedEgress"]
    values = launch(schema, files.values, context)
    assert "- 10.1.0.0/16" in helm.dry_run(folder, release="r-1", values=values).manifests


RESOURCES = {
    "cpuRequest": "50000m", "cpuLimit": "200m", "memoryRequest": "64Gi", "memoryLimit": "1Gi",
    "disk": "1Ti", "gpu": "0",
}  # fmt: skip
WRONG = dict.fromkeys(RESOURCES, "much")


@pytest.mark.parametrize("chart", ["jupyter-python", "vscode-pytorch-gpu"])
def test_any_resources_of_a_region_give_a_form(chart: str) -> None:
    """One alone, all, and such as no slider has: what does not fit is not taken."""
    files, _ = read(rendered(chart))
    sets = [set(), *({name} for name in RESOURCES), set(RESOURCES)]
    for given, names in itertools.product((RESOURCES, WRONG), sets):
        resources = {name: given[name] for name in names}
        context = {**SAMPLE, "region": {**SAMPLE["region"], "resources": resources}}
        values = launch(files.schema, files.values, context)
        assert not form_errors(files.schema, values, context), resources


def test_a_pod_is_never_sure_of_more_than_it_may_use(helm: Helm, tmp_path: Path) -> None:
    folder = written("vscode-pytorch-gpu", tmp_path)
    resources = {
        "requests": {"cpu": "2", "memory": "3000Mi", "example.org/cards": "8", "odd": "a"},
        "limits": {"cpu": "1500m", "memory": "3Gi", "example.org/cards": "4", "odd": "b"},
    }
    release = helm.dry_run(folder, release="r-1", values={"resources": resources})
    found = one(documents(release.manifests), "StatefulSet")["spec"]["template"]["spec"]
    requests = found["containers"][0]["resources"]["requests"]
    assert (requests["cpu"], requests["memory"]) == ("1500m", "3000Mi")
    assert (requests["example.org/cards"], requests["odd"]) == ("4", "a")


@pytest.mark.parametrize(
    "image",
    ["registry.example.org/official/jupyter:py3.12", "r.example.org:5000/ours:x0.9-2020.01.06"],
)
def test_a_saved_image_that_is_offered_no_longer_gives_a_form_and_runs(
    helm: Helm, tmp_path: Path, image: str
) -> None:
    files, _ = read(rendered("postgresql"))
    sent = launch(files.schema, files.values, SAMPLE)
    values = patched(sent, [(("service", "image", "version"), image)])
    assert not form_errors(files.schema, values, SAMPLE)
    release = helm.dry_run(written("postgresql", tmp_path), release="r-1", values=values)
    assert f'image: "{image}"' in release.manifests
