{{/* The command of the service, after the program that prepares the session. */}}
{{- define "clock.command" -}}
- "clock"
- "say \"hi\""
- {{ printf "--port=%v" (.Values.image.port | int) | quote }}
{{- end -}}

{{/* A path that answers as soon as the service is up, without a password. */}}
{{- define "clock.healthPath" -}}/now{{- end -}}
