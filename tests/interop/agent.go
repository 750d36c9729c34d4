package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"time"

	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/identityfile"
	"github.com/gravitational/teleport/api/types"
)

// connect connects as Teleport's own programs do.
func connect(ctx context.Context, addr, identity string) (*client.Client, error) {
	config, err := tlsConfig(identity)
	if err != nil {
		return nil, err
	}
	return client.New(ctx, client.Config{
		Addrs:       []string{addr},
		Credentials: []client.Credentials{client.LoadTLS(config)},
		DialTimeout: 20 * time.Second,
	})
}

// tlsConfig reads an identity file by Teleport's own reader. That wants an SSH certificate in it, which TLS has no use for; any line
// like one will do.
func tlsConfig(identity string) (*tls.Config, error) {
	content, err := os.ReadFile(identity)
	if err != nil {
		return nil, err
	}
	file, err := identityfile.FromString(string(content) + "ssh-rsa-cert-v01@openssh.com AAAA\n")
	if err != nil {
		return nil, err
	}
	return file.TLSConfig()
}

func agent(addr, identity string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	clt, err := connect(ctx, addr, identity)
	if err != nil {
		return err
	}
	defer clt.Close()
	stream, err := clt.InventoryControlStream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	hello := proto.UpstreamInventoryHello{
		Version:                 "17.5.2",
		ServerID:                "go-agent",
		Services:                []types.SystemRole{types.RoleNode, types.RoleProxy},
		Hostname:                "go-host",
		ExternalUpgrader:        "unit",
		ExternalUpgraderVersion: "v17.5.2",
		// Fields of a newer Teleport: UpdaterInfo (8) with a group, a UUID and a status, and one that nobody knows (99).
		XXX_unrecognized: []byte("\x42\x11\x0a\x05stage\x12\x06\x01\x02\x03\x04\x05\x06\x18\x01\x98\x06\x07"),
	}
	if err := stream.Send(ctx, hello); err != nil {
		return err
	}
	go func() {
		// Until the test has seen enough.
		bufio.NewScanner(os.Stdin).Scan()
		cancel()
	}()
	for {
		select {
		case message := <-stream.Recv():
			switch message := message.(type) {
			case proto.DownstreamInventoryHello:
				tell("hello", map[string]any{
					"version":      message.Version,
					"server":       message.ServerID,
					"app_cleanup":  message.Capabilities.GetAppCleanup(),
					"node":         message.Capabilities.GetNodeHeartbeats(),
					"unrecognized": fmt.Sprintf("%x", message.XXX_unrecognized),
				})
				metadata := proto.UpstreamInventoryAgentMetadata{OS: "linux", HostArchitecture: "amd64"}
				if err := stream.Send(ctx, metadata); err != nil {
					return err
				}
				server, err := types.NewServer("go-agent", types.KindNode, types.ServerSpecV2{Hostname: "go-host"})
				if err != nil {
					return err
				}
				heartbeat := proto.InventoryHeartbeat{SSHServer: server.(*types.ServerV2)}
				if err := stream.Send(ctx, heartbeat); err != nil {
					return err
				}
				tell("heartbeat", nil)
			case proto.DownstreamInventoryPing:
				if err := stream.Send(ctx, proto.UpstreamInventoryPong{ID: message.ID}); err != nil {
					return err
				}
				tell("ping", message.ID)
			}
		case <-ctx.Done():
			return nil
		case <-stream.Done():
			return stream.Error()
		}
	}
}
