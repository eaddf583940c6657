{{/* Where the service starts. */}}
{{- define "chart.folder" -}}
/var/lib/kafka
{{- end -}}

{{/* What a volume keeps. */}}
{{- define "chart.keptFolder" -}}
/var/lib/kafka/data
{{- end -}}

{{/* How a cluster asks the service. A program of Kafka's would start a Java each time. */}}
{{- define "chart.probe" -}}
exec:
  command:
    - bash
    - -euc
    - ": > /dev/tcp/127.0.0.1/{{ .Values.networking.service.port | int }}"
{{- end -}}

{{/* What others are told. */}}
{{- define "chart.discovery" -}}
service: kafka
facts:
  username: {{ .Values.kafka.username | quote }}
  password: {{ include "chart.password" . | quote }}
{{- end -}}

{{/* What the test of the connection is told, by its environment. */}}
{{- define "chart.testVariables" -}}
{{ include "onyxia-library.variables" (dict
    "KAFKA_BOOTSTRAP_SERVERS" (printf "%s:%d" (include "onyxia-library.fullname" .) (.Values.networking.service.port | int))
    "KAFKA_USER" .Values.kafka.username) }}
- name: PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "chart.passwordSecret" . | quote }}
      key: PASSWORD
{{- end -}}
