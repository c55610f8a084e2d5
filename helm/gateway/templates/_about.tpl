{{/* What the library needs to know of this service. */}}
{{- define "gateway.about" -}}
module: ioc_gateway
protocol: http
port: 8080
callers: []
peers: [registry, ingest, kpi, alerts, soc-bridge]
needs: [nats, identity]
{{- if .Values.door.enabled }}
ingress:
  host: {{ (urlParse .Values.global.publicUrl).hostname }}
{{- end }}
environment:
  IOC_HTTP_LISTEN: 0.0.0.0:8080
  IOC_PUBLIC_URL: {{ .Values.global.publicUrl }}
  IOC_REGISTRY_ADDRESS: {{ include "ioc-lib.peer" (list . "registry") }}
  IOC_INGEST_ADDRESS: {{ include "ioc-lib.peer" (list . "ingest") }}
  IOC_KPI_ADDRESS: {{ include "ioc-lib.peer" (list . "kpi") }}
  IOC_ALERTS_ADDRESS: {{ include "ioc-lib.peer" (list . "alerts") }}
  IOC_SOC_ADDRESS: {{ include "ioc-lib.peer" (list . "soc-bridge") }}
{{- end }}
