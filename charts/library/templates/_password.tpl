{{/*
A password that nobody has to give. It is the one of the values, else the one that the Secret of the
release holds, else one that is generated. Who renders without a cluster can keep none: then it is a
placeholder, with which no service starts. So is what everybody knows.
*/}}

{{/* The placeholder. The start scripts of the images know it. */}}
{{- define "onyxia-library.noPassword" -}}
NO-PASSWORD-WAS-GIVEN
{{- end -}}

{{/* What a Secret of the namespace holds under a key; nothing without a cluster. In: root, secret, key. */}}
{{- define "onyxia-library.held" -}}
{{- $secret := lookup "v1" "Secret" .root.Release.Namespace .secret | default dict -}}
{{- get (get $secret "data" | default dict) .key | default "" | b64dec -}}
{{- end -}}

{{/* The password. In: root, given, secret (the name of the release's own), key. */}}
{{- define "onyxia-library.password" -}}
{{- $none := include "onyxia-library.noPassword" . -}}
{{- $held := include "onyxia-library.held" . -}}
{{- if .given -}}
{{- .given -}}
{{- else if not (has $held (list "" $none "changeme" "changeme-changeme")) -}}
{{- $held -}}
{{- else if not (lookup "v1" "Secret" .root.Release.Namespace "") -}}
{{- $none -}}
{{- else -}}
{{- /* Every template of a release is to have the same one. */ -}}
{{- $made := get .root "passwords" | default dict -}}
{{- if not (hasKey $made .secret) -}}
{{- $_ := set $made .secret (randAlphaNum 24) -}}
{{- $_ := set .root "passwords" $made -}}
{{- end -}}
{{- get $made .secret -}}
{{- end -}}
{{- end -}}
