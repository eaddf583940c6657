"""An upstream of charts: small ones of the shapes that real ones have, and their repository."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from builder.charts.package import ChartPackage, pack
from builder.charts.repository.index import IndexEntry, emit_index

EXECUTOR = "hub.example.org/flow/exec:v4.0.6"
SERVER = "hub.example.org/flow/server:v4.0.6"
VALUES = """\
crds: {install: true}
clusterRoles: true
fullname: ""
server:
  image: {registry: hub.example.org, repository: flow/server, tag: v4.0.6}
executor:
  image: {registry: hub.example.org, repository: flow/exec, tag: v4.0.6}
"""
DEPLOYMENT = """\
{{- $i := .Values.server.image }}
{{- $e := .Values.executor.image }}
{{- $name := .Values.fullname | default (printf "%s-flow" .Release.Name) }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels: {app.kubernetes.io/instance: {{ .Release.Name }}}
spec:
  selector: {matchLabels: {app: {{ $name }}}}
  template:
    metadata:
      labels:
        app: {{ $name }}
        app.kubernetes.io/instance: {{ .Release.Name }}
    spec:
      containers:
        - name: server
          image: {{ $i.registry }}/{{ $i.repository }}:{{ $i.tag }}
          args: [--executor-image, "{{ $e.registry }}/{{ $e.repository }}:{{ $e.tag }}"]
---
apiVersion: v1
kind: Service
metadata: {name: {{ $name }}}
spec: {ports: [{port: 2746}], selector: {app: {{ $name }}}}
"""
ROLE = """\
{{- if .Values.clusterRoles }}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "{{ .Release.Name }}-flow"}
rules: []
{{- end }}
"""
CRD = """\
{{- if .Values.crds.install }}
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: flows.example.org}
spec: {}
{{- end }}
"""
FLOW: Mapping[str, str] = {
    "values.yaml": VALUES,
    "templates/deployment.yaml": DEPLOYMENT,
    "templates/role.yaml": ROLE,
    "templates/crd.yaml": CRD,
}
FLOW_IMAGES = """\
images:
  - match: flow/server
    registry: server.image.registry
    repository: server.image.repository
    tag: server.image.tag
  - match: flow/exec
    registry: executor.image.registry
    repository: executor.image.repository
    tag: executor.image.tag
"""
"""Where a recipe sets the images of `flow`, in upstream.yaml."""


def package(name: str, version: str, files: Mapping[str, str]) -> ChartPackage:
    """A package of a chart with these files."""
    about = f"apiVersion: v2\nname: {name}\nversion: {version}\ntype: application\n"
    data = {path: text.encode() for path, text in {**files, "Chart.yaml": about}.items()}
    return ChartPackage(data=pack(name, data))


@dataclass
class ChartRepository:
    """A folder with packages and their index, which a server gives away."""

    folder: Path
    url: str = ""
    entries: dict[str, list[Mapping[str, object]]] = field(default_factory=dict)
    busy: list[int] = field(default_factory=list)  # statuses of the next answers

    def add(self, found: ChartPackage) -> None:
        """Publish a package."""
        (self.folder / found.file).write_bytes(found.data)
        entry = IndexEntry(
            metadata=found.metadata,
            digest=found.digest,
            url=found.file,
            created="2026-11-01T00:00:00Z",
        )
        listed = {**entry.metadata, "digest": entry.digest, "urls": [entry.url]}
        self.entries.setdefault(found.name, []).append({**listed, "created": entry.created})
        self.write()

    def write(self) -> None:
        """Write the index."""
        text = emit_index(self.entries, "2026-11-01T00:00:00Z")
        (self.folder / "index.yaml").write_bytes(text)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[ChartRepository]:
    """Serve a repository on a loopback port."""
    folder.mkdir(parents=True, exist_ok=True)
    repository = ChartRepository(folder)

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if repository.busy:
                self.send_response(repository.busy.pop(0))
                self.send_header("Retry-After", "0")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            super().do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    repository.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield repository
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
