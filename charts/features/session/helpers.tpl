{{/* The user's home directory. */}}
{{- define "chart.home" -}}
{{- $user := .Values.environment.user -}}
/home/{{ $user }}
{{- end -}}

{{/* Where the user works. */}}
{{- define "chart.workDirectory" -}}
{{ include "chart.home" . }}/work
{{- end -}}

{{/* Where the service starts. */}}
{{- define "chart.folder" -}}
{{ include "chart.workDirectory" . }}
{{- end -}}

{{/* What a volume keeps. */}}
{{- define "chart.keptFolder" -}}
{{ include "chart.workDirectory" . }}
{{- end -}}
