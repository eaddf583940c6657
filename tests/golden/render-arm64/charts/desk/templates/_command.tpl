{{/* The command of the service, after the program that prepares the session. */}}
{{- define "desk.command" -}}
- "desk"
- "--open"
{{- end -}}

{{/* A path that answers as soon as the service is up, without a password. */}}
{{- define "desk.healthPath" -}}/{{- end -}}
