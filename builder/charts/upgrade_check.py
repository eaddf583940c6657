"""Finds changes of a chart that Kubernetes refuses when a release is upgraded in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from builder.common.mappings import at, mapping

Object = Mapping[str, object]

# The only fields of `spec` that may change, by kind.
_MAY_CHANGE = {
    "StatefulSet": (
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    ),
    "PersistentVolumeClaim": ("resources", "volumeAttributesClassName"),
    "Job": ("parallelism", "completions", "suspend", "activeDeadlineSeconds", "backoffLimit"),
}  # fmt: skip
# The only fields that may not change, by kind.
_NEVER_CHANGES = {
    "Deployment": (("spec", "selector"),),
    "Service": (("spec", "clusterIP"),),
    "RoleBinding": (("roleRef",),),
    "ClusterRoleBinding": (("roleRef",),),
}


def frozen_changes(before: Sequence[Object], after: Sequence[Object]) -> tuple[str, ...]:
    """List why Kubernetes would refuse an upgrade between two lists of objects, a line each.

    Only objects of the same kind and name are compared; others may be added and removed.
    """
    old_objects = {_key(manifest): manifest for manifest in before}
    problems: list[str] = []
    for new_object in after:
        if (old_object := old_objects.get(_key(new_object))) is not None:
            kind, name = _key(new_object)
            problems += [
                f"{kind} {name}: {path} cannot change"
                for path in _changes(kind, old_object, new_object)
            ]
    return tuple(problems)


def _changes(kind: str, before: Object, after: Object) -> Iterator[str]:
    if kind in _MAY_CHANGE:
        old, new = mapping(before, "spec"), mapping(after, "spec")
        for key in sorted({*old, *new} - set(_MAY_CHANGE[kind])):
            if old.get(key) != new.get(key):
                yield f"spec.{key}"
    for path in _NEVER_CHANGES.get(kind, ()):
        if at(before, *path) != at(after, *path):
            yield ".".join(path)


def _key(manifest: Object) -> tuple[str, str]:
    return str(manifest.get("kind")), str(mapping(manifest, "metadata").get("name"))
