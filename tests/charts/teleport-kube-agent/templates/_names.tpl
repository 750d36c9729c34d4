{{- /* The updater keeps the state of StatefulSets since 18.4; before that the chart mounts none. */ -}}
{{- define "hasState" -}}
{{- if and .Values.updater.enabled (eq .Values.workload "StatefulSet") (semverCompare ">=18.4.0-0" .Chart.Version) -}}true{{- end -}}
{{- end -}}
