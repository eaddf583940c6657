"""What Kubernetes refuses to change in place."""

from __future__ import annotations

import pytest

from builder.charts.upgrade_check import frozen_changes


def item(kind: str, spec: object = None, **more: object) -> dict[str, object]:
    return {"kind": kind, "metadata": {"name": "a"}, "spec": spec or {}, **more}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (item("StatefulSet", {"replicas": 1}), item("StatefulSet", {"replicas": 0}), ()),
        (
            item("StatefulSet", {"serviceName": "a", "selector": {"x": 1}}),
            item("StatefulSet", {"serviceName": "b", "selector": {"x": 2}}),
            ("spec.selector", "spec.serviceName"),
        ),
        (
            item("PersistentVolumeClaim", {"resources": 1, "storageClassName": "a"}),
            item("PersistentVolumeClaim", {"resources": 2}),
            ("spec.storageClassName",),
        ),
        (item("Service", {"clusterIP": "None"}), item("Service", {}), ("spec.clusterIP",)),
        (item("Service", {"ports": [1]}), item("Service", {"ports": [2]}), ()),
        (
            item("RoleBinding", roleRef={"name": "view"}),
            item("RoleBinding", roleRef={"name": "admin"}),
            ("roleRef",),
        ),
        (item("Deployment", {"selector": 1}), item("Deployment", {"selector": 2}),
         ("spec.selector",)),
        (item("ConfigMap", {"data": 1}), item("ConfigMap", {"data": 2}), ()),
        (item("Service", {"clusterIP": "None"}), item("StatefulSet", {"serviceName": "a"}), ()),
    ],
)  # fmt: skip
def test_what_cannot_change(
    before: dict[str, object], after: dict[str, object], found: tuple[str, ...]
) -> None:
    expected = tuple(f"{after['kind']} a: {path} cannot change" for path in found)
    assert frozen_changes([before], [after]) == expected
    assert frozen_changes([before], [before]) == ()
