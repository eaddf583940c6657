{{/*
Services find one another by Secrets with the annotation `onyxia/discovery`, which says what a
service is. Without a cluster there are none.
*/}}

{{/* The data of the first Secret of a service, as JSON: {key: value}. In: root, service. */}}
{{- define "onyxia-library.discovered" -}}
{{- $service := .service -}}
{{- $found := dict -}}
{{- range (lookup "v1" "Secret" .root.Release.Namespace "").items -}}
{{- if and (not $found) (eq $service (get (.metadata.annotations | default dict) "onyxia/discovery")) -}}
{{- range $key, $value := .data -}}
{{- $text := include "onyxia-library.decoded" $value -}}
{{- if not (hasPrefix ".Values." $text) -}}{{/* what some charts write where they have no value */}}
{{- $_ := set $found $key $text -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{/* A value of such a Secret. Some charts write a port there as it is, which no base64 is. */}}
{{- define "onyxia-library.decoded" -}}
{{- if regexMatch "^[0-9]{1,5}$" (toString .) -}}
{{- . -}}
{{- else -}}
{{- b64dec . -}}
{{- end -}}
{{- end -}}

{{/*
What a service publishes of itself. In: root, service, entries (a mapping), ports (keys of entries).

Other charts read these ports as they stand in the Secret, without decoding them. Four digits can stand
there so, as they are base64 too.
*/}}
{{- define "onyxia-library.discovery" -}}
{{- $texts := deepCopy .entries -}}
{{- $asTheyAre := dict -}}
{{- range .ports | default list -}}
{{- if regexMatch "^[0-9]{4}$" (get $texts . | toString) -}}
{{- $_ := set $asTheyAre . (get $texts .) -}}
{{- $_ := unset $texts . -}}
{{- end -}}
{{- end -}}
{{- $name := printf "%s-discovery" (include "onyxia-library.fullname" .root) -}}
{{ include "onyxia-library.head" (dict "root" .root "apiVersion" "v1" "kind" "Secret" "name" $name) }}
  annotations:
    onyxia/discovery: {{ .service | quote }}
type: Opaque
{{- with include "onyxia-library.entries" $asTheyAre }}
data:
  {{- . | nindent 2 }}
{{- end }}
stringData:
  {{- include "onyxia-library.entries" $texts | nindent 2 }}
{{- end -}}
