{{/*
Names and labels. Every template of the library takes the root context of the chart that uses it,
as `.` here, and as `root` in a dict where there is more to say.
*/}}

{{/* The name of the chart, or what `nameOverride` says. */}}
{{- define "onyxia-library.name" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/*
The name of the service: the release, with the chart's name unless the release has it. Pods are named
after it, with a hash of eleven characters in a label, which holds 63. A service that has a longer
name keeps it.
*/}}
{{- define "onyxia-library.fullname" -}}
{{- $name := include "onyxia-library.name" . -}}
{{- $release := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $full := .Values.fullnameOverride | default $release -}}
{{- $longer := $full | trunc 53 | trimSuffix "-" -}}
{{- $longest := 52 -}}
{{- if and (gt (len $longer) $longest) (lookup "apps/v1" "StatefulSet" .Release.Namespace $longer) -}}
{{- $longest = 53 -}}
{{- end -}}
{{- $full | trunc $longest | trimSuffix "-" -}}
{{- end -}}

{{/* What selects the pods of the service; these never change in the life of a release. */}}
{{- define "onyxia-library.selectorLabels" -}}
app.kubernetes.io/name: {{ include "onyxia-library.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* The labels of every object. */}}
{{- define "onyxia-library.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
{{ include "onyxia-library.selectorLabels" . }}
{{- with .Chart.AppVersion }}
app.kubernetes.io/version: {{ . | trunc 63 | quote }}
{{- end }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{/* The head of an object. In: root, kind, apiVersion, name. */}}
{{- define "onyxia-library.head" -}}
apiVersion: {{ .apiVersion }}
kind: {{ .kind }}
metadata:
  name: {{ .name | quote }}
  labels:
    {{- include "onyxia-library.labels" .root | nindent 4 }}
{{- end -}}
