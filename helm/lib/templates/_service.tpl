{{/* The address inside the cluster. */}}
{{- define "ioc-lib.service" -}}
{{- $about := include "ioc-lib.about" . | fromYaml -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "ioc-lib.name" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "ioc-lib.labels" (list . "service") | nindent 4 }}
spec:
  type: ClusterIP
  selector:
    {{- include "ioc-lib.selector" (list . "service") | nindent 4 }}
  ports:
    - name: {{ $about.protocol }}
      port: {{ $about.port }}
      targetPort: {{ $about.protocol }}
      # Tells an ingress controller to speak HTTP/2 without TLS to a gRPC port.
      appProtocol: {{ ternary "kubernetes.io/h2c" "http" (eq $about.protocol "grpc") }}
{{- end }}

{{/* An identity without rights and without a token: for image pulls and for policies that go by account. */}}
{{- define "ioc-lib.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "ioc-lib.name" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "ioc-lib.labels" (list . "service") | nindent 4 }}
automountServiceAccountToken: false
{{- end }}
