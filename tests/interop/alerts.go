package main

import (
	"context"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
)

// alerts reads the alerts of an auth server, acknowledges one, takes that back, and raises one of its own.
func alerts(addr, identity, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	clt, err := connect(ctx, addr, identity)
	if err != nil {
		return err
	}
	defer clt.Close()
	list := func(what string, query types.GetClusterAlertsRequest) error {
		found, err := clt.GetClusterAlerts(ctx, query)
		if err != nil {
			return err
		}
		told := []map[string]any{}
		for _, alert := range found {
			valid := ""
			if err := alert.CheckAndSetDefaults(); err != nil {
				valid = err.Error()
			}
			told = append(told, map[string]any{
				"id":       alert.Metadata.Name,
				"kind":     alert.Kind + " " + alert.Version,
				"severity": alert.Spec.Severity.String(),
				"message":  alert.Spec.Message,
				"labels":   alert.Metadata.Labels,
				"lasts":    alert.Metadata.Expires.Sub(time.Now()).Round(time.Minute).String(),
				"created":  time.Since(alert.Spec.Created) < time.Minute,
				"invalid":  valid,
			})
		}
		tell(what, told)
		return nil
	}
	if err := list("raised", types.GetClusterAlertsRequest{}); err != nil {
		return err
	}
	ack := types.AlertAcknowledgement{AlertID: id, Reason: "known", Expires: time.Now().Add(time.Hour)}
	if err := clt.CreateAlertAck(ctx, ack); err != nil {
		return err
	}
	tell("twice", clt.CreateAlertAck(ctx, ack) != nil)
	if err := list("acknowledged", types.GetClusterAlertsRequest{}); err != nil {
		return err
	}
	if err := list("all", types.GetClusterAlertsRequest{AlertID: id, WithAcknowledged: true}); err != nil {
		return err
	}
	acks, err := clt.GetAlertAcks(ctx)
	if err != nil {
		return err
	}
	known := []string{}
	for _, ack := range acks {
		known = append(known, ack.AlertID+": "+ack.Reason)
	}
	tell("acks", known)
	if err := clt.ClearAlertAcks(ctx, proto.ClearAlertAcksRequest{AlertID: id}); err != nil {
		return err
	}
	if err := list("shown again", types.GetClusterAlertsRequest{Severity: types.AlertSeverity_MEDIUM}); err != nil {
		return err
	}
	own, err := types.NewClusterAlert("own", "An alert of somebody else.", types.WithAlertSeverity(types.AlertSeverity_HIGH),
		types.WithAlertLabel(types.AlertPermitAll, "yes"))
	if err != nil {
		return err
	}
	if err := clt.UpsertClusterAlert(ctx, own); err != nil {
		return err
	}
	own.Spec.Message = "two\nlines"
	tell("refused", clt.UpsertClusterAlert(ctx, own) != nil)
	return list("both", types.GetClusterAlertsRequest{})
}
