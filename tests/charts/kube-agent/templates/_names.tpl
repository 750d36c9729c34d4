{{- define "agent" -}}
{{- default .Release.Name .Values.nameOverride -}}
{{- end -}}
