{{/* What the pod and its surroundings are made of: the templates for each slot. */}}
{{- define "clock.slots" -}}
container:
  - clock.core.container
command:
  - clock.command
ports:
  - clock.core.ports
secrets:
  - part: alarm
    template: clock.alarm.secret
    name: {{ .Values.alarm.secretName | quote }}
{{- end -}}
