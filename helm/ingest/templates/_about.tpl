{{/* What the library needs to know of this service. */}}
{{- define "ingest.about" -}}
module: ioc_ingest
protocol: grpc
port: 50051
callers: [gateway, kpi]
peers: []
needs: [postgres, nats, mqtt, identity]
{{- if .Values.door.enabled }}
ingress:
  host: {{ .Values.door.host }}
{{- end }}
environment:
  IOC_GRPC_LISTEN: 0.0.0.0:50051
{{- end }}
