{{/* The Deployment of a service. */}}
{{- define "ioc-lib.deployment" -}}
{{- $about := include "ioc-lib.about" . | fromYaml -}}
{{- $pauseSeconds := 5 -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "ioc-lib.name" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "ioc-lib.labels" (list . "service") | nindent 4 }}
spec:
  {{- if not .Values.autoscaling.enabled }}
  replicas: {{ .Values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      {{- include "ioc-lib.selector" (list . "service") | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "ioc-lib.podLabels" (list . "service") | nindent 8 }}
      {{- with .Values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      serviceAccountName: {{ include "ioc-lib.name" . }}
      {{- include "ioc-lib.podSecurity" . | nindent 6 }}
      # The pause, then the service's own drain, then what it closes after that (relay, consumers, connections).
      terminationGracePeriodSeconds: {{ add $pauseSeconds (ceil .Values.settings.drainSeconds | int64) 10 }}
      containers:
        - name: {{ .Chart.Name }}
          image: {{ include "ioc-lib.image" . | quote }}
          imagePullPolicy: {{ .Values.global.image.pullPolicy }}
          command: [python, -m, {{ $about.module }}]
          {{- include "ioc-lib.containerSecurity" . | nindent 10 }}
          env:
            {{- include "ioc-lib.environment" (list . "service") | nindent 12 }}
          ports:
            - name: {{ $about.protocol }}
              containerPort: {{ $about.port }}
            {{- range $about.listeners }}
            - name: {{ .name | quote }}
              containerPort: {{ .port }}
            {{- end }}
          {{- include "ioc-lib.probes" $about | nindent 10 }}
          lifecycle:
            preStop:
              # Proxies learn a moment late that the pod goes; until then it goes on answering.
              sleep:
                seconds: {{ $pauseSeconds }}
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
          {{- include "ioc-lib.scratchMount" . | nindent 10 }}
      {{- include "ioc-lib.scratch" . | nindent 6 }}
      {{- with include "ioc-lib.placement" . | trim }}
      {{- nindent 6 . }}
      {{- end }}
{{- end }}
