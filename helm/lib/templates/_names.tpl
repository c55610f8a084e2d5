{{/*
What the chart says of its service: its own `<chart>.about`, read as YAML. Charts of one release share the names of all
templates, therefore each `about` bears its chart's name.
*/}}
{{- define "ioc-lib.about" -}}
{{- $about := include (printf "%s.about" .Chart.Name) . -}}
{{- with get (fromYaml $about) "Error" }}{{ fail (printf "%s.about is not YAML: %s" $.Chart.Name .) }}{{ end -}}
{{- $about -}}
{{- end }}

{{/* The service's name in the cluster, e.g. ioc-registry: by the installation, not the release, so that peers find it. */}}
{{- define "ioc-lib.name" -}}
{{- printf "%s-%s" .Values.global.prefix .Chart.Name -}}
{{- end }}

{{/* Where a peer's gRPC port is: (list $ "registry"). */}}
{{- define "ioc-lib.peer" -}}
{{- $root := first . -}}
{{- printf "%s-%s.%s.svc:50051" $root.Values.global.prefix (last .) $root.Release.Namespace -}}
{{- end }}

{{/* Labels that select the pods of a component: (list $ "service"). */}}
{{- define "ioc-lib.selector" -}}
{{- $root := first . -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/part-of: {{ $root.Values.global.prefix }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{/* Labels of pods: no version of the chart, so that a new one does not restart what did not change. */}}
{{- define "ioc-lib.podLabels" -}}
{{ include "ioc-lib.selector" . }}
app.kubernetes.io/version: {{ (first .).Chart.AppVersion | quote }}
{{- end }}

{{/* All labels of an object of a component: (list $ "service"). */}}
{{- define "ioc-lib.labels" -}}
{{- $root := first . -}}
{{ include "ioc-lib.selector" . }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The image; a digest wins over the tag, for a tag can be moved. */}}
{{- define "ioc-lib.image" -}}
{{- $image := .Values.image -}}
{{- with .Values.global.image.registry }}{{ printf "%s/" . }}{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end -}}
{{- end }}
