"""Whether a release of a chart can be upgraded in place: what Kubernetes never lets change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

Object = Mapping[str, object]

# Of these kinds' specifications only this may change.
_MAY_CHANGE = {
    "StatefulSet": (
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    ),
    "PersistentVolumeClaim": ("resources", "volumeAttributesClassName"),
    "Job": ("parallelism", "completions", "suspend", "activeDeadlineSeconds", "backoffLimit"),
}  # fmt: skip
# Of these, everything but this.
_NEVER_CHANGES = {
    "Deployment": ("spec.selector",),
    "Service": ("spec.clusterIP",),
    "RoleBinding": ("roleRef",),
    "ClusterRoleBinding": ("roleRef",),
}


def frozen_changes(before: Sequence[Object], after: Sequence[Object]) -> tuple[str, ...]:
    """What an upgrade from one list of objects to another would be refused for, a line each.

    Only objects of the same kind and name are compared: others are made and removed freely.
    """
    held = {_key(item): item for item in before}
    found: list[str] = []
    for item in after:
        if (old := held.get(_key(item))) is not None:
            kind, name = _key(item)
            found += [f"{kind} {name}: {path} cannot change" for path in _changes(kind, old, item)]
    return tuple(found)


def _changes(kind: str, before: Object, after: Object) -> Iterator[str]:
    if kind in _MAY_CHANGE:
        old, new = _mapping(before.get("spec")), _mapping(after.get("spec"))
        for key in sorted({*old, *new} - set(_MAY_CHANGE[kind])):
            if old.get(key) != new.get(key):
                yield f"spec.{key}"
    for path in _NEVER_CHANGES.get(kind, ()):
        if _at(before, path) != _at(after, path):
            yield path


def _at(item: Object, path: str) -> object:
    node: object = item
    for key in path.split("."):
        node = _mapping(node).get(key)
    return node


def _key(item: Object) -> tuple[str, str]:
    return str(item.get("kind")), str(_mapping(item.get("metadata")).get("name"))


def _mapping(node: object) -> Object:
    return node if isinstance(node, Mapping) else {}
