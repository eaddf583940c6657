{{/* What the restricted profile of Pod Security asks of a container. */}}
{{- define "onyxia-library.privileges" -}}
allowPrivilegeEscalation: false
capabilities:
  drop:
    - ALL
{{- end -}}

{{/* What a container is given that prepares a service or tests it. */}}
{{- define "onyxia-library.helperResources" -}}
requests:
  cpu: 10m
  memory: 32Mi
  ephemeral-storage: 16Mi
limits:
  cpu: "1"
  memory: 256Mi
  ephemeral-storage: 64Mi
{{- end -}}
