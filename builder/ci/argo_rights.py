"""The rights of Argo's pods: a service account that may say how its own tasks ended, no more."""

from __future__ import annotations

from typing import Any

Data = dict[str, Any]
ACCOUNT = "catalog-week"


def rights() -> tuple[Data, ...]:
    """Return the service account of all pods, its role and the binding.

    Only the executor of Argo has its token. No container of the builder asks the cluster anything.
    """
    metadata = {"name": ACCOUNT}
    group = "rbac.authorization.k8s.io"
    account: Data = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }
    role: Data = {
        "apiVersion": f"{group}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [
            {
                "apiGroups": ["argoproj.io"],
                "resources": ["workflowtaskresults"],
                "verbs": ["create", "patch"],
            }
        ],
    }
    binding: Data = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": ACCOUNT},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT}],
    }
    return account, role, binding
