"""Where the text of a value becomes part of a manifest, and where a function closes it."""

from __future__ import annotations

import pytest

from builder.charts.onyxia.template_flow import evaluated, open_texts, open_values

FILE = "templates/pod.yaml"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: {{ .Values.zone }}", "zone"),
        ("a: {{- $.Values.zone.name -}}", "zone.name"),
        ('a: "{{ .Values.zone }}"', "zone"),
        ("a: {{ .Values.zone | trunc 63 }}", "zone"),
        ('a: {{ .Values.zone | default "utc" }}', "zone"),
        ('a: {{ default "utc" .Values.zone }}', "zone"),
        ('a: {{ printf "x-%s" .Values.zone }}', "zone"),
        ('a: {{ ternary .Values.zone "utc" .Values.on }}', "zone"),
        ('a: {{ "x" | replace "x" .Values.zone }}', "zone"),
        ("a: {{ .Values.zone | squote }}", "zone"),
        ("a: {{ tpl .Values.zone . }}", "zone"),
        ("a: {{ (index .Values.zones 0) }}", "zones"),
        ("{{ .Values.zone | nindent 2 }}", "zone"),
        ("{{- with .Values.zone }}\na: {{ . }}\n{{- end }}", "zone"),
        ("{{- with .Values.zone }}\na: {{ .name | upper }}\n{{- end }}", "zone.name"),
        ("{{- range $key, $value := .Values.zones }}\na: {{ $value }}\n{{- end }}", "zones"),
        ("{{- range $key, $value := .Values.zones }}\n{{ $key }}: 1\n{{- end }}", "zones"),
        ("{{- range .Values.zones }}\n- {{ . }}\n{{- end }}", "zones"),
        ("{{- $zone := .Values.zone }}\na: {{ $zone.name }}", "zone.name"),
        ("{{- if .Values.on }}\n{{ $zone := .Values.zone }}{{ end }}a: {{ $zone }}", "zone"),
        ("{{- if .Values.on }}\na: {{ .Values.zone }}\n{{- end }}", "zone"),
        ('{{- define "x.pod" -}}\nkind: Pod\na: {{ .Values.zone }}\n{{- end }}', "zone"),
        ('{{- define "x.pod" -}}\n- {{ .root.Values.zone }}\n{{- end }}', "zone"),
        ("a: |\n  {{ .Values.zone }}", "zone"),
        ("# {{ .Values.zone }}", "zone"),
    ],
)
def test_a_value_that_is_written_as_it_is(text: str, path: str) -> None:
    assert [flow.path for flow in open_values({FILE: text})] == [path]


@pytest.mark.parametrize(
    "text",
    [
        "a: {{ .Values.zone | quote }}",
        "a: {{ quote .Values.zone }}",
        "a: {{ .Values.zone | trunc 63 | quote }}",
        "a: {{ .Values.count | int }}",
        "a: {{ .Values.count | int | toString }}",
        'a: {{ printf "%d" (int .Values.count) }}',
        "a:\n  {{- toYaml .Values.zone | nindent 2 }}",
        "a: {{ .Values.zone | toJson }}",
        'a: {{ ternary "x" "y" .Values.on }}',
        'a: {{ .Values.on | ternary "x" "y" }}',
        'a: {{ ternary "x" "y" (eq .Values.zone "utc") }}',
        "a: {{ .Values.zone | sha256sum }}",
        "{{- if .Values.zone }}\na: 1\n{{- else if .Values.on }}\na: 2\n{{- end }}",
        "{{- with .Values.zone }}\na: {{ . | quote }}\n{{- end }}\nb: {{ .Release.Name }}",
        "{{- range $key, $value := .Values.zones }}\n{{ $key | quote }}: 1\n{{- end }}",
        "{{/* a: {{ .Values.zone }} */}}",
        'a: {{ "}} {{ .Values.zone" | quote }}',
        "a: |\n  {{- .Values.zone | nindent 2 }}",
        "a: {{ .Release.Name }}",
    ],
)
def test_a_value_that_stays_a_text(text: str) -> None:
    assert open_values({FILE: text}) == []


@pytest.mark.parametrize(
    ("texts", "expression"),
    [
        (
            {
                "templates/_names.tpl": '{{- define "x.name" -}}{{ .Values.zone }}{{- end -}}',
                FILE: 'name: {{ include "x.name" . }}',
            },
            'include "x.name" .',
        ),
        (
            {
                "templates/_names.tpl": '{{- define "x.head" -}}\nname: {{ .name }}\n{{- end -}}',
                FILE: '{{ include "x.head" (dict "root" . "name" .Values.zone) }}',
            },
            ".name",
        ),
        (
            {FILE: '{{- $line := printf "- name: %s" .Values.zone }}'},
            '$line := printf "- name: %s" .Values.zone',
        ),
    ],
)
def test_a_text_that_comes_by_a_detour(texts: dict[str, str], expression: str) -> None:
    assert [flow.expression for flow in open_texts(texts)] == [expression]
    closed = {
        file: text.replace("}}", "| quote }}")
        if file == FILE
        else text.replace(".name }}", ".name | quote }}")
        for file, text in texts.items()
    }
    closed[FILE] = closed[FILE].replace("%s", "%d").replace('d" .Values.zone', 'd" (int .Values.z)')
    assert open_texts(closed) == []


@pytest.mark.parametrize(
    "text",
    [
        "a: {{ tpl .Values.zone . | quote }}",
        "{{- $zone := tpl (toString .Values.zone) $ }}",
        "{{- if tpl .Values.zone . }}a: 1{{ end }}",
        "{{- range $value := .Values.zone }}a: {{ tpl $value $ | quote }}{{ end }}",
        "{{- with .Values.zone }}{{- $_ := set $x $y (tpl . $) }}{{ end }}",
    ],
)
def test_a_value_that_is_evaluated(text: str) -> None:
    assert [flow.path for flow in evaluated({FILE: text})] == ["zone"]


def test_a_text_of_the_chart_may_be_evaluated() -> None:
    assert (
        evaluated({FILE: 'a: {{ tpl (.Files.Get "x") . | quote }}{{ .Values.zone | quote }}'}) == []
    )


def test_a_template_that_is_not_closed() -> None:
    assert open_values({FILE: "a: {{ .Values.zone"}) == []
    assert open_values({FILE: "{{ end }}{{ end }}\na: {{ .Values.zone }}"})[0].path == "zone"
