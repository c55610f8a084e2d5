{{/*
Network policies. What a policy does not name is denied; what it names is in the chart's `about` (callers, peers, needs),
and where the parts outside the charts are is in `global.network`. An empty list of peers would mean everybody, so the
schema refuses one.
*/}}

{{/* (list $ "postgres" 5432 ...): a rule to a part outside the charts. */}}
{{- define "ioc-lib.egressTo" -}}
{{- $part := get (first .).Values.global.network (index . 1) -}}
- to:
    {{- toYaml $part.peers | nindent 4 }}
  ports:
    {{- range slice . 2 }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
{{- end }}

{{- define "ioc-lib.egressToDns" -}}
{{- $dns := .Values.global.network.dns -}}
- to:
    {{- toYaml $dns.peers | nindent 4 }}
  ports:
    - protocol: UDP
      port: {{ $dns.port }}
    - protocol: TCP
      port: {{ $dns.port }}
{{- end }}

{{/* The pods of another service of this installation: (list $ "registry"). */}}
{{- define "ioc-lib.podsOf" -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ last . }}
      app.kubernetes.io/part-of: {{ (first .).Values.global.prefix }}
      app.kubernetes.io/component: service
{{- end }}

{{/* Who may reach a service's pods, and whom they may reach. */}}
{{- define "ioc-lib.networkPolicy" -}}
{{- $about := include "ioc-lib.about" . | fromYaml -}}
{{- $network := .Values.global.network -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "ioc-lib.name" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "ioc-lib.labels" (list . "service") | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "ioc-lib.selector" (list . "service") | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- range $about.callers }}
    - from:
        {{- include "ioc-lib.podsOf" (list $ .) | nindent 8 }}
      ports:
        - protocol: TCP
          port: {{ $about.port }}
    {{- end }}
    {{- if $about.ingress }}
    - from:
        {{- toYaml $network.ingress.peers | nindent 8 }}
      ports:
        - protocol: TCP
          port: {{ $about.port }}
    {{- end }}
    {{- if $about.listeners }}
    - from:
        {{- range .Values.door.sources }}
        - ipBlock:
            cidr: {{ . | quote }}
        {{- end }}
      ports:
        {{- range $about.listeners }}
        - protocol: TCP
          port: {{ .port }}
        {{- end }}
    {{- end }}
  egress:
    {{- include "ioc-lib.egressToDns" . | nindent 4 }}
    {{- if has "postgres" $about.needs }}
    {{- include "ioc-lib.egressTo" (list . "postgres" $network.postgres.port) | nindent 4 }}
    {{- end }}
    {{- if has "nats" $about.needs }}
    {{- include "ioc-lib.egressTo" (list . "nats" $network.nats.port) | nindent 4 }}
    {{- end }}
    {{- if has "mqtt" $about.needs }}
    {{- include "ioc-lib.egressTo" (list . "nats" $network.nats.mqttPort) | nindent 4 }}
    {{- end }}
    {{- if has "identity" $about.needs }}
    {{- include "ioc-lib.egressTo" (list . "identity" $network.identity.port) | nindent 4 }}
    {{- end }}
    {{- if .Values.global.telemetry.endpoint }}
    {{- include "ioc-lib.egressTo" (list . "telemetry" $network.telemetry.port) | nindent 4 }}
    {{- end }}
    {{- range $about.peers }}
    - to:
        {{- include "ioc-lib.podsOf" (list $ .) | nindent 8 }}
      ports:
        - protocol: TCP
          port: 50051
    {{- end }}
{{- end }}

{{/*
The migration's own policy: the database and names, nothing else. A hook, because it must stand before the Job does.
*/}}
{{- define "ioc-lib.migrationNetworkPolicy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "ioc-lib.name" . }}-migration
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "ioc-lib.labels" (list . "migration") | nindent 4 }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-10"
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  podSelector:
    matchLabels:
      {{- include "ioc-lib.selector" (list . "migration") | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- include "ioc-lib.egressToDns" . | nindent 4 }}
    {{- include "ioc-lib.egressTo" (list . "postgres" .Values.global.network.postgres.port) | nindent 4 }}
{{- end }}
