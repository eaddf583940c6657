{{/* Where the service starts. */}}
{{- define "chart.folder" -}}
/var/lib/mariadb
{{- end -}}

{{/* What a volume keeps. */}}
{{- define "chart.keptFolder" -}}
/var/lib/mariadb/data
{{- end -}}

{{/* How a cluster asks the service: without a password, which it needs for no more than to answer. */}}
{{- define "chart.probe" -}}
exec:
  command:
    - mariadb-admin
    - --no-defaults
    - --skip-ssl
    - --host=127.0.0.1
    - --port={{ .Values.networking.service.port | int }}
    - ping
{{- end -}}

{{/* What others are told. The user and root have the same password. */}}
{{- define "chart.discovery" -}}
service: mariadb
facts:
  database: {{ .Values.mariadb.database | quote }}
  username: {{ .Values.mariadb.username | quote }}
  password: {{ include "chart.password" . | quote }}
{{- end -}}

{{/* What the test of the connection is told, by its environment. */}}
{{- define "chart.testVariables" -}}
{{ include "onyxia-library.variables" (dict
    "MYSQL_HOST" (include "onyxia-library.fullname" .)
    "MYSQL_TCP_PORT" (.Values.networking.service.port | int)
    "DATABASE_USER" .Values.mariadb.username
    "DATABASE_NAME" .Values.mariadb.database) }}
- name: MYSQL_PWD
  valueFrom:
    secretKeyRef:
      name: {{ include "chart.passwordSecret" . | quote }}
      key: PASSWORD
{{- end -}}
