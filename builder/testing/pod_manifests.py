"""Turns a chart's manifests into one pod with what it uses, to be run without a cluster."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from builder.catalog.yaml_document import objects
from builder.common.errors import ConfigError
from builder.common.yaml_writer import emitter

_WORKLOADS = ("StatefulSet", "Deployment")

# What only a cluster can do: accounts, scheduling, and probes, which podman gives to systemd.
_OF_A_CLUSTER = (
    "affinity", "automountServiceAccountToken", "nodeSelector", "priorityClassName",
    "runtimeClassName", "schedulerName", "serviceAccount", "serviceAccountName", "tolerations",
    "topologySpreadConstraints",
)  # fmt: skip
_OF_A_KUBELET = ("livenessProbe", "readinessProbe", "resources", "startupProbe")

Manifest = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Playable:
    """A pod for `podman kube play`: its name, and the stream of it and of what it uses.

    `container` is what podman calls the one that answers. `probe` is the command that says in it
    whether it is ready; () where that is asked over HTTP.
    """

    pod: str
    container: str
    probe: tuple[str, ...]
    text: str


def playable(manifests: str, *, port: int, host_port: int | None) -> Playable:
    """The one workload of what `helm template` printed.

    `port` of the pod is published as `host_port` on 127.0.0.1; None is for a pod on the network of
    the host, which publishes nothing. Raises ConfigError where there is not one workload.
    """
    documents = parse(manifests)
    workload = workload_of(documents)
    pod, claims = pod_of(workload)
    owner = publish(pod, port=port, host_port=host_port)
    container = workload["spec"]["template"]["spec"]["containers"][owner]
    probe = (container.get("readinessProbe") or {}).get("exec") or {}
    name: str = pod["metadata"]["name"]
    return Playable(
        pod=name,
        container=f"{name}-{container['name']}",
        probe=tuple(probe.get("command", ())),
        text=dump([*_used(pod, documents), *claims, pod]),
    )


def helm_tests(manifests: str, *, address: str) -> tuple[tuple[str, str], ...]:
    """The pods of `helm test`: what podman calls the container of each, and the stream of it.

    `address` stands for what the chart's Services name. What the workload uses is left out, as it
    is there already.
    """
    documents = parse(manifests)
    there = references(workload_of(documents))
    names = [it["metadata"]["name"] for it in documents if it.get("kind") == "Service"]
    found = []
    for item in documents:
        hooks = (item["metadata"].get("annotations") or {}).get("helm.sh/hook", "")
        if item["kind"] == "Pod" and "test" in hooks.split(","):
            spec = {key: value for key, value in item["spec"].items() if key not in _OF_A_CLUSTER}
            spec["hostAliases"] = [{"ip": address, "hostnames": names}]
            container = f"{item['metadata']['name']}-{spec['containers'][0]['name']}"
            used = _used(spec, documents, but=there)
            found.append((container, dump([*used, {**item, "spec": spec}])))
    return tuple(found)


def _used(
    pod: Manifest, documents: list[Manifest], but: Collection[tuple[str, str]] = ()
) -> list[Manifest]:
    """What a pod names, as podman reads it, in the order of kind and name."""
    held = {(item["kind"], item["metadata"]["name"]): item for item in documents if "kind" in item}
    return [plain(held[key]) for key in sorted(references(pod) - set(but)) if key in held]


def parse(text: str) -> list[Manifest]:
    """The documents of a stream, without the empty ones, as Kubernetes reads them."""
    try:
        return objects(text, "the rendered chart")
    except ConfigError as error:
        message = f"the rendered chart is not YAML: {error.message}"
        raise ConfigError(message, location=error.location) from error


def dump(documents: list[Manifest]) -> str:
    """Documents as a stream."""
    stream = io.StringIO()
    yaml = emitter()
    yaml.explicit_start = True
    yaml.dump_all(documents, stream)
    return stream.getvalue()


def workload_of(documents: list[Manifest]) -> Manifest:
    """The one StatefulSet or Deployment. Raises ConfigError."""
    found = [item for item in documents if item.get("kind") in _WORKLOADS]
    if len(found) != 1:
        names = ", ".join(item["metadata"]["name"] for item in found) or "none"
        raise ConfigError(f"a chart has one StatefulSet or Deployment to run; this one: {names}")
    return found[0]


def pod_of(workload: Manifest) -> tuple[Manifest, list[Manifest]]:
    """The pod that a workload would make first, and the claims that come with it."""
    template = workload["spec"]["template"]
    name = workload["metadata"]["name"]
    if workload["kind"] == "StatefulSet":
        name += "-0"
    spec = {key: value for key, value in template["spec"].items() if key not in _OF_A_CLUSTER}
    # One that ends has failed, and that must be seen.
    spec["restartPolicy"] = "Never"
    for key in ("initContainers", "containers"):
        if key in spec:
            spec[key] = [_container(item) for item in spec[key]]
    templates = workload["spec"].get("volumeClaimTemplates", [])
    claims = [_claim(item, name, spec.get("securityContext") or {}) for item in templates]
    spec["volumes"] = [
        *spec.get("volumes", []),
        *(
            {
                "name": template["metadata"]["name"],
                "persistentVolumeClaim": {"claimName": claim["metadata"]["name"]},
            }
            for template, claim in zip(templates, claims, strict=True)
        ),
    ]
    metadata = {**template.get("metadata", {}), "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, claims


def publish(pod: Manifest, *, port: int, host_port: int | None) -> int:
    """Publish one port of a pod on 127.0.0.1, and no other; with None, not even that.

    Gives the index of the container that has it.
    """
    containers = pod["spec"]["containers"]
    owner = next(
        (
            index
            for index, item in enumerate(containers)
            if any(entry["containerPort"] == port for entry in item.get("ports", []))
        ),
        0,
    )
    for container in containers:
        container.pop("ports", None)
    if host_port is not None:
        published = {"containerPort": port, "hostPort": host_port, "hostIP": "127.0.0.1"}
        containers[owner]["ports"] = [published]
    return owner


def references(value: object) -> set[tuple[str, str]]:
    """The (kind, name) of every Secret, ConfigMap and claim that a pod names."""
    return set(_references(value))


def plain(document: Manifest) -> Manifest:
    """A document as podman reads it: the text of a Secret in base64, as its `data`."""
    texts: Mapping[str, str] = document.get("stringData") or {}
    if document["kind"] != "Secret" or not texts:
        return document
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    kept = {key: value for key, value in document.items() if key != "stringData"}
    return {**kept, "data": {**(document.get("data") or {}), **encoded}}


def images_of(text: str) -> tuple[str, ...]:
    """Every image that a stream of documents runs, sorted."""
    found: set[str] = set()
    for document in parse(text):
        spec = document.get("spec") or {}
        for key in ("initContainers", "containers"):
            found.update(item["image"] for item in spec.get(key, []))
    return tuple(sorted(found))


def _references(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict):
                yield from _named(key, item)
            yield from _references(item)


def _named(key: str, item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if key in {"secretKeyRef", "secretRef", "secret"}:
        name = item.get("name") or item.get("secretName")
        kind = "Secret"
    elif key in {"configMapKeyRef", "configMapRef", "configMap"}:
        name, kind = item.get("name"), "ConfigMap"
    elif key == "persistentVolumeClaim":
        name, kind = item.get("claimName"), "PersistentVolumeClaim"
    else:
        return
    if name:
        yield kind, str(name)


def _container(item: Manifest) -> Manifest:
    return {key: value for key, value in item.items() if key not in _OF_A_KUBELET}


def _claim(template: Manifest, pod: str, security: Mapping[str, Any]) -> Manifest:
    """A claim as the StatefulSet would name it; `fsGroup` becomes the owner of its volume."""
    metadata: Manifest = {"name": f"{template['metadata']['name']}-{pod}"}
    if "fsGroup" in security:
        metadata["annotations"] = {
            "volume.podman.io/uid": str(security.get("runAsUser", 0)),
            "volume.podman.io/gid": str(security["fsGroup"]),
        }
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": template["spec"],
    }
