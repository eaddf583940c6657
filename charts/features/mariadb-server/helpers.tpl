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

{{/* What others are told. The passwords of the user and of root, under the names of the official chart. */}}
{{- define "chart.discovery" -}}
service: mariadb
ports: [mariadb-port]
entries:
  {{- include "onyxia-library.entries" (dict
      "mariadb-service" (include "onyxia-library.fullname" .)
      "mariadb-port" (.Values.networking.service.port | int)
      "mariadb-database" .Values.mariadb.database
      "mariadb-username" .Values.mariadb.username
      "mariadb-password" (include "chart.password" .)
      "password" (include "chart.password" .)) | nindent 2 }}
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
