{{/*
Services find one another by Secrets with the annotation `onyxia/discovery`, which says what a
service is. Without a cluster there are none.

Texts with holes say what is made of them. `{key}` is what the Secret holds under a key, `{key:url}`
the same for a place in a URL, `{key:scheme}` https where it is `true` and http where it is not,
`{key:all}` that of all Secrets of the same service, with commas, and `{key>other}` what the Secret
that it names holds under another key. `{@name}` is what the chart says of itself. A list has such
texts, of which the first is taken that has no empty hole.
*/}}

{{/* What all services of the namespace published, as JSON: {service: [{name, data}]}. In: root. */}}
{{- define "onyxia-library.published" -}}
{{- if not (hasKey .root "publishedServices") -}}
{{- $services := dict -}}
{{- range $secret := (lookup "v1" "Secret" .root.Release.Namespace "").items -}}
{{- $service := get ($secret.metadata.annotations | default dict) "onyxia/discovery" -}}
{{- if $service -}}
{{- $data := dict -}}
{{- range $key, $value := $secret.data -}}
{{- $text := toString $value -}}
{{- if not (and (hasSuffix "port" (lower $key)) (regexMatch "^[0-9]{1,5}$" $text)) -}}{{/* a port may stand there as it is */}}
{{- $text = b64dec $text -}}
{{- end -}}
{{- if not (hasPrefix ".Values." $text) -}}{{/* what some charts write where they have no value */}}
{{- $_ := set $data $key $text -}}
{{- end -}}
{{- end -}}
{{- $_ := set $services $service (append (get $services $service | default list) (dict "name" $secret.metadata.name "data" $data)) -}}
{{- end -}}
{{- end -}}
{{- $_ := set .root "publishedServices" (toJson $services) -}}
{{- end -}}
{{- get .root "publishedServices" -}}
{{- end -}}

{{/* The data of the first Secret of a service, as JSON: {key: value}. In: root, service. */}}
{{- define "onyxia-library.discovered" -}}
{{- $secrets := get (include "onyxia-library.published" . | fromJson) .service | default list -}}
{{- $first := first $secrets | default dict -}}
{{- toJson (get $first "data" | default dict) -}}
{{- end -}}

{{/*
What a service is told of another, as JSON: {secret, files, lacking}. In: root, service (a row of
services.yaml), isOn, own. It is taken from the first Secret that has all keys that the row needs;
`lacking` has the names of the others, with what they lack, where there is none.
*/}}
{{- define "onyxia-library.connection" -}}
{{- $secrets := list -}}
{{- if .isOn -}}
{{- $secrets = get (include "onyxia-library.published" . | fromJson) .service.service | default list -}}
{{- end -}}
{{- $about := dict "title" .service.title -}}
{{- $data := dict -}}
{{- $lacking := dict -}}
{{- range $secret := $secrets -}}
{{- $lacks := list -}}
{{- range $key := $.service.needs -}}
{{- if not (get $secret.data $key) -}}
{{- $lacks = append $lacks $key -}}
{{- end -}}
{{- end -}}
{{- if $lacks -}}
{{- $_ := set $lacking $secret.name (join ", " $lacks) -}}
{{- else if not $data -}}
{{- $data = $secret.data -}}
{{- end -}}
{{- end -}}
{{- if $data -}}
{{- $same := list -}}
{{- $need := first .service.needs -}}
{{- range $secret := $secrets -}}
{{- if eq (get $secret.data $need) (get $data $need) -}}
{{- $same = append $same $secret.data -}}
{{- end -}}
{{- end -}}
{{- $here := dict "root" .root "data" $data "same" $same "own" .own -}}
{{- $_ := set $about "secret" (include "onyxia-library.texts" (set $here "texts" .service.variables) | fromJson) -}}
{{- with .service.file -}}
{{- $entries := include "onyxia-library.texts" (set $here "texts" .entries) | fromJson -}}
{{- $text := include (printf "onyxia-library.file.%s" .format) $entries -}}
{{- $_ := set $about "files" (dict .name $text) -}}
{{- end -}}
{{- else -}}
{{- $_ := set $about "lacking" $lacking -}}
{{- end -}}
{{- toJson $about -}}
{{- end -}}

{{/* The note about Secrets of a service that say too little. In: a connection, as JSON. */}}
{{- define "onyxia-library.connectionNote" -}}
{{- $about := fromJson . -}}
{{- range $secret, $keys := $about.lacking }}
No connection to {{ $about.title }}: the Secret `{{ $secret }}`, by which it is found, lacks {{ $keys }}.
{{ end }}
{{- end -}}

{{/* Lists of texts, filled, as JSON; what has a hole without a value is left out. In: root, data, same, own, texts. */}}
{{- define "onyxia-library.texts" -}}
{{- $here := . -}}
{{- $filled := dict -}}
{{- range $name, $texts := .texts -}}
{{- range $text := kindIs "string" $texts | ternary (list $texts) $texts -}}
{{- if not (get $filled $name) -}}
{{- $_ := set $filled $name (include "onyxia-library.text" (set $here "text" $text)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $filled -}}
{{- end -}}

{{/* A text, filled; nothing where one of its holes is empty. In: root, data, same, own, text. */}}
{{- define "onyxia-library.text" -}}
{{- $here := . -}}
{{- $words := regexSplit "\\{[^{}]*\\}" .text -1 -}}
{{- $parts := list (first $words) -}}
{{- $isWhole := true -}}
{{- range $index, $hole := regexFindAll "\\{[^{}]*\\}" .text -1 -}}
{{- $value := include "onyxia-library.hole" (set $here "hole" ($hole | trimPrefix "{" | trimSuffix "}")) -}}
{{- $isWhole = and $isWhole (ne $value "") -}}
{{- $parts = concat $parts (list $value (index $words (int (add $index 1)))) -}}
{{- end -}}
{{- ternary (join "" $parts) "" $isWhole -}}
{{- end -}}

{{/* What a hole of a text is filled with. In: root, data, same, own, hole. */}}
{{- define "onyxia-library.hole" -}}
{{- $key := splitList ":" .hole | first -}}
{{- $way := trimPrefix $key .hole -}}
{{- $value := get .data $key | default "" -}}
{{- if hasPrefix "@" .hole -}}
{{- $value = get .own .hole | default "" -}}
{{- else if contains ">" .hole -}}
{{- $names := splitList ">" .hole -}}
{{- with get .data (first $names) -}}
{{- $value = include "onyxia-library.held" (dict "root" $.root "secret" . "key" (last $names)) -}}
{{- end -}}
{{- end -}}
{{- if eq $way ":url" -}}
{{- $value = $value | urlquery | replace "+" "%20" -}}
{{- else if and (eq $way ":scheme") $value -}}
{{- $value = ternary "https" "http" (eq $value "true") -}}
{{- else if eq $way ":all" -}}
{{- $all := list -}}
{{- range .same -}}
{{- $all = append $all (get . $key) -}}
{{- end -}}
{{- $value = $all | compact | uniq | join "," -}}
{{- end -}}
{{- $value -}}
{{- end -}}

{{/* Entries as a file of JSON. In: a mapping of texts. */}}
{{- define "onyxia-library.file.json" -}}
{{- toPrettyJson . -}}
{{- end -}}

{{/* The same as a configuration file of Hadoop. */}}
{{- define "onyxia-library.file.hadoop" -}}
<?xml version="1.0"?>
<configuration>
{{- range $key, $value := . }}
{{- if ne (toString $value) "" }}
  <property><name>{{ html $key }}</name><value>{{ html $value }}</value></property>
{{- end }}
{{- end }}
</configuration>
{{- end -}}

{{/* The same as an option file of MariaDB and MySQL, for what connects as a client. */}}
{{- define "onyxia-library.file.mysql" -}}
[client]
{{- range $key, $value := . }}
{{- if ne $value "" }}
{{ $key }}="{{ $value | replace "\\" "\\\\" | replace "\"" "\\\"" | replace "\n" "\\n" | replace "\r" "\\r" }}"
{{- end }}
{{- end }}
{{ end -}}

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

{{/* The same by a row of services.yaml: each key in texts of facts. In: root, service, keys, ports, facts. */}}
{{- define "onyxia-library.publishedFacts" -}}
{{- $facts := dict -}}
{{- range $name, $value := .facts -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $facts $name (toString $value) -}}
{{- end -}}
{{- end -}}
{{- $entries := include "onyxia-library.texts" (dict "root" .root "data" $facts "same" list "own" dict "texts" .keys) | fromJson -}}
{{- include "onyxia-library.discovery" (dict "root" .root "service" .service "entries" $entries "ports" .ports) -}}
{{- end -}}
