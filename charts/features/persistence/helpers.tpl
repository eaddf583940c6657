{{/* The link in a volume to the folder that is the work directory. A container that starts follows it. */}}
{{- define "chart.volumeLink" -}}
.onyxia-work-directory
{{- end -}}

{{/* Whether a program looks at what the volume is. One that nobody can write to has no place for the link. */}}
{{- define "chart.looksAtVolume" -}}
{{- if and .Values.persistence.enabled (eq .Values.persistence.layout "auto") (ne .Values.persistence.accessMode "ReadOnlyMany") -}}
true
{{- end -}}
{{- end -}}

{{/* The folder of the volume that is mounted; "" is all of it. */}}
{{- define "chart.keptPart" -}}
{{- if include "chart.looksAtVolume" . -}}
{{- include "chart.volumeLink" . -}}
{{- else if and .Values.persistence.enabled (eq .Values.persistence.layout "work") -}}
work
{{- end -}}
{{- end -}}
