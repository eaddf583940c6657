{{/* Annotations of an Ingress. In: root, and own, a mapping that comes before the values. */}}
{{- define "chart.ingressAnnotations" -}}
{{- $own := .own -}}
{{- with .root -}}
{{- $annotations := dict -}}
{{- if kindIs "map" .Values.ingress.annotations -}}
{{- $annotations = deepCopy .Values.ingress.annotations -}}
{{- end -}}
{{- if .Values.security.allowlist.enabled -}}
{{- $_ := set $annotations "nginx.ingress.kubernetes.io/whitelist-source-range" .Values.security.allowlist.ip -}}
{{- end -}}
{{- if .Values.ingress.useCertManager -}}
{{- $_ := set $annotations "cert-manager.io/cluster-issuer" .Values.ingress.certManagerClusterIssuer -}}
{{- $_ := set $annotations "acme.cert-manager.io/http01-ingress-class" .Values.ingress.ingressClassName -}}
{{- end -}}
{{- include "onyxia-library.entries" (merge (dict) $own $annotations) -}}
{{- end -}}
{{- end -}}

{{/*
An Ingress. In: root, name, secret, path, rules (a list of host and port), and own, the
annotations that no other has.
*/}}
{{- define "chart.ingress" -}}
{{- $values := .root.Values.ingress -}}
{{- $path := .path -}}
{{- $service := include "onyxia-library.fullname" .root -}}
{{ include "onyxia-library.head" (dict "root" .root "apiVersion" "networking.k8s.io/v1" "kind" "Ingress" "name" .name) }}
  {{- with include "chart.ingressAnnotations" (dict "root" .root "own" (.own | default dict)) }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  {{- with $values.ingressClassName }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  {{- if $values.tls }}
  tls:
    - hosts:
        {{- range .rules }}
        - {{ .host | quote }}
        {{- end }}
      {{- if or $values.useCertManager $values.useTlsSecret }}
      secretName: {{ $values.tlsSecretName | default .secret | quote }}
      {{- end }}
  {{- end }}
  rules:
    {{- range .rules }}
    - host: {{ .host | quote }}
      http:
        paths:
          - path: {{ $path | quote }}
            pathType: Prefix
            backend:
              service:
                name: {{ $service | quote }}
                port:
                  number: {{ int .port }}
    {{- end }}
{{- end -}}
