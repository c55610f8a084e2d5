{{/* What the library needs to know of this service. */}}
{{- define "alerts.about" -}}
module: ioc_alerts
protocol: grpc
port: 50051
callers: [gateway]
peers: []
needs: [postgres, nats, identity]
environment:
  IOC_GRPC_LISTEN: 0.0.0.0:50051
{{- end }}
