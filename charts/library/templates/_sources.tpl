{{/*
Sources of what a container is given. `secrets`, `configs` and `files` of the slots are lists of
{part, template, name}: `template` writes the data, and nothing where there is none; `name` may be
empty. Secrets and configs are its environment; `files`, which has `folders` too, are files in each
of these. The object, what the container reads it by, and the annotation that restarts the pod when
the data change, all come from that one list. The annotation has a checksum of a ConfigMap, and of a
Secret the revision of the release that last changed it: from a checksum a secret can be guessed.
*/}}

{{/* The name of a source. In: root, source. */}}
{{- define "onyxia-library.sourceName" -}}
{{- default (printf "%s-%s" (include "onyxia-library.fullname" .root) .source.part) .source.name | trunc 63 -}}
{{- end -}}

{{/* The objects. In: root, slots. */}}
{{- define "onyxia-library.sources" -}}
{{- $root := .root -}}
{{- range $source := concat (.slots.secrets | default list) (.slots.files | default list) }}
{{- with include $source.template $root | trim }}
---
{{ include "onyxia-library.head" (dict "root" $root "apiVersion" "v1" "kind" "Secret" "name" (include "onyxia-library.sourceName" (dict "root" $root "source" $source))) }}
  annotations:
    onyxia-library/revision: {{ include "onyxia-library.revision" (dict "root" $root "source" $source "text" .) | quote }}
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
{{- $lines = append $lines (printf "- %s:\n    name: %s" $kind (include "onyxia-library.sourceName" (dict "root" $root "source" $source) | quote)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}

{{/*
The revision of the release that last changed a Secret: this one, unless the cluster has the same
data already. In: root, source, text (its data, as YAML).
*/}}
{{- define "onyxia-library.revision" -}}
{{- $name := include "onyxia-library.sourceName" . -}}
{{- $held := lookup "v1" "Secret" .root.Release.Namespace $name | default dict -}}
{{- $data := get $held "data" | default dict -}}
{{- $annotations := get (get $held "metadata" | default dict) "annotations" | default dict -}}
{{- $revision := get $annotations "onyxia-library/revision" -}}
{{- range $key, $text := fromYaml .text -}}
{{- if ne (get $data $key) (toString $text | b64enc) -}}
{{- $revision = "" -}}
{{- end -}}
{{- end -}}
{{- $revision | default (toString .root.Release.Revision) -}}
{{- end -}}

{{/* What changes with each source, as annotations of the pod. In: root, slots. */}}
{{- define "onyxia-library.checksums" -}}
{{- $root := .root -}}
{{- $lines := list -}}
{{- range $source := .slots.configs -}}
{{- with include $source.template $root | trim -}}
{{- $lines = append $lines (printf "checksum/%s: %s" $source.part (sha256sum . | quote)) -}}
{{- end -}}
{{- end -}}
{{- range $source := concat (.slots.secrets | default list) (.slots.files | default list) -}}
{{- with include $source.template $root | trim -}}
{{- $lines = append $lines (printf "revision/%s: %s" $source.part (include "onyxia-library.revision" (dict "root" $root "source" $source "text" .) | quote)) -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}

{{/* The volumes of files. In: root, slots. */}}
{{- define "onyxia-library.fileVolumes" -}}
{{- $root := .root -}}
{{- $lines := list -}}
{{- range $source := .slots.files -}}
{{- if include $source.template $root | trim -}}
{{- $lines = append $lines (printf "- name: %s\n  secret:\n    secretName: %s" $source.part (include "onyxia-library.sourceName" (dict "root" $root "source" $source) | quote)) -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}

{{/* Where the container has these files; what else is in the folders stays. In: root, slots. */}}
{{- define "onyxia-library.fileMounts" -}}
{{- $root := .root -}}
{{- $lines := list -}}
{{- range $source := .slots.files -}}
{{- range $name, $_ := include $source.template $root | fromYaml -}}
{{- range $folder := $source.folders -}}
{{- $lines = append $lines (printf "- name: %s\n  mountPath: %s\n  subPath: %s\n  readOnly: true" $source.part (printf "%s/%s" $folder $name | quote) (quote $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "\n" $lines -}}
{{- end -}}
