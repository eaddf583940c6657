{{/* A Route. In: root, name, host, port. */}}
{{- define "chart.route" -}}
{{- $values := .root.Values.route -}}
{{ include "onyxia-library.head" (dict "root" .root "apiVersion" "route.openshift.io/v1" "kind" "Route" "name" .name) }}
  {{- if kindIs "map" $values.annotations }}
  annotations:
    {{- include "onyxia-library.entries" $values.annotations | nindent 4 }}
  {{- end }}
spec:
  host: {{ .host | quote }}
  to:
    kind: Service
    name: {{ include "onyxia-library.fullname" .root | quote }}
    weight: 100
  port:
    targetPort: {{ int .port }}
  tls:
    termination: {{ $values.tls.termination | quote }}
    insecureEdgeTerminationPolicy: Redirect
  wildcardPolicy: {{ $values.wildcardPolicy | quote }}
{{- end -}}
