{{/* The core. */}}

{{- define "clock.image" -}}{{ .Values.image.version }}{{- end -}}

{{- define "clock.core.container" -}}
image: {{ include "clock.image" . | quote }}
{{- end -}}

{{- define "clock.core.ports" -}}
- containerPort: {{ .Values.image.port | int }}
{{- end -}}
