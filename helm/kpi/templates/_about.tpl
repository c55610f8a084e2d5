{{/* What the library needs to know of this service. */}}
{{- define "kpi.about" -}}
module: ioc_kpi
protocol: grpc
port: 50051
callers: [gateway]
peers: [ingest]
needs: [postgres, nats, identity]
# The service refuses to start without it, to migrate too.
migrationSecrets: [clientSecret]
environment:
  IOC_GRPC_LISTEN: 0.0.0.0:50051
  IOC_INGEST_ADDRESS: {{ include "ioc-lib.peer" (list . "ingest") }}
{{- end }}
