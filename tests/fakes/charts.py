"""A small chart without a fault, and what changes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SUSPEND = {"type": "object", "properties": {"suspend": {"type": "boolean", "default": False}}}
ABOUT = """\
apiVersion: v2
name: clock
version: 1.2.3
description: A clock
icon: https://example.org/clock.svg
home: https://example.org
"""
NETWORK = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .Release.Name }}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
"""
NOTES = "- Password: {{ .Values.password }}\n- Open: https://{{ .Values.zone }}\n"
POD = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ ternary 0 1 .Values.global.suspend }}
  template:
    metadata:
      labels:
        app.kubernetes.io/instance: {{ .Release.Name }}
    spec:
      containers:
        - name: clock
          args: [{{ .Values.zone | quote }}]
          resources: {limits: {memory: 1Gi, ephemeral-storage: 1Gi}}
"""
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"global": SUSPEND, "zone": {"type": "string", "default": "utc"}},
}
VALUES: Mapping[str, Any] = {"global": {"suspend": False}, "zone": "utc"}


def files(
    schema: Mapping[str, Any] = SCHEMA, values: Mapping[str, Any] = VALUES, **more: str | None
) -> dict[str, bytes]:
    """The files of the chart `clock`; `more` by name: about, notes, pod, network; None is none."""
    texts = {
        "Chart.yaml": more.get("about", ABOUT),
        "values.yaml": json.dumps(values, indent=1),
        "values.schema.json": json.dumps(schema, indent=1),
        "templates/NOTES.txt": more.get("notes", NOTES),
        "templates/pod.yaml": more.get("pod", POD),
        "templates/network.yaml": more.get("network", NETWORK),
    }
    return {path: text.encode() for path, text in texts.items() if text is not None}


def with_zone(node: Mapping[str, Any], given: object = ...) -> dict[str, bytes]:
    """The chart whose value `zone` is of this schema; values.yaml has its default, or `given`."""
    values = {"global": {"suspend": False}, "zone": node.get("default") if given is ... else given}
    if values["zone"] is None:
        del values["zone"]
    schema = {"type": "object", "properties": {"global": SUSPEND, "zone": node}}
    return files(schema, values)


def write(folder: Path, chart: Mapping[str, bytes]) -> Path:
    """The chart in a folder."""
    for path, data in chart.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
