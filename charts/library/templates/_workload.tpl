{{/*
The pod and the StatefulSet around it. In: root, slots.

Slots of the pod: annotations, scheduling, security, init, containers, volumes.
Slots of its main container: container (image and the like), command, env, secrets, configs and files
(see _sources.tpl), ports, probes, resources, privileges, mounts.
Slots of the StatefulSet: replicas.
*/}}

{{- define "onyxia-library.statefulset" -}}
{{ include "onyxia-library.head" (dict "root" .root "apiVersion" "apps/v1" "kind" "StatefulSet" "name" (include "onyxia-library.fullname" .root)) }}
spec:
  {{- with include "onyxia-library.slot" (dict "root" .root "slots" .slots "slot" "replicas") }}
  replicas: {{ . | int }}
  {{- end }}
  serviceName: {{ include "onyxia-library.fullname" .root | quote }}
  selector:
    matchLabels:
      {{- include "onyxia-library.selectorLabels" .root | nindent 6 }}
  template:
    {{- include "onyxia-library.pod" . | nindent 4 }}
{{- end -}}

{{- define "onyxia-library.pod" -}}
{{- $at := dict "root" .root "slots" .slots -}}
metadata:
  labels:
    {{- include "onyxia-library.selectorLabels" .root | nindent 4 }}
  {{- $checksums := include "onyxia-library.checksums" . -}}
  {{- $annotations := include "onyxia-library.slot" (merge (dict "slot" "annotations") $at) -}}
  {{- if or $checksums $annotations }}
  annotations:
    {{- with $checksums }}{{ . | nindent 4 }}{{ end }}
    {{- with $annotations }}{{ . | nindent 4 }}{{ end }}
  {{- end }}
spec:
  {{- with include "onyxia-library.slot" (merge (dict "slot" "security") $at) }}{{ . | nindent 2 }}{{ end }}
  {{- with include "onyxia-library.slot" (merge (dict "slot" "scheduling") $at) }}{{ . | nindent 2 }}{{ end }}
  {{- with include "onyxia-library.block" (merge (dict "slot" "init" "key" "initContainers") $at) }}{{ . | nindent 2 }}{{ end }}
  containers:
    - name: {{ include "onyxia-library.name" .root | quote }}
      {{- include "onyxia-library.container" . | nindent 6 }}
    {{- with include "onyxia-library.slot" (merge (dict "slot" "containers") $at) }}{{ . | nindent 4 }}{{ end }}
  {{- $volumes := dict "slot" "volumes" "key" "volumes" "more" (include "onyxia-library.fileVolumes" .) -}}
  {{- with include "onyxia-library.blockWith" (merge $volumes $at) }}{{ . | nindent 2 }}{{ end }}
{{- end -}}

{{- define "onyxia-library.container" -}}
{{- $root := .root -}}
{{- $slots := .slots -}}
{{- $texts := list (include "onyxia-library.slot" (dict "root" $root "slots" $slots "slot" "container")) -}}
{{- range $slot, $key := dict "command" "command" "privileges" "securityContext" "env" "env" "ports" "ports" "resources" "resources" -}}
{{- $texts = append $texts (include "onyxia-library.block" (dict "root" $root "slots" $slots "slot" $slot "key" $key)) -}}
{{- end -}}
{{- $texts = append $texts (include "onyxia-library.blockWith" (dict "root" $root "slots" $slots "slot" "mounts" "key" "volumeMounts" "more" (include "onyxia-library.fileMounts" .))) -}}
{{- with include "onyxia-library.envFrom" . -}}
{{- $texts = append $texts (printf "envFrom:\n%s" (indent 2 .)) -}}
{{- end -}}
{{- $texts = append $texts (include "onyxia-library.slot" (dict "root" $root "slots" $slots "slot" "probes")) -}}
{{- join "\n" (without $texts "") -}}
{{- end -}}
