{{/* Where the service starts. */}}
{{- define "chart.folder" -}}
/var/lib/postgresql
{{- end -}}

{{/* What a volume keeps. */}}
{{- define "chart.keptFolder" -}}
/var/lib/postgresql/data
{{- end -}}

{{/* How a cluster asks the service. */}}
{{- define "chart.probe" -}}
exec:
  command:
    - pg_isready
    - --quiet
    - --host=127.0.0.1
    - --port={{ .Values.networking.service.port | int }}
{{- end -}}

{{/* The name of the Secret that holds the password of the superuser; nothing where the user is that one. */}}
{{- define "chart.superuserSecret" -}}
{{- if ne .Values.postgresql.username "postgres" -}}
{{- $own := include "onyxia-library.sourceName" (dict "root" . "source" (dict "part" "postgresql-server" "name" "")) -}}
{{- .Values.security.existingSecret | default $own -}}
{{- end -}}
{{- end -}}

{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: postgres
facts:
  database: {{ .Values.postgresql.database | quote }}
  username: {{ .Values.postgresql.username | quote }}
  password: {{ include "chart.password" . | quote }}
{{- end -}}

{{/* What the test of the connection is told, by its environment. */}}
{{- define "chart.testVariables" -}}
{{ include "onyxia-library.variables" (dict
    "PGHOST" (include "onyxia-library.fullname" .)
    "PGPORT" (.Values.networking.service.port | int)
    "PGUSER" .Values.postgresql.username
    "PGDATABASE" .Values.postgresql.database) }}
- name: PGPASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "chart.passwordSecret" . | quote }}
      key: PASSWORD
{{- end -}}
