{{/* What every pod is held to; no value loosens it. */}}
{{- define "ioc-lib.podSecurity" -}}
automountServiceAccountToken: false
# Without this a Service named ioc-registry would put IOC_REGISTRY_PORT and more of the kind into the settings.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.global.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{/* What every container is held to; no value loosens it. */}}
{{- define "ioc-lib.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  privileged: false
  capabilities:
    drop: [ALL]
{{- end }}

{{/* The only folder that can be written; uploads are spooled there. */}}
{{- define "ioc-lib.scratch" -}}
volumes:
  - name: scratch
    emptyDir:
      sizeLimit: 512Mi
{{- end }}

{{- define "ioc-lib.scratchMount" -}}
volumeMounts:
  - name: scratch
    mountPath: /tmp
{{- end }}

{{/* Startup gives a Python process time to import; liveness is patient, since a restart loses work in flight. */}}
{{- define "ioc-lib.probes" -}}
{{- $isGrpc := eq .protocol "grpc" -}}
{{- $alive := ternary (dict "grpc" (dict "port" .port)) (dict "httpGet" (dict "path" "/healthz" "port" "http")) $isGrpc -}}
{{- $ready := ternary (dict "grpc" (dict "port" .port)) (dict "httpGet" (dict "path" "/readyz" "port" "http")) $isGrpc -}}
startupProbe:
  {{- toYaml $alive | nindent 2 }}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 60
readinessProbe:
  {{- toYaml $ready | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  {{- toYaml $alive | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}

{{/* Where pods may run and how they spread. */}}
{{- define "ioc-lib.placement" -}}
{{- $selector := include "ioc-lib.selector" (list . "service") -}}
{{- with .Values.spread.topologyKeys }}
topologySpreadConstraints:
  {{- range . }}
  - maxSkew: 1
    topologyKey: {{ . | quote }}
    whenUnsatisfiable: {{ $.Values.spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- $selector | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- with .Values.placement.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.placement.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.placement.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end }}
