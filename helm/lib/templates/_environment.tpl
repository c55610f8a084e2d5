{{/*
The environment of a component's container: (list $ "service") or (list $ "migration").

Keys of `settings` and `secrets` become names by one rule, ratePerMinute -> IOC_RATE_PER_MINUTE. The migration gets the
database's secrets and those in `about.migrationSecrets`, and it alone gets the schema's owner. Secrets are never optional:
a pod without one must not start.
*/}}
{{- define "ioc-lib.environment" -}}
{{- $root := first . -}}
{{- $component := last . -}}
{{- $about := include "ioc-lib.about" $root | fromYaml -}}
{{- $global := $root.Values.global -}}
- name: IOC_ENVIRONMENT
  value: {{ $global.environment | quote }}
- name: IOC_LOG_LEVEL
  value: {{ $global.logLevel | quote }}
- name: IOC_PROVINCE_TENANT
  value: {{ $global.provinceTenant | quote }}
- name: IOC_OIDC_ISSUER
  value: {{ $global.oidc.issuer | quote }}
- name: IOC_OIDC_AUDIENCE
  value: {{ $global.oidc.audience | quote }}
- name: IOC_NATS_URL
  value: {{ $global.nats.url | quote }}
{{- with $global.telemetry.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- range $name, $value := $about.environment }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- range $key, $value := $root.Values.settings }}
- name: {{ include "ioc-lib.variable" $key }}
  value: {{ include "ioc-lib.text" $value | quote }}
{{- end }}
{{- range $key, $reference := $root.Values.secrets }}
{{- $isForMigration := or (hasSuffix "atabaseUrl" $key) (has $key (default list $about.migrationSecrets)) }}
{{- if ternary $isForMigration (ne $key "migrationDatabaseUrl") (eq $component "migration") }}
- name: {{ include "ioc-lib.variable" $key }}
  valueFrom:
    secretKeyRef:
      name: {{ $reference.name | quote }}
      key: {{ $reference.key | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* ratePerMinute -> IOC_RATE_PER_MINUTE */}}
{{- define "ioc-lib.variable" -}}
{{- printf "IOC_%s" (regexReplaceAll "([A-Z])" . "_${1}" | upper) -}}
{{- end }}

{{/* A value as text. Helm reads numbers as floats: without this 52428800 would become 5.24288e+07. */}}
{{- define "ioc-lib.text" -}}
{{- if and (kindIs "float64" .) (eq . (float64 (int64 .))) }}{{ int64 . }}{{ else }}{{ . }}{{ end -}}
{{- end }}
