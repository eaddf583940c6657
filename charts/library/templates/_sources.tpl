{{/*
Sources of environment variables. `secrets` and `configs` of the slots are lists of
{part, template, name}: `template` writes the data, and nothing where there is none; `name` may be
empty. The object, the reference of the container to it, and the checksum that restarts the pod
when the data change, all come from that one list.
*/}}

{{/* The name of a source. In: root, source. */}}
{{- define "onyxia-library.sourceName" -}}
{{- default (printf "%s-%s" (include "onyxia-library.fullname" .root) .source.part) .source.name | trunc 63 -}}
{{- end -}}

{{/* The objects. In: root, slots. */}}
{{- define "onyxia-library.sources" -}}
{{- $root := .root -}}
{{- range $source := .slots.secrets }}
{{- with include $source.template $root | trim }}
---
{{ include "onyxia-library.head" (dict "root" $root "apiVersion" "v1" "kind" "Secret" "name" (include "onyxia-library.sourceName" (dict "root" $root "source" $source))) }}
type: Opaque
stringData:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- range $source := .slots.configs }}
{{- with include $source.template $root | trim }}
---
{{ include "onyxia-library.head" (dict "root" $root "apiVersion" "v1" "kind" "ConfigMap" "name" (include "onyxia-library.sourceName" (dict "root" $root "source" $source))) }}
data:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* `envFrom` of the container. In: root, slots. */}}
{{- define "onyxia-library.envFrom" -}}
{{- $root := .root -}}
{{- $lines := list -}}
{{- range $kind, $sources := dict "configMapRef" .slots.configs "secretRef" .slots.secrets -}}
{{- range $source := $sources -}}
{{- if include $source.template $root | trim -}}
{{- $lines = append $lines (printf "- %s:\n    name: %s" $kind (include "onyxia-library.sourceName" (dict "root" $root "source" $source))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}

{{/* A checksum of each source, as annotations of the pod. In: root, slots. */}}
{{- define "onyxia-library.checksums" -}}
{{- $root := .root -}}
{{- $lines := list -}}
{{- range $source := concat (.slots.configs | default list) (.slots.secrets | default list) -}}
{{- with include $source.template $root | trim -}}
{{- $lines = append $lines (printf "checksum/%s: %s" $source.part (sha256sum . | quote)) -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}
