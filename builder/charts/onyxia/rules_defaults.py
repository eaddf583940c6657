"""Rules about what a chart is where nobody says otherwise: passwords, notes, network, limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from builder.catalog.models import Path
from builder.charts.onyxia.chart_files import ChartFiles
from builder.charts.onyxia.context import UNDEFINED
from builder.charts.onyxia.finding import NOTE, NOTES, VALUES, WARNING, Problem, Rule
from builder.charts.onyxia.rules_manifests import SECRET, Manifest, Rendered, containers, name_of
from builder.charts.onyxia.rules_schema import quoted
from builder.common.mappings import mapping

PLACEHOLDER: Final = "NO-PASSWORD-WAS-GIVEN"
"""What our charts write where no cluster can keep a password; no service starts with it."""
_SECRET_KEY = re.compile(
    r"(password|passwd|passphrase|pwd|token|api[_-]?key|secret[_-]?(access[_-]?)?key)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """A chart with its defaults: its manifests, and what they tell of secrets.

    `notes` are those of a release whose secrets are `markers`, by their values. `revealing` are
    places, outside of Secrets, at which a release differs from one with other secrets.
    """

    chart: ChartFiles
    rendered: Rendered
    notes: str = ""
    markers: Mapping[str, str] = field(default_factory=dict)
    revealing: tuple[tuple[Manifest, Path], ...] = ()


def secrets_of(chart: ChartFiles) -> dict[str, Path]:
    """Return the paths of the values that are passwords, tokens or keys, by their name."""
    found = {
        node.value: node.path
        for node in chart.leaves
        if node.kind == "string" and node.path and _is_secret(node.schema, node.onyxia, node.path)
    }
    for path in _texts(chart.values, ()):
        if _SECRET_KEY.search(str(path[-1])):
            found.setdefault(".".join(map(str, path)), path)
    return found


def _is_secret(schema: Mapping[str, Any], onyxia: Mapping[str, Any], path: Path) -> bool:
    source = onyxia.get("overwriteDefaultWith")
    is_filled = isinstance(source, str) and source.strip("{} ") in SECRET
    return (
        is_filled or schema.get("render") == "password" or bool(_SECRET_KEY.search(str(path[-1])))
    )


def _texts(value: object, path: Path) -> Iterator[Path]:
    """Yield the path of every text below a value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, str) and path:
        yield path


def differences(first: Rendered, second: Rendered) -> Iterator[tuple[Manifest, Path]]:
    """Yield the places, outside of Secrets, at which two outputs of a chart differ."""
    if len(first.manifests) != len(second.manifests):
        return
    for manifest, other in zip(first.manifests, second.manifests, strict=True):
        if manifest.data.get("kind") != "Secret":
            yield from ((manifest, path) for path in _unlike(manifest.data, other.data, ()))


def _unlike(one: object, other: object, path: Path) -> Iterator[Path]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in one.keys() | other.keys():
            yield from _unlike(one.get(key), other.get(key), (*path, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, pair in enumerate(zip(one, other, strict=True)):
            yield from _unlike(*pair, (*path, number))
    elif one != other:
        yield path


def _default_password(about: Defaults) -> Iterator[Problem]:
    """Refuse a password that everybody knows who has the chart."""
    chart = about.chart
    known = set()
    for node in chart.leaves:
        if node.value in secrets_of(chart) and node.schema.get("default"):
            known.add(str(node.schema["default"]))
            yield _known(node.value, node.schema["default"], node.path)
    for name, path in secrets_of(chart).items():
        value = _value_at(chart.values, path)
        if isinstance(value, str) and value and value not in known:
            known.add(value)
            yield _known(name, value, path)
    for manifest, path, text in _credentials(about.rendered):
        if text not in (*known, "", PLACEHOLDER):
            yield Problem(
                message=f"{name_of(manifest)}: {path[-1]} is the same in every release",
                hint="generate it (randAlphaNum), and keep it over upgrades by lookup",
                path=path,
                file=manifest.file,
            )


def _known(name: str, value: object, path: Path) -> Problem:
    return Problem(
        message=f"{name} is {quoted(value)} where nobody gives one: everybody knows it",
        hint="leave it empty, generate one (randAlphaNum), and keep it over upgrades by lookup",
        path=path,
    )


def _value_at(values: Mapping[str, Any], path: Path) -> object:
    value: Any = values
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return UNDEFINED
        value = value[part]
    return value


def _credentials(rendered: Rendered) -> Iterator[tuple[Manifest, Path, str]]:
    """Yield the passwords that a chart writes by itself: in Secrets, and in variables of pods."""
    for manifest in rendered.manifests:
        if manifest.data.get("kind") == "Secret":
            for key, text in mapping(manifest.data, "stringData").items():
                if _SECRET_KEY.search(str(key)):
                    yield manifest, ("stringData", key), str(text)
        for where in ("initContainers", "containers"):
            for path, container in containers(manifest, where):
                for number, entry in enumerate(container.get("env") or ()):
                    variable = mapping(entry)
                    if _SECRET_KEY.search(str(variable.get("name"))) and "value" in variable:
                        place = (*path, "env", number, str(variable["name"]))
                        yield manifest, place, str(variable["value"])


def _secret_notes(about: Defaults) -> Iterator[Problem]:
    """Refuse notes that say a secret, which `helm status` and logs then show."""
    for name, marker in about.markers.items():
        if marker in about.notes:
            yield Problem(
                message=f"the notes say {name}, and so does every log of an installation",
                hint="say how to read it: kubectl get secret … | base64 -d; say it only by a value",
            )


def _secret_hash(about: Defaults) -> Iterator[Problem]:
    """Refuse what changes with a secret, outside of Secrets: who sees it can try words."""
    for manifest, path in about.revealing:
        yield Problem(
            message=f"{name_of(manifest)}: it changes with a secret, which can be guessed from it",
            hint="leave secrets out of the checksum",
            path=path,
            file=manifest.file,
        )


def _network(about: Defaults) -> Iterator[Problem]:
    """Ask for a NetworkPolicy of both directions where there is a pod."""
    pods = [item for item in about.rendered.manifests if item.pod is not None]
    policies = [
        item
        for item in about.rendered.manifests
        if str(item.data.get("kind")).endswith("NetworkPolicy")
    ]
    for manifest in pods[:1] if not policies else ():
        yield Problem(
            message=f"{name_of(manifest)}: no NetworkPolicy says who may connect to its pods",
            hint="admit the namespace and the ingress controller, unless a value says otherwise",
            file=manifest.file,
        )
    for policy in policies:
        types = mapping(policy.data, "spec").get("policyTypes")
        if isinstance(types, list) and "Egress" not in types:
            yield Problem(
                message=f"{name_of(policy)}: it does not say where its pods may connect to",
                hint="policyTypes: [Ingress, Egress], with all but 169.254.0.0/16 admitted",
                path=("spec", "policyTypes"),
                file=policy.file,
            )


def _limits(about: Defaults) -> Iterator[Problem]:
    """Ask for limits of memory and of space on the disk of the node."""
    for manifest in about.rendered.manifests:
        for where in ("initContainers", "containers"):
            for path, container in containers(manifest, where):
                limits = mapping(container, "resources", "limits")
                if lacks := [it for it in ("memory", "ephemeral-storage") if it not in limits]:
                    yield Problem(
                        message=f"{name_of(manifest)}: the container {container.get('name')} has"
                        f" no limit of {' and '.join(lacks)}",
                        path=path,
                        file=manifest.file,
                    )
        yield from _unlimited_volumes(manifest)


def _unlimited_volumes(manifest: Manifest) -> Iterator[Problem]:
    if manifest.pod is None:
        return
    pod_path, pod = manifest.pod
    for number, entry in enumerate(mapping(pod, "spec").get("volumes") or ()):
        volume = mapping(entry)
        if "emptyDir" in volume and "sizeLimit" not in mapping(volume, "emptyDir"):
            yield Problem(
                message=f"{name_of(manifest)}: the volume {volume.get('name')} has no sizeLimit",
                path=(*pod_path, "spec", "volumes", number),
                file=manifest.file,
            )


DEFAULT_RULES: Final[tuple[Rule[Defaults], ...]] = (
    Rule("default-password", WARNING, VALUES, _default_password),
    Rule("secret-notes", WARNING, NOTES, _secret_notes),
    Rule("secret-hash", WARNING, "", _secret_hash),
    Rule("network", NOTE, "", _network),
    Rule("limits", NOTE, "", _limits),
)
