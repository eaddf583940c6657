{{/* What the pod and its surroundings are made of: the templates for each slot. */}}
{{- define "desk.slots" -}}
command:
  - desk.command
{{- end -}}
