{{/* The way in from outside through the cluster's ingress controller, with TLS always. `about.ingress` gives the host. */}}
{{- define "ioc-lib.ingress" -}}
{{- $about := include "ioc-lib.about" . | fromYaml -}}
{{- with $about.ingress -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "ioc-lib.name" $ }}
  namespace: {{ $.Release.Namespace }}
  labels:
    {{- include "ioc-lib.labels" (list $ "service") | nindent 4 }}
  {{- with $.Values.door.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with $.Values.door.className }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  tls:
    - hosts: [{{ .host | quote }}]
      secretName: {{ $.Values.door.tlsSecret | quote }}
  rules:
    - host: {{ .host | quote }}
      http:
        paths:
          - path: /
            pathType: Prefix
            backend:
              service:
                name: {{ include "ioc-lib.name" $ }}
                port:
                  name: {{ $about.protocol }}
{{- end }}
{{- end }}

{{/* A load balancer for plain TCP listeners, open to the named networks only. */}}
{{- define "ioc-lib.listenerService" -}}
{{- $about := include "ioc-lib.about" . | fromYaml -}}
{{- if $about.listeners -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "ioc-lib.name" . }}-door
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "ioc-lib.labels" (list . "service") | nindent 4 }}
  {{- with .Values.door.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: LoadBalancer
  # Keeps the sender's address, by which the network policy decides.
  externalTrafficPolicy: Local
  loadBalancerSourceRanges:
    {{- toYaml .Values.door.sources | nindent 4 }}
  selector:
    {{- include "ioc-lib.selector" (list . "service") | nindent 4 }}
  ports:
    {{- range $about.listeners }}
    - name: {{ .name | quote }}
      port: {{ .port }}
      targetPort: {{ .name | quote }}
    {{- end }}
{{- end }}
{{- end }}
