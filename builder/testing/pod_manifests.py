"""Turns a chart's manifests into one pod and the objects that it uses, to run without a cluster."""

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

# Fields that need a cluster: accounts, scheduling, and probes, which podman gives to systemd.
_OF_A_CLUSTER = (
    "affinity", "automountServiceAccountToken", "nodeSelector", "priorityClassName",
    "runtimeClassName", "schedulerName", "serviceAccount", "serviceAccountName", "tolerations",
    "topologySpreadConstraints",
)  # fmt: skip
_OF_A_KUBELET = ("livenessProbe", "readinessProbe", "resources", "startupProbe")

Manifest = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Playable:
    """A pod for `podman kube play`: its name, and the stream of it and the objects that it uses.

    `container` is podman's name of the container that answers. `probe` is a command that ends well
    in it once it is ready; () if it is probed over HTTP.
    """

    pod: str
    container: str
    probe: tuple[str, ...]
    text: str


def playable(manifests: str, *, port: int, host_port: int | None) -> Playable:
    """Return the pod of the one workload in the output of `helm template`.

    `port` of the pod is published as `host_port` on 127.0.0.1; None is for a pod on the network of
    the host, which publishes nothing. Raises ConfigError if there is not exactly one workload.
    """
    documents = parse(manifests)
    workload = workload_of(documents)
    pod, claims = pod_of(workload)
    owner = publish(pod, port=port, host_port=host_port)
    container = workload["spec"]["template"]["spec"]["containers"][owner]
    name: str = pod["metadata"]["name"]
    return Playable(
        pod=name,
        container=f"{name}-{container['name']}",
        probe=_probe(container.get("readinessProbe") or {}, port),
        text=dump([*_used(pod, documents), *claims, pod]),
    )


def _probe(readiness: Mapping[str, Any], port: int) -> tuple[str, ...]:
    """Return the command that stands for a readiness probe; () for one over HTTP.

    A kubelet connects to a `tcpSocket`. Podman takes connections to a published port before the pod
    listens, so the container is asked whether it does.
    """
    if "tcpSocket" in readiness:
        listens = f":{port:04X} [0-9A-F]+:0000 0A"
        return ("grep", "-Eqs", listens, "/proc/net/tcp", "/proc/net/tcp6")
    return tuple((readiness.get("exec") or {}).get("command", ()))


def helm_tests(manifests: str, *, address: str) -> tuple[tuple[str, str], ...]:
    """Return the pods of `helm test`: podman's name of the container, and the stream, of each.

    The names of the chart's Services resolve to `address`. Objects that the workload uses are left
    out, as they exist already.
    """
    documents = parse(manifests)
    workload_objects = references(workload_of(documents))
    names = [
        document["metadata"]["name"] for document in documents if document.get("kind") == "Service"
    ]
    tests = []
    for document in pods_of_tests(documents):
        spec = {key: value for key, value in document["spec"].items() if key not in _OF_A_CLUSTER}
        spec["containers"] = [_container(container) for container in spec["containers"]]
        spec["hostAliases"] = [{"ip": address, "hostnames": names}]
        container = f"{document['metadata']['name']}-{spec['containers'][0]['name']}"
        used = _used(spec, documents, excluded=workload_objects)
        tests.append((container, dump([*used, {**document, "spec": spec}])))
    return tuple(tests)


def pods_of_tests(documents: list[Manifest]) -> list[Manifest]:
    """Return the pods of `helm test`."""
    return [
        document
        for document in documents
        if document.get("kind") == "Pod"
        and "test"
        in (document["metadata"].get("annotations") or {}).get("helm.sh/hook", "").split(",")
    ]


def _used(
    pod: Manifest, documents: list[Manifest], excluded: Collection[tuple[str, str]] = ()
) -> list[Manifest]:
    """Return the objects that a pod names, as podman reads them, ordered by kind and name."""
    documents_by_key = {
        (document["kind"], document["metadata"]["name"]): document
        for document in documents
        if "kind" in document
    }
    return [
        plain(documents_by_key[key])
        for key in sorted(references(pod) - set(excluded))
        if key in documents_by_key
    ]


def parse(text: str) -> list[Manifest]:
    """Return the documents of a stream as Kubernetes reads them. Raises ConfigError."""
    try:
        return objects(text, "the rendered chart")
    except ConfigError as error:
        message = f"the rendered chart is not YAML: {error.message}"
        raise ConfigError(message, location=error.location) from error


def dump(documents: list[Manifest]) -> str:
    """Return documents as a stream."""
    stream = io.StringIO()
    yaml = emitter()
    yaml.explicit_start = True
    yaml.dump_all(documents, stream)
    return stream.getvalue()


def workload_of(documents: list[Manifest]) -> Manifest:
    """Return the one StatefulSet or Deployment. Raises ConfigError."""
    workloads = [document for document in documents if document.get("kind") in _WORKLOADS]
    if len(workloads) != 1:
        names = ", ".join(document["metadata"]["name"] for document in workloads) or "none"
        raise ConfigError(
            f"a chart must have exactly one StatefulSet or Deployment; this one has: {names}"
        )
    return workloads[0]


def pod_of(workload: Manifest) -> tuple[Manifest, list[Manifest]]:
    """Return the first pod that a workload would make, and the claims of its volumes."""
    template = workload["spec"]["template"]
    name = workload["metadata"]["name"]
    if workload["kind"] == "StatefulSet":
        name += "-0"
    spec = {key: value for key, value in template["spec"].items() if key not in _OF_A_CLUSTER}
    # A container that ends has failed, and must not be restarted.
    spec["restartPolicy"] = "Never"
    for key in ("initContainers", "containers"):
        if key in spec:
            spec[key] = [_container(container) for container in spec[key]]
    templates = workload["spec"].get("volumeClaimTemplates", [])
    claims = [_claim(container, name, spec.get("securityContext") or {}) for container in templates]
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
    """Publish one port of a pod on 127.0.0.1 and no other; with None, publish no port.

    Return the index of the container that has the port.
    """
    containers = pod["spec"]["containers"]
    owner = next(
        (
            index
            for index, container in enumerate(containers)
            if any(entry["containerPort"] == port for entry in container.get("ports", []))
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
    """Return the (kind, name) of every Secret, ConfigMap and claim that a pod names."""
    return set(_references(value))


def plain(document: Manifest) -> Manifest:
    """Return a document as podman reads it: the text of a Secret in base64, as its `data`."""
    texts: Mapping[str, str] = document.get("stringData") or {}
    if document["kind"] != "Secret" or not texts:
        return document
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    others = {key: value for key, value in document.items() if key != "stringData"}
    return {**others, "data": {**(document.get("data") or {}), **encoded}}


def images_of(text: str) -> tuple[str, ...]:
    """Return every image that a stream of documents runs, sorted."""
    images: set[str] = set()
    for document in parse(text):
        spec = document.get("spec") or {}
        for key in ("initContainers", "containers"):
            images.update(container["image"] for container in spec.get(key, []))
    return tuple(sorted(images))


def _references(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for child in value:
            yield from _references(child)
    elif isinstance(value, dict):
        for key, child in value.items():
            if isinstance(child, dict):
                yield from _named(key, child)
            yield from _references(child)


def _named(key: str, child: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if key in {"secretKeyRef", "secretRef", "secret"}:
        name = child.get("name") or child.get("secretName")
        kind = "Secret"
    elif key in {"configMapKeyRef", "configMapRef", "configMap"}:
        name, kind = child.get("name"), "ConfigMap"
    elif key == "persistentVolumeClaim":
        name, kind = child.get("claimName"), "PersistentVolumeClaim"
    else:
        return
    if name:
        yield kind, str(name)


def _container(container: Manifest) -> Manifest:
    return {key: value for key, value in container.items() if key not in _OF_A_KUBELET}


def _claim(template: Manifest, pod: str, security: Mapping[str, Any]) -> Manifest:
    """Return a claim as a StatefulSet names it; `fsGroup` becomes the owner of its volume."""
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
