"""Rules about the manifests that Helm renders from a chart."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from builder.catalog.models import Path
from builder.charts.onyxia.context import SAMPLE
from builder.charts.onyxia.finding import FATAL, NOTE, WARNING, Problem, Rule
from builder.charts.onyxia.rules_schema import quoted
from builder.common.mappings import mapping
from builder.common.text import did_you_mean

INSTANCE: Final = "app.kubernetes.io/instance"
DISCOVERY: Final = "onyxia/discovery"
BINDINGS: Final = ("RoleBinding", "ClusterRoleBinding")
DISCOVERED: Final = (
    "argilla", "argo-workflows", "chromadb", "dask", "elastic", "hive", "kafka", "label-studio",
    "langfuse", "mariadb", "metaflow", "milvus", "mlflow", "mongodb", "neo4j", "opensearch",
    "postgres", "qdrant", "spark-thrift-server", "trino", "valkey",
)  # fmt: skip
SECRET: Final = (
    "user.password", "user.accessToken", "user.refreshToken", "service.oneTimePassword",
    "project.password", "git.token", "vault.VAULT_TOKEN", "s3.AWS_SECRET_ACCESS_KEY",
    "s3.AWS_SESSION_TOKEN",
)  # fmt: skip
"""The variables that only their user may read."""

MARK: Final = "onyxia-check"
"""The key that hostile texts of several lines try to add."""
_QUOTE = "end each expression that the value reaches with `| quote`"

_POD: Path = ("spec", "template")
_TEMPLATES: Mapping[str, Path] = {
    "Deployment": _POD, "StatefulSet": _POD, "DaemonSet": _POD, "ReplicaSet": _POD, "Job": _POD,
    "CronJob": ("spec", "jobTemplate", "spec", "template"), "Pod": (),
}  # fmt: skip
_PLACE = re.compile(r"[\w.-]+/((?:charts/[^:\s)]+/)?templates/[^:\s)]+)(?::(\d+)(?::(\d+))?)?")
_NOT_YAML = re.compile(r"YAML parse error|error converting YAML|^not YAML")
_REFUSED = re.compile(r"don't meet the specifications of the schema")
_NOT_TEMPLATE = re.compile(r"cannot parse template|parse error at")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """An object, and the template that it comes from."""

    file: str
    data: Mapping[str, Any]

    @property
    def pod(self) -> tuple[Path, Mapping[str, Any]] | None:
        """Return the path of its pod, and the pod; None for hooks, such as tests."""
        pod_path = _TEMPLATES.get(str(self.data.get("kind")))
        annotations = mapping(self.data, "metadata", "annotations")
        if pod_path is None or "helm.sh/hook" in annotations:
            return None
        return pod_path, mapping(self.data, *pod_path)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """The output of Helm for a chart and some values: objects, or an error."""

    values: str  # a description of the values, e.g. "its defaults"
    release: str
    manifests: tuple[Manifest, ...] = ()
    failure: str = ""
    is_sample: bool = False  # values of our own, which a chart may refuse
    is_suspended: bool = False
    is_hostile: bool = False
    has_lines: bool = False  # a hostile text of several lines

    images: Mapping[str, str] = field(default_factory=dict)  # digests that the package has
    marked: Mapping[str, str] = field(default_factory=dict)  # values, by the text that each is
    injected_in: str = ""  # the template that has a key out of a hostile text

    @property
    def is_broken(self) -> bool:
        """Whether a value became a part of the manifest, or of a template."""
        is_wrong = _NOT_YAML.search(self.failure) or _NOT_TEMPLATE.search(self.failure)
        return bool(is_wrong or self.injected_in)


def injected_in(manifests: Sequence[Manifest]) -> str:
    """Return the template of the first object with a key out of a hostile text, or ""."""
    return next((manifest.file for manifest in manifests if _has_key(manifest.data, MARK)), "")


def _has_key(node: object, key: str) -> bool:
    if isinstance(node, Mapping):
        return key in node or any(_has_key(child, key) for child in node.values())
    return isinstance(node, list) and any(_has_key(child, key) for child in node)


def _invalid(rendered: Rendered) -> Iterator[Problem]:
    """Require manifests that are YAML."""
    if _NOT_YAML.search(rendered.failure) and not rendered.is_hostile:
        yield _said(rendered)


def _refused(rendered: Rendered) -> Iterator[Problem]:
    """Require values that the schema accepts."""
    if _REFUSED.search(rendered.failure) and not rendered.is_sample:
        yield _said(rendered)


def _fails(rendered: Rendered) -> Iterator[Problem]:
    """Require templates that Helm can render."""
    failure = rendered.failure
    is_told = _NOT_YAML.search(failure) or (_REFUSED.search(failure) and not rendered.is_sample)
    if failure and not is_told and not rendered.is_hostile:
        yield _said(rendered)


def _unquoted(rendered: Rendered) -> Iterator[Problem]:
    """Require values that are quoted, whatever a user types into the form."""
    if rendered.is_hostile and rendered.is_broken and not rendered.has_lines:
        yield _said(rendered)


def _adds_lines(rendered: Rendered) -> Iterator[Problem]:
    """Refuse a value whose lines become lines of a manifest: it adds fields, even objects."""
    if not rendered.is_hostile or not rendered.has_lines:
        return
    if rendered.injected_in:
        message = f"with {rendered.values}: an object has a key out of the text"
        yield Problem(message=message, hint=_QUOTE, file=rendered.injected_in)
    elif rendered.is_broken:
        yield replace(_said(rendered), hint=_QUOTE)


def _said(rendered: Rendered) -> Problem:
    """Return Helm's error as a problem of the template that it names."""
    words = " ".join(rendered.failure.partition("\n\nUse --debug")[0].split())
    words = words.removeprefix("Error: ")
    match = _PLACE.search(words)
    return Problem(
        message=f"with {rendered.values}: {words}",
        file=match[1] if match else "templates",
        line=int(match[2] or 0) if match else 0,
        column=int(match[3] or 1) if match else 0,
    )


def _label(rendered: Rendered) -> Iterator[Problem]:
    """Require the label by which the platform finds a service's pods."""
    for manifest in rendered.manifests:
        if manifest.pod is None:
            continue
        pod_path, pod = manifest.pod
        label = mapping(pod, "metadata", "labels").get(INSTANCE)
        if label != rendered.release:
            problem = f"is {quoted(label)}" if label else "is missing"
            yield Problem(
                message=f"{name_of(manifest)}: the label {INSTANCE} of its pods {problem}",
                hint=f"{INSTANCE}: {{{{ .Release.Name }}}}",
                path=(*pod_path, "metadata", "labels"),
                file=manifest.file,
            )


def name_of(manifest: Manifest) -> str:
    """Return the kind and the name of an object."""
    kind, name = manifest.data.get("kind"), mapping(manifest.data, "metadata").get("name")
    return f"{kind} {name}"


def _replicas(rendered: Rendered) -> Iterator[Problem]:
    """Require that a suspended service has no pods."""
    for manifest in rendered.manifests if rendered.is_suspended else ():
        replicas = mapping(manifest.data, "spec").get("replicas", 1)
        if manifest.data.get("kind") in ("Deployment", "StatefulSet") and replicas != 0:
            yield Problem(
                message=f"{name_of(manifest)}: suspended, it still has {replicas} replicas",
                path=("spec", "replicas"),
                file=manifest.file,
            )


def _secret(rendered: Rendered) -> Iterator[Problem]:
    """Refuse secrets in plain environment variables of a pod."""
    variables = {str(_sample(name)): name for name in SECRET}
    for manifest in rendered.manifests:
        for path, entry in _environment(manifest):
            value = str(entry.get("value", ""))
            for secret, variable in variables.items():
                if secret in value:
                    yield Problem(
                        message=f"{name_of(manifest)}: the variable {entry.get('name')} contains"
                        f" {variable} in plain text",
                        hint="read it from a Secret: valueFrom, or envFrom",
                        path=path,
                        file=manifest.file,
                    )


def _sample(name: str) -> object:
    top, _, key = name.partition(".")
    return SAMPLE[top][key]


def containers(manifest: Manifest, key: str) -> list[tuple[Path, Mapping[str, Any]]]:
    """Return the containers of a pod under `containers` or `initContainers`, by their path."""
    if manifest.pod is None:
        return []
    pod_path, pod = manifest.pod
    listed = mapping(pod, "spec").get(key)
    entries = listed if isinstance(listed, list) else []
    return [
        ((*pod_path, "spec", key, number), mapping(entry)) for number, entry in enumerate(entries)
    ]


def _environment(manifest: Manifest) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for key in ("initContainers", "containers"):
        for path, container in containers(manifest, key):
            for number, entry in enumerate(container.get("env") or ()):
                yield (*path, "env", number), mapping(entry)


def _copies(rendered: Rendered) -> Iterator[Problem]:
    """Refuse an init container that writes only where no other container reads."""
    for manifest in rendered.manifests:
        mounted = {
            name
            for _, container in containers(manifest, "containers")
            for name in _mounts(container)
        }
        for path, container in containers(manifest, "initContainers"):
            mounts = _mounts(container)
            if mounts and mounted.isdisjoint(mounts):
                yield Problem(
                    message=f"{name_of(manifest)}: no container mounts what the init container"
                    f" {container.get('name')} writes",
                    path=(*path, "volumeMounts"),
                    file=manifest.file,
                )


def _mounts(container: Mapping[str, Any]) -> list[str]:
    return [str(mapping(mount).get("name")) for mount in container.get("volumeMounts") or ()]


def _any_role(rendered: Rendered) -> Iterator[Problem]:
    """Require a list of the roles that a value may name: else a launch takes any."""
    for manifest in rendered.manifests:
        reference = mapping(manifest.data, "roleRef")
        role = str(reference.get("name", ""))
        is_of_cluster = reference.get("kind") == "ClusterRole"
        for text, value in rendered.marked.items():
            if is_of_cluster and role.endswith(text):
                yield Problem(
                    message=f"{value} names the role of a {manifest.data['kind']}, and may be any",
                    hint=f"give {value} an enum in values.schema.json",
                    path=("roleRef", "name"),
                    file=manifest.file,
                )


def _by_tag(rendered: Rendered) -> Iterator[Problem]:
    """Require the digest of each image whose digest the package has: a tag can be moved."""
    for manifest in rendered.manifests:
        for key in ("initContainers", "containers"):
            for path, container in containers(manifest, key):
                image = str(container.get("image", ""))
                if image in rendered.images:
                    yield Problem(
                        message=f"{name_of(manifest)}: the image {image} is named by its tag alone",
                        hint=f"{image}@{rendered.images[image]}",
                        path=(*path, "image"),
                        file=manifest.file,
                    )


def _discovery(rendered: Rendered) -> Iterator[Problem]:
    """Require what other services need to discover this one."""
    for manifest in rendered.manifests:
        service = mapping(manifest.data, "metadata", "annotations").get(DISCOVERY)
        if service is not None and service not in DISCOVERED:
            yield Problem(
                message=f"{name_of(manifest)}: no service looks for {DISCOVERY}: {service}",
                hint=did_you_mean(str(service), DISCOVERED),
                path=("metadata", "annotations", DISCOVERY),
                file=manifest.file,
            )


POD_RULES: Final[tuple[Rule[Rendered], ...]] = (
    Rule("not-yaml", FATAL, "", _invalid),
    Rule("helm-refuses", FATAL, "", _refused),
    Rule("helm-fails", WARNING, "", _fails),
    Rule("instance", WARNING, "", _label),
    Rule("replicas", WARNING, "", _replicas),
    Rule("secret", WARNING, "", _secret),
    Rule("init", WARNING, "", _copies),
    Rule("value-adds-lines", FATAL, "", _adds_lines),
    Rule("unquoted", WARNING, "", _unquoted),
    Rule("any-role", WARNING, "", _any_role),
    Rule("image-by-tag", WARNING, "", _by_tag),
    Rule("discovery", NOTE, "", _discovery),
)
