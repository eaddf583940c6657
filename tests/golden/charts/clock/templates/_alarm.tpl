{{/* The alarm. */}}

{{- define "clock.alarm.secret" -}}
{{- $alarm := .Values.alarm }}
{{- if $alarm.enabled }}
TOKEN: {{ $alarm.token | quote }}
{{- end }}
{{- end -}}
