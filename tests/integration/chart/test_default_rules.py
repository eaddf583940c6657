"""Charts of anybody whose defaults are not safe, and what the check says of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.charts.helm import Helm
from builder.charts.onyxia_check import check_chart
from tests.fakes.charts import ABOUT, NETWORK, NOTES, POD, SUSPEND, files, write

PASSWORD = {"type": "string", "default": "", "render": "password"}
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: clock}
stringData: {PASSWORD: {{ .Values.password | quote }}}
"""
ANNOTATED = POD.replace(
    "      labels:\n",
    "      annotations:\n        sum: {{ CHECKSUM }}\n      labels:\n",
)
RULES = {"default-password", "secret-notes", "secret-hash", "network", "limits"}


def said(
    helm: Helm, folder: Path, default: str = "", secret: str = SECRET, **more: str
) -> list[str]:
    """What these rules find in a chart with a password."""
    schema = {
        "type": "object",
        "properties": {
            "global": SUSPEND, "zone": {"type": "string", "default": "utc"},
            "password": {**PASSWORD, "default": default},
            "tell": {"type": "boolean", "default": False},
        },
    }  # fmt: skip
    values = {"global": {"suspend": False}, "zone": "utc", "password": default, "tell": False}
    more.setdefault("notes", "- Read it\n")
    chart = files(schema, values, **more) | {"templates/secret.yaml": secret.encode()}
    report = check_chart(write(folder / "clock", chart), helm)
    assert report.unrendered == ""
    return [f"{it.file}: {it.rule}: {it.message}" for it in report.findings if it.rule in RULES]


def test_a_chart_with_safe_defaults(helm: Helm, tmp_path: Path) -> None:
    assert said(helm, tmp_path) == []


def test_a_password_that_everybody_knows(helm: Helm, tmp_path: Path) -> None:
    assert said(helm, tmp_path, default="changeme") == [
        'values.yaml: default-password: password is "changeme" where nobody gives one: everybody'
        " knows it"
    ]


@pytest.mark.parametrize(
    "text", ['{{ .Values.password | default "changeme" | quote }}', '"changeme"']
)
def test_a_password_that_a_template_has(helm: Helm, tmp_path: Path, text: str) -> None:
    secret = SECRET.replace("{{ .Values.password | quote }}", text)
    assert said(helm, tmp_path, secret=secret) == [
        "templates/secret.yaml: default-password: Secret clock: PASSWORD is the same in every"
        " release"
    ]


def test_a_password_in_a_variable(helm: Helm, tmp_path: Path) -> None:
    pod = POD + "          env: [{name: ADMIN_PASSWORD, value: admin}]\n"
    assert said(helm, tmp_path, pod=pod) == [
        "templates/pod.yaml: default-password: StatefulSet check-0: ADMIN_PASSWORD is the same in"
        " every release"
    ]


@pytest.mark.parametrize(
    "notes",
    [
        NOTES,
        "{{ $it := .Values }}{{ with $it.password }}It is {{ . | trim }}{{ end }}\n",
        "{{ toYaml .Values }}\n",
    ],
)
def test_notes_that_say_a_password(helm: Helm, tmp_path: Path, notes: str) -> None:
    assert said(helm, tmp_path, notes=notes) == [
        "templates/NOTES.txt: secret-notes: the notes say password, and so does every log of an"
        " installation"
    ]


def test_notes_that_say_it_where_asked(helm: Helm, tmp_path: Path) -> None:
    notes = "{{ if .Values.tell }}- Password: {{ .Values.password }}{{ end }}\n"
    assert said(helm, tmp_path, notes=notes) == []


@pytest.mark.parametrize(
    "checksum",
    [
        '{{ include (print $.Template.BasePath "/secret.yaml") . | sha256sum }}',
        "{{ .Values.password | sha1sum }}",
        '{{ printf "%s-%s" .Release.Name .Values.password | adler32sum | quote }}',
        "{{ .Values | toJson | b64enc | sha512sum | trunc 8 | quote }}",
    ],
)
def test_an_annotation_that_tells_a_secret(helm: Helm, tmp_path: Path, checksum: str) -> None:
    pod = ANNOTATED.replace("{{ CHECKSUM }}", checksum)
    assert said(helm, tmp_path, pod=pod) == [
        "templates/pod.yaml: secret-hash: StatefulSet check-0: it changes with a secret, which can"
        " be guessed from it"
    ]


def test_an_annotation_that_changes_by_itself(helm: Helm, tmp_path: Path) -> None:
    pod = ANNOTATED.replace("{{ CHECKSUM }}", "{{ randAlphaNum 8 | quote }}")
    assert said(helm, tmp_path, pod=pod) == []


def test_a_chart_whose_network_is_open(helm: Helm, tmp_path: Path) -> None:
    assert said(helm, tmp_path, network="# nothing\n") == [
        "templates/pod.yaml: network: StatefulSet check-0: no NetworkPolicy says who may connect"
        " to its pods"
    ]


def test_a_policy_for_one_direction(helm: Helm, tmp_path: Path) -> None:
    assert said(helm, tmp_path, network=NETWORK.replace(", Egress", "")) == [
        "templates/network.yaml: network: NetworkPolicy check-0: it does not say where its pods"
        " may connect to"
    ]


def test_a_chart_without_limits(helm: Helm, tmp_path: Path) -> None:
    pod = (
        POD.replace(", ephemeral-storage: 1Gi", "") + "      volumes: [{name: tmp, emptyDir: {}}]\n"
    )
    assert said(helm, tmp_path, pod=pod) == [
        "templates/pod.yaml: limits: StatefulSet check-0: the container clock has no limit of"
        " ephemeral-storage",
        "templates/pod.yaml: limits: StatefulSet check-0: the volume tmp has no sizeLimit",
    ]


def test_a_library_is_left_alone(helm: Helm, tmp_path: Path) -> None:
    report = check_chart(write(tmp_path, files(about=ABOUT + "type: library\n")), helm)
    assert not RULES & {it.rule for it in report.findings}
