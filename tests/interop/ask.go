package main

import (
	"context"
	"sort"
	"time"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"
)

func ask(addr, identity, id string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	clt, err := connect(ctx, addr, identity)
	if err != nil {
		return err
	}
	defer clt.Close()
	status, err := clt.GetInventoryStatus(ctx, proto.InventoryStatusRequest{Connected: true})
	if err != nil {
		return err
	}
	var connected []string
	for _, hello := range status.Connected {
		connected = append(connected, hello.ServerID)
	}
	sort.Strings(connected)
	tell("status", map[string]any{
		"connected": connected,
		"instances": status.InstanceCount,
		"versions":  status.VersionCounts,
		"upgraders": status.UpgraderCounts,
		"services":  status.ServiceCounts,
	})
	filters := []struct {
		name   string
		filter types.InstanceFilter
	}{
		{"all", types.InstanceFilter{}},
		{"id", types.InstanceFilter{ServerID: id}},
		{"version", types.InstanceFilter{Version: "v17.5.2"}},
		{"services", types.InstanceFilter{Services: []types.SystemRole{types.RoleNode}}},
		{"no service", types.InstanceFilter{Services: []types.SystemRole{types.RoleKube}}},
		{"upgrader", types.InstanceFilter{ExternalUpgrader: "unit"}},
		{"no upgrader", types.InstanceFilter{NoExtUpgrader: true}},
		{"older", types.InstanceFilter{OlderThanVersion: "18.0.0"}},
		{"newer", types.InstanceFilter{NewerThanVersion: "18.0.0"}},
		// A field of a newer Teleport: UpdateGroup (8).
		{"group", types.InstanceFilter{XXX_unrecognized: []byte("\x42\x05stage")}},
	}
	for _, row := range filters {
		instances := clt.GetInstances(ctx, row.filter)
		found := []map[string]any{}
		for instances.Next() {
			instance := instances.Item()
			found = append(found, map[string]any{
				"name":     instance.GetName(),
				"kind":     instance.GetKind(),
				"version":  instance.GetTeleportVersion(),
				"services": instance.GetServices(),
				"hostname": instance.GetHostname(),
				"auth":     instance.GetAuthID(),
				"seen":     !instance.GetLastSeen().IsZero(),
				"upgrader": instance.GetExternalUpgrader() + " " + instance.GetExternalUpgraderVersion(),
			})
		}
		if err := instances.Done(); err != nil {
			return err
		}
		tell(row.name, found)
	}
	pong, err := clt.PingInventory(ctx, proto.InventoryPingRequest{ServerID: id})
	if err != nil {
		return err
	}
	tell("pong", pong.Duration > 0)
	return nil
}
