{{/* The Service. In: root, slots. Slots: service (its ports), exposure (type and the like). */}}
{{- define "onyxia-library.service" -}}
{{- $at := dict "root" .root "slots" .slots -}}
{{ include "onyxia-library.head" (dict "root" .root "apiVersion" "v1" "kind" "Service" "name" (include "onyxia-library.fullname" .root)) }}
spec:
  {{- with include "onyxia-library.slot" (merge (dict "slot" "exposure") $at) }}{{ . | nindent 2 }}{{ end }}
  ports:
    {{- include "onyxia-library.slot" (merge (dict "slot" "service") $at) | nindent 4 }}
  selector:
    {{- include "onyxia-library.selectorLabels" .root | nindent 4 }}
{{- end -}}
