{{/* What the library needs to know of this service. */}}
{{- define "soc-bridge.about" -}}
{{- $bindings := list -}}
module: ioc_soc_bridge
protocol: grpc
port: 50051
callers: [gateway]
peers: []
needs: [postgres, nats, identity]
{{- if .Values.door.enabled }}
listeners:
  {{- range .Values.door.listeners }}
  - name: {{ .name }}
    port: {{ .port }}
    {{- $bindings = append $bindings (printf "0.0.0.0:%d=%s/%s" (int64 .port) .tenant .sensor) }}
  {{- end }}
{{- end }}
environment:
  IOC_GRPC_LISTEN: 0.0.0.0:50051
  IOC_SYSLOG_LISTEN: {{ join "," $bindings | quote }}
{{- end }}
