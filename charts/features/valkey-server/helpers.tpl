{{/* Where the service starts. */}}
{{- define "chart.folder" -}}
/var/lib/valkey
{{- end -}}

{{/* What a volume keeps. */}}
{{- define "chart.keptFolder" -}}
/var/lib/valkey/data
{{- end -}}

{{/* How a cluster asks the service: one that still reads its data answers with an error. */}}
{{- define "chart.probe" -}}
exec:
  command:
    - sh
    - -euc
    - REDISCLI_AUTH="$PASSWORD" exec valkey-cli -e -p {{ .Values.networking.service.port | int }} ping
{{- end -}}

{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: valkey
facts:
  password: {{ include "chart.password" . | quote }}
{{- end -}}

{{/* What the test of the connection is told, by its environment. */}}
{{- define "chart.testVariables" -}}
{{ include "onyxia-library.variables" (dict
    "SERVICE" (include "onyxia-library.fullname" .)
    "PORT" (.Values.networking.service.port | int)) }}
- name: REDISCLI_AUTH
  valueFrom:
    secretKeyRef:
      name: {{ include "chart.passwordSecret" . | quote }}
      key: PASSWORD
{{- end -}}
