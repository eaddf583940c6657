"""What a chart of an upstream may not do: it is launched by people who own a namespace. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from builder.charts.package import unpack
from builder.charts.upstream.references import rendered
from builder.common.mappings import at, mapping

OF_CLUSTER: Final = frozenset(
    {
        "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole",
        "ClusterRoleBinding", "ClusterTrustBundle", "ComponentStatus", "CustomResourceDefinition",
        "DeviceClass", "FlowSchema", "IngressClass", "IPAddress", "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node",
        "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "ResourceSlice",
        "RuntimeClass", "SecurityContextConstraints", "ServiceCIDR", "StorageClass",
        "StorageVersionMigration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
        "ClusterIssuer", "ClusterPolicy", "ClusterSecretStore",
    }
)  # fmt: skip
"""The kinds of Kubernetes that lie in no namespace, and those of others that charts have."""
RELEASES: Final = ("one", "two")
"""The releases of which a chart is rendered: their objects may not have the same names."""
_INSTANCE = "app.kubernetes.io/instance"
_CRDS = re.compile(r"(charts/[^/]+/)*crds/")
_LABEL = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")


def problems(first: str, second: str, namespace: str) -> Iterator[str]:
    """Yield what is wrong with what a chart renders for RELEASES, each with its template.

    Raises StepError where it is no YAML.
    """
    others = {_name(document) for _, document in rendered(second)}
    for template, document in rendered(first):
        kind, name = _name(document)
        where = f"{template}: {kind}/{name}"
        if kind in OF_CLUSTER:
            yield f"{where} is of the whole cluster, and who launches the chart owns a namespace"
        elif (kind, name) in others:
            yield f"{where} has the same name in every release, so there can be one in a namespace"
        own = at(document, "metadata", "namespace")
        if own not in {None, "", namespace}:
            yield f"{where} goes to the namespace {own}, whatever that of its release is"
        for labels in _labels(document):
            for key, value in labels.items():
                if not _LABEL.fullmatch(str(value)):
                    yield f"{where} has the label {key}: {value!r}, which is not valid"
        pod = mapping(document, "spec", "template", "metadata", "labels")
        if mapping(document, "spec", "template", "spec") and pod.get(_INSTANCE) != RELEASES[0]:
            yield f"{where} has pods without the label {_INSTANCE}, by which Onyxia finds them"


def packaged_problems(files: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what is wrong with the files of an upstream's package, and of those that are in it."""
    for path, data in sorted(files.items()):
        if _CRDS.match(path):
            yield f"{path}: Helm installs what is in crds/, for the whole cluster"
        if path.startswith("charts/") and path.endswith(".tgz"):
            yield from (f"{path}: {problem}" for problem in packaged_problems(unpack(data)))


def _name(document: Mapping[str, object]) -> tuple[str, str]:
    return str(document.get("kind", "")), str(at(document, "metadata", "name") or "")


def _labels(document: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    yield mapping(document, "metadata", "labels")
    yield mapping(document, "spec", "template", "metadata", "labels")
