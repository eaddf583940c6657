"""The charts of this catalog through the real helm: cases, schema, secrets, hostile values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yamale

from builder.charts.helm import CT_SCHEMA, Helm, latest_minors
from builder.charts.image_table import with_images
from builder.charts.manifests import documents
from builder.charts.onyxia.value_types import fits
from builder.charts.render.values import split_path
from builder.charts.tools import MissingTool, Tools
from builder.common.errors import StepError
from builder.common.files import write_tree
from builder.common.mappings import merged, nested

from .conftest import Played, at, catalog, one, rendered

HOSTILE = "a\"b'c: {{ .Values.x }} {{ # \\ $(id) $HOME\n- name: INJECTED\n  value: yes\té\u2028"
SECRETS = (
    "git.token", "s3.secretAccessKey", "s3.sessionToken", "vault.token", "security.password",
    "ai.activeProvider.apiKey", "userPreferences.aiAssistant.apiKey",
)  # fmt: skip
# Per recipe: its port, what answers without a password, and its command where the port is 9999.
SERVICES = {
    "jupyter": (8888, "/api", ["jupyter", "lab", "--no-browser", "--ip=0.0.0.0", "--port=9999"]),
    "vscode": (
        8080,
        "/healthz",
        ["code-server", "--auth=password", "--bind-addr=0.0.0.0:9999", "/home/onyxia/work"],
    ),
    "rstudio": (8787, "/auth-sign-in", ["/opt/rstudio/start", "--www-port=9999"]),
    "marimo": (2718, "/health", ["marimo-session", "--host=0.0.0.0", "--port=9999"]),
}


def test_every_case_is_well(chart: Played) -> None:
    checked = chart.helm.check(chart.folder, minors=latest_minors(3))
    assert len(checked.minors) == 3
    assert len(checked.cases) > 20
    assert checked.unknown == ("route.openshift.io/v1/Route",)


def test_ct_runs_or_says_why_not(tools: Tools, chart: Played) -> None:
    ct = tools.ct()
    if isinstance(ct, MissingTool):
        assert ct.reason
    else:
        chart.helm.lint(chart.folder)


def test_ct_would_accept_the_head_of_the_chart(chart: Played) -> None:
    schema_of_ct = yamale.make_schema(content=CT_SCHEMA)
    head = yamale.make_data(str(chart.folder / "Chart.yaml"))
    assert all(result.isValid() for result in yamale.validate(schema_of_ct, head))


def leaves(node: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The leaves of a schema."""
    for key, child in node.get("properties", {}).items():
        name = key.replace(".", "\\.")
        here = f"{path}.{name}" if path else name
        if child.get("properties"):
            assert child["type"] == "object"
            yield from leaves(child, here)
        else:
            yield here, child


def schema(chart: Played) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((chart.folder / "values.schema.json").read_text())
    return loaded


def test_the_form_can_be_launched(chart: Played) -> None:
    found = dict(leaves(schema(chart)))
    assert len(found) > 60
    for path, node in found.items():
        assert isinstance(node["type"], str), path
        assert "default" in node, path
        assert node["default"] == at(chart.values, split_path(path)), path
        assert set(node) & {"oneOf", "anyOf", "allOf", "if", "$ref", "form", "x-form"} == set()
        if "hidden" in node:
            at(chart.values, node["hidden"]["path"].split("/"))
        if node.get("render") == "slider":
            assert node["type"] in ("string", "number"), path
            assert node["default"].endswith(node["sliderUnit"]), path
    images = found["service.image.version"]
    assert images["examples"][0] == images["default"]
    assert len(images["examples"]) == 2


def test_a_value_of_another_type_is_refused(chart: Played) -> None:
    with pytest.raises(StepError, match="s3"):
        chart.template({"s3": {"enabled": "maybe"}})


def test_every_text_is_taken_as_it_is(chart: Played) -> None:
    """All texts hostile at once: the same objects, the same keys, nothing executed."""
    texts = {
        path: node
        for path, node in leaves(schema(chart))
        if node["type"] == "string" and not {"enum", "listEnum", "pattern"} & set(node)
    }
    hostile = [nested(split_path(path), HOSTILE) for path in texts]
    calm = {
        "networking": {"user": {"enabled": True}}, "proxy": {"enabled": True},
        "extraEnvVars": [{"name": "EXTRA", "value": HOSTILE}],
        "service": {"image": {"custom": {"enabled": True}}},
        "ingress": {"useCertManager": True, "useTlsSecret": True, "annotations": {"a/b": HOSTILE}},
        "route": {"enabled": True}, "security": {"allowlist": {"enabled": True}},
        "openshiftSCC": {"enabled": True}, "podAnnotations": {"x/y": HOSTILE},
        "certificates": {"cacerts": "-----BEGIN CERTIFICATE-----"},
    }  # fmt: skip
    mild = [nested(split_path(path), "mild") for path in texts]
    before = documents(chart.template(merged(*mild, calm)))
    calm["certificates"] = {"cacerts": "-----BEGIN CERTIFICATE-----" + HOSTILE}
    after = documents(chart.template(merged(*hostile, calm)))
    assert [called(item) for item in after] == [called(item) for item in before]
    for old, new in zip(before, after, strict=True):
        assert keys(old) == keys(new)
    variables = one(after, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]["env"]
    assert "INJECTED" not in [item["name"] for item in variables]
    secrets = merged(*(item.get("stringData", {}) for item in after if item["kind"] == "Secret"))
    for key in (
        "PASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "GIT_PERSONAL_ACCESS_TOKEN",
        "PERSONAL_INIT_ARGS",
        "EXTRA",
    ):
        assert secrets[key] == HOSTILE


def test_what_names_objects_and_places_takes_no_such_text(chart: Played) -> None:
    """Each value with a list or a pattern refuses texts of several lines, by the schema."""
    named = {
        path: node
        for path, node in leaves(schema(chart))
        if {"enum", "pattern"} & set(node) and node["type"] == "string"
    }
    assert len(named) > 15
    for path, node in named.items():
        assert not fits(node, f"{node['default']}\n---\nkind: Secret", {}), path
    one_of_all = merged(*(nested(split_path(path), "a\n---\nkind: Secret") for path in named))
    refused = chart.helm.attempt(chart.folder, release="r-1", values=one_of_all).log
    for path in named:
        assert f"at '/{'/'.join(split_path(path))}'" in refused, path


@pytest.mark.parametrize(
    "values",
    [
        {"kubernetes": {"role": "cluster-admin"}},
        {"openshiftSCC": {"enabled": True, "scc": "privileged"}},
        {"openshiftSCC": {"enabled": True, "scc": "hostaccess"}},
        {"ingress": {"hostname": "*.example.org"}},
        {"networking": {"type": "ExternalName"}},
        {"networking": {"service": {"port": 0}}},
        {"persistence": {"accessMode": "ReadWriteOnce\nvolumeName: x"}},
    ],
)
def test_more_than_a_session_may_have_is_refused(
    chart: Played, values: Mapping[str, object]
) -> None:
    with pytest.raises(StepError, match="specifications of the schema"):
        chart.template(values)


def test_keys_that_nobody_knows_are_taken(chart: Played) -> None:
    """Saved launches and links have some, of platforms and of older charts."""
    unknown = {
        "onyxia": {"friendlyName": "mine", "share": True},
        "course": {"chapter": "1"},
        "networking": {"user": {"enabled": True, "ports%5B0%5D": 8080}},
        "kubernetes": {"enable": True},
        "ingress": {"annotations": []},
    }
    assert chart.manifests(unknown) == chart.manifests({"networking": {"user": {"enabled": True}}})


def called(item: Mapping[str, Any]) -> tuple[str, str]:
    """The kind and the name of an object, without the checksum of a role that a binding has."""
    name = item["metadata"]["name"]
    return item["kind"], re.sub("-[0-9a-f]{8}$", "", name) if "roleRef" in item else name


def keys(node: Any) -> Any:
    """The shape of an object: its keys, whatever its texts say."""
    if isinstance(node, Mapping):
        return {key: keys(child) for key, child in node.items() if key != "args"}
    if isinstance(node, list):
        return [keys(child) for child in node]
    return type(node)


def test_what_is_secret_is_not_shown(chart: Played) -> None:
    hidden = [path for path, node in leaves(schema(chart)) if node.get("render") == "password"]
    assert sorted(hidden) == sorted(SECRETS)


def test_no_secret_stands_in_a_pod(chart: Played) -> None:
    on = {"ai": {"enabled": True}}
    for path in SECRETS:
        token = f"secret-of-{path}"
        manifests = chart.manifests(merged(on, nested(split_path(path), token)))
        for item in manifests:
            assert (token in json.dumps(item)) == (item["kind"] == "Secret" and holds(item, token))
        assert any(holds(item, token) for item in manifests), path


def holds(item: Mapping[str, Any], token: str) -> bool:
    return any(token in text for text in item.get("stringData", {}).values())


def test_the_container_reads_every_source(chart: Played) -> None:
    manifests = chart.manifests(
        {"repository": {"pipRepository": "https://example.org", "packageManagerUrl": "https://b"}}
    )
    made = {
        item["metadata"]["name"] for item in manifests if item["kind"] in ("Secret", "ConfigMap")
    }
    pod = one(manifests, "StatefulSet")["spec"]["template"]["spec"]
    read = {
        (source.get("secretRef") or source.get("configMapRef"))["name"]
        for source in pod["containers"][0]["envFrom"]
    }
    mounted = {it["secret"]["secretName"] for it in pod["volumes"] if "secret" in it}
    assert made == read | mounted
    names = {f"r-1-{chart.folder.name}-{part}" for part in ("s3", "password", "repository")}
    assert names == read


def test_images_are_named_by_digest(chart: Played, tmp_path: Path) -> None:
    """Those that the package has the digest of; the values go on naming tags."""
    files = rendered(chart.folder.name)
    images = chart.values["service"]["image"]
    first, second = json.loads(files["values.schema.json"])["properties"]["service"]["properties"][
        "image"
    ]["properties"]["version"]["examples"]
    table = {first: f"sha256:{'a' * 64}", second: f"sha256:{'b' * 64}"}
    write_tree(tmp_path / chart.folder.name, with_images(files, table))
    packed = replace(chart, folder=tmp_path / chart.folder.name)
    ca = {"certificates": {"cacerts": "-----BEGIN CERTIFICATE-----"}}

    def named(version: Mapping[str, object]) -> set[str]:
        values = {**ca, "service": {"image": version}}
        return set(re.findall(r'^ *image: "(.*)"$', packed.template(values), re.MULTILINE))

    assert images["version"] == first
    assert named({}) == {f"{first}@{table[first]}"}
    assert named({"version": second}) == {f"{second}@{table[second]}"}
    assert named({"version": "r.example/other:1"}) == {"r.example/other:1"}
    other = {"enabled": True, "version": "r.example/own"}
    assert named({"custom": other}) == {"r.example/own"}
    assert named({"custom": {"enabled": True, "version": second}}) == {f"{second}@{table[second]}"}
    environment = {item["name"]: item.get("value") for item in env_of(packed.pod())}
    assert environment["IMAGE_NAME"] == first


def env_of(pod: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod["spec"]["containers"][0]["env"]
    return found


def test_the_command(chart: Played) -> None:
    container = chart.pod({"networking": {"service": {"port": 9999}}})["spec"]["containers"][0]
    port, health, command = SERVICES[chart.recipe]
    assert container["command"] == ["/opt/onyxia-init.sh", *command]
    assert "args" not in container
    assert container["ports"][0]["containerPort"] == 9999
    assert container["startupProbe"]["httpGet"] == {"path": health, "port": 9999}
    assert chart.pod()["spec"]["containers"][0]["ports"][0]["containerPort"] == port
    assert container["workingDir"] == "/home/onyxia/work"


def test_root_in_the_session(chart: Played) -> None:
    """Where the values say so, sudo can work, by no more than the baseline profile admits."""
    values = {"security": {"sudo": {"enabled": True}}}
    own = chart.pod(values)["spec"]["containers"][0]["securityContext"]
    assert own["allowPrivilegeEscalation"] is True
    assert own["capabilities"]["drop"] == ["ALL"]
    baseline = {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
                "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
                "SYS_CHROOT"}  # fmt: skip
    assert {"SETUID", "SETGID", "CHOWN"} <= set(own["capabilities"]["add"]) <= baseline


def test_the_restricted_profile(chart: Played) -> None:
    ca = {"certificates": {"cacerts": "-----BEGIN CERTIFICATE-----"}}
    spec = chart.pod(merged(ca, {"security": {"password": "given"}}))["spec"]
    assert spec["securityContext"] == {
        "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": 100,
    }  # fmt: skip
    names = [container["name"] for container in spec["initContainers"]]
    assert sorted(names) == ["certificates", "volume-layout"]
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": container in spec["initContainers"],
        }  # fmt: skip
    changed = {"securityContext": {"runAsUser": 4}, "podSecurityContext": {"runAsNonRoot": False}}
    spec = chart.pod(changed)["spec"]
    assert spec["containers"][0]["securityContext"]["runAsUser"] == 4
    assert spec["securityContext"]["runAsNonRoot"] is False
    assert spec["securityContext"]["fsGroup"] == 100


def test_suspended(chart: Played) -> None:
    assert one(chart.manifests(), "StatefulSet")["spec"]["replicas"] == 1
    manifests = chart.manifests({"global": {"suspend": True}, "replicaCount": 3})
    assert one(manifests, "StatefulSet")["spec"]["replicas"] == 0
    one(manifests, "PersistentVolumeClaim")


def test_the_runtime_class_is_a_line_of_its_own(chart: Played) -> None:
    assert chart.pod({"runtimeClassName": "gvisor"})["spec"]["runtimeClassName"] == "gvisor"


def test_user_ports(chart: Played) -> None:
    values = {
        "networking": {"user": {"enabled": True, "ports": [5000, 8501]}},
        "ingress": {"userHostname": "user.example.org"},
    }
    manifests = chart.manifests(values)
    ports = [port["port"] for port in one(manifests, "Service")["spec"]["ports"]]
    assert [port for port in ports if port != 4040] == [SERVICES[chart.recipe][0], 5000, 8501]
    rules = one(manifests, "Ingress", "-user")["spec"]["rules"]
    assert [rule["host"] for rule in rules] == ["user-5000.example.org", "user-8501.example.org"]
    values["networking"]["user"]["ports"] = []
    rules = one(chart.manifests(values), "Ingress", "-user")["spec"]["rules"]
    assert [rule["host"] for rule in rules] == ["user.example.org"]


def test_objects_belong_to_the_release(chart: Played) -> None:
    for item in chart.manifests({"networking": {"user": {"enabled": True}}}):
        labels = item["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "r-1", item["metadata"]["name"]
    assert chart.pod()["metadata"]["labels"]["app.kubernetes.io/instance"] == "r-1"


def test_the_longest_release_name(chart: Played) -> None:
    release = chart.folder.name + "-" + "9" * (52 - len(chart.folder.name))
    manifests = documents(chart.template({"vault": {"token": "x"}}, release=release))
    for item in manifests:
        assert len(item["metadata"]["name"]) <= 63


def test_what_the_user_is_told(chart: Played) -> None:
    values = {
        "security": {"password": "p4ss"},
        "notes": {"password": True},
        "ingress": {"hostname": "lab.example.org"},
        "message": {"en": "Hello", "fr": "Bonjour"},
        "userPreferences": {"language": "fr"},
    }
    notes = chart.helm.dry_run(chart.folder, release="r-1", values=values).notes
    password = re.search(r"password: ?([^\n ]+)", notes, re.IGNORECASE)
    assert password is not None
    assert password.group(1) == "p4ss"
    url = re.search(r"https?://\S+", notes)
    assert url is not None
    assert url.group() == "https://lab.example.org/"
    assert "Bonjour" in notes
    assert "Hello" not in notes


def test_the_library_can_be_used_alone(helm: Helm, tmp_path: Path) -> None:
    """A chart written by hand, as the README of the library says."""
    own = {
        "Chart.yaml": (
            "apiVersion: v2\nname: mine\nversion: 0.1.0\ndependencies:\n"
            "  - {name: onyxia-library, version: 1.x.x, repository: ''}\n"
        ),
        "values.yaml": "token: t\n",
        "templates/_mine.tpl": (
            '{{- define "mine.slots" -}}\ncontainer: [mine.container]\nservice: [mine.service]\n'
            "secrets:\n  - {part: token, template: mine.token, name: ''}\n{{- end -}}\n"
            '{{- define "mine.container" -}}\nimage: x\n{{- end -}}\n'
            '{{- define "mine.service" -}}\n- port: 80\n{{- end -}}\n'
            '{{- define "mine.token" -}}\nTOKEN: {{ .Values.token | quote }}\n{{- end -}}\n'
        ),
        "templates/all.yaml": "\n---\n".join(
            f'{{{{ include "onyxia-library.{kind}" '
            '(dict "root" . "slots" (include "mine.slots" . | fromYaml)) }}'
            for kind in ("statefulset", "service", "sources")
        ),
    }
    files = {path: text.encode() for path, text in own.items()}
    files |= {f"charts/onyxia-library/{path}": it for path, it in catalog().library.items()}
    for path, content in files.items():
        (tmp_path / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / path).write_bytes(content)
    text = helm.template(tmp_path / "mine", release="r")
    helm.validate(text, latest_minors()[-1])
    kinds = [item["kind"] for item in documents(text)]
    assert sorted(kinds) == ["Secret", "Service", "StatefulSet"]
