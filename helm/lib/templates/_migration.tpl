{{/*
Brings the service's schema to the newest revision before the new pods start, as the schema's owner. It takes a lock, so
a second one waits. `helm rollback` does not run it: the older code runs on the newer schema, which revisions must allow.
*/}}
{{- define "ioc-lib.migrationJob" -}}
{{- $about := include "ioc-lib.about" . | fromYaml -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "ioc-lib.name" . }}-migration
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "ioc-lib.labels" (list . "migration") | nindent 4 }}
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "0"
    # A failed one stays, so that its log can be read.
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: {{ .Values.migration.retries }}
  activeDeadlineSeconds: {{ .Values.migration.deadlineSeconds }}
  template:
    metadata:
      labels:
        {{- include "ioc-lib.podLabels" (list . "migration") | nindent 8 }}
    spec:
      # The namespace's default account: the service's own does not exist yet when this runs for the first time.
      serviceAccountName: default
      {{- include "ioc-lib.podSecurity" . | nindent 6 }}
      restartPolicy: Never
      containers:
        - name: migration
          image: {{ include "ioc-lib.image" . | quote }}
          imagePullPolicy: {{ .Values.global.image.pullPolicy }}
          command: [python, -m, {{ $about.module }}, migrate]
          {{- include "ioc-lib.containerSecurity" . | nindent 10 }}
          env:
            {{- include "ioc-lib.environment" (list . "migration") | nindent 12 }}
          resources:
            {{- toYaml .Values.migration.resources | nindent 12 }}
          {{- include "ioc-lib.scratchMount" . | nindent 10 }}
      {{- include "ioc-lib.scratch" . | nindent 6 }}
      {{- with .Values.placement.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.placement.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
