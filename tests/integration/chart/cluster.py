"""As much of Kubernetes' interface as `helm` asks for to look Secrets up, on loopback."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Secrets = Mapping[str, tuple[str, Mapping[str, str | bytes]]]
"""By name: what the Secret publishes ("" where nothing), and its texts; bytes stand as they are."""

SERVICES: Secrets = {
    "my-postgres": ("postgres", {
        "postgres-service": "pg.example.org", "postgres-port": b"5433", "postgres-database": "db",
        "postgres-username": "ann", "password": "pgs3cret",
    }),
    "my-mlflow": ("mlflow", {"uri": "https://mlflow.example.org", "MLFLOW_TRACKING_USERNAME": "ann",
                             "MLFLOW_TRACKING_PASSWORD": "mls3cret"}),
    "my-chroma": ("chromadb", {"CHROMA_SERVER_HOST": "chroma.example.org",
                               "CHROMA_AUTH_SECRET": "chroma-login"}),
    "chroma-login": ("", {"username": "ann", "password": "chs3cret"}),
    "my-milvus": ("milvus", {"MILVUS_GRPC_URI": "https://milvus.example.org",
                             "MILVUS_TOKEN": "mis3cret"}),
    "my-metaflow": ("metaflow", {"host": "https://metaflow.example.org", "s3Bucket": "s3://flows"}),
    "my-hive": ("hive", {"hive-service": "hive.example.org"}),
}  # fmt: skip


@contextmanager
def cluster(secrets: Secrets, release: Sequence[Mapping[str, Any]] = ()) -> Iterator[str]:
    """The URL of a cluster whose every namespace has these Secrets, and those of a release."""
    items = [manifest(name, *one) for name, one in secrets.items()]
    items += [kept(item) for item in release if item["kind"] == "Secret"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path.partition("?")[0], items)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


KINDS = {
    "v1": ("Secret", "Service", "ConfigMap", "PersistentVolumeClaim", "ServiceAccount", "Pod"),
    "apps/v1": ("StatefulSet", "Deployment"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding"),
    "route.openshift.io/v1": ("Route",),
}


def kept(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Secret of the release r-1 as Kubernetes keeps it."""
    owner = {"meta.helm.sh/release-name": "r-1", "meta.helm.sh/release-namespace": "default"}
    about = item["metadata"]
    metadata = {**about, "annotations": {**(about.get("annotations") or {}), **owner}}
    texts = {
        key: base64.b64encode(text.encode()).decode() for key, text in item["stringData"].items()
    }
    others = {key: value for key, value in item.items() if key != "stringData"}
    return {**others, "metadata": metadata, "data": {**(item.get("data") or {}), **texts}}


def answer(path: str, secrets: Sequence[Mapping[str, Any]]) -> tuple[int, Mapping[str, object]]:
    """The status and the body of an answer."""
    fixed: Mapping[str, Mapping[str, object]] = {
        "/version": {"major": "1", "minor": "37", "gitVersion": "v1.37.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups()},
    }
    if path in fixed:
        return 200, fixed[path]
    version = path.removeprefix("/apis/").removeprefix("/api/")
    if version in KINDS:
        return 200, resources(version)
    _, found, name = path.partition("/secrets")
    if found and not name:
        return 200, {"kind": "SecretList", "apiVersion": "v1", "items": list(secrets)}
    for secret in secrets if found else ():
        if secret["metadata"]["name"] == name.lstrip("/"):
            return 200, secret
    return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                 "reason": "NotFound", "message": path}  # fmt: skip


def groups() -> list[Mapping[str, object]]:
    """The groups that are not the core."""
    found = []
    for version in KINDS:
        group, slash, number = version.partition("/")
        if slash:
            said = {"groupVersion": version, "version": number}
            found.append({"name": group, "versions": [said], "preferredVersion": said})
    return found


def resources(version: str) -> Mapping[str, object]:
    """The kinds of a version."""
    return {
        "kind": "APIResourceList",
        "groupVersion": version,
        "resources": [
            {"name": plural(kind), "kind": kind, "namespaced": True, "verbs": ["get", "list"]}
            for kind in KINDS[version]
        ],
    }


def plural(kind: str) -> str:
    """What a kind is called in a path."""
    name = kind.lower()
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith("s") else f"{name}s"


def manifest(name: str, service: str, texts: Mapping[str, str | bytes]) -> Mapping[str, object]:
    """A Secret. What is given as bytes stays as it is, as some charts write a port."""
    metadata: dict[str, object] = {"name": name, "namespace": "default"}
    if service:
        metadata["annotations"] = {"onyxia/discovery": service}
    data = {
        key: text.decode() if isinstance(text, bytes) else base64.b64encode(text.encode()).decode()
        for key, text in texts.items()
    }
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
