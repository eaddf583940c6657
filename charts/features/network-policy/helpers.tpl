{{/*
What no service connects to, as JSON: {"v4": [...], "v6": [...]}. Link-local addresses, the services of
clouds that hand out credentials of the node, and what the values deny.
*/}}
{{- define "chart.deniedNetworks" -}}
{{- $v4 := list "169.254.0.0/16" "100.100.100.200/32" "168.63.129.16/32" "192.0.0.192/32" -}}
{{- $v6 := list "fe80::/10" "fd00:ec2::/32" "fd20:ce::254/128" "64:ff9b::a9fe:0/112" -}}
{{- range .Values.security.networkPolicy.denied -}}
{{- if contains ":" . -}}
{{- $v6 = append $v6 . -}}
{{- else -}}
{{- $v4 = append $v4 . -}}
{{- end -}}
{{- end -}}
{{- dict "v4" (uniq $v4) "v6" (uniq $v6) | toJson -}}
{{- end -}}

{{/* Where the service may connect to: DNS and its namespace, and the rules of the values or all but what is denied. */}}
{{- define "chart.egress" -}}
{{- /* What answers for DNS on the node itself has a link-local address. */ -}}
- to:
    - ipBlock:
        cidr: 169.254.20.10/32
  ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
{{- with .Values.security.networkPolicy.egress }}
- to:
    - namespaceSelector: {}
  ports:
    - protocol: UDP
      port: 53
    - protocol: TCP
      port: 53
- to:
    - podSelector: {}
{{ toYaml . }}
{{- else }}
{{- $denied := include "chart.deniedNetworks" . | fromJson }}
{{- /* Some clusters take pods for no part of a network. */}}
- to:
    - namespaceSelector: {}
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          {{- toYaml $denied.v4 | nindent 10 }}
    - ipBlock:
        cidr: ::/0
        except:
          {{- toYaml $denied.v6 | nindent 10 }}
{{- end }}
{{- end -}}
