package main

import (
	"bufio"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/client/proto"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// hello is what an agent is answered.
var hello = proto.DownstreamInventoryHello{
	Version:      "17.0.0",
	ServerID:     "go-auth",
	Capabilities: &proto.DownstreamInventoryHello_SupportedCapabilities{AppCleanup: true},
}

// service is Teleport's generated service with nothing but an inventory.
type service struct {
	proto.UnimplementedAuthServiceServer
	pings <-chan uint64
}

func serve(identity string) error {
	pings := make(chan uint64)
	return listen(identity, &service{pings: pings}, func(line string) {
		if id, err := strconv.ParseUint(line, 10, 64); err == nil {
			pings <- id
		}
	})
}

// listen serves on a port of its own until the input ends, and hands on every line of it.
func listen(identity string, auth proto.AuthServiceServer, take func(line string)) error {
	config, err := tlsConfig(identity)
	if err != nil {
		return err
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.ClientCAs = config.RootCAs
	config.NextProtos = []string{"h2"}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)))
	proto.RegisterAuthServiceServer(server, auth)
	tell("address", listener.Addr().String())
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			take(lines.Text())
		}
		server.Stop()
	}()
	return server.Serve(listener)
}

func (s *service) InventoryControlStream(raw proto.AuthService_InventoryControlStreamServer) error {
	sent, _ := metadata.FromIncomingContext(raw.Context())
	tell("stream", sent.Get("version"))
	stream := client.NewUpstreamInventoryControlStream(raw, "")
	defer stream.Close()
	for {
		select {
		case message := <-stream.Recv():
			switch message := message.(type) {
			case proto.UpstreamInventoryHello:
				tell("hello", map[string]any{
					"version":          message.Version,
					"server":           message.ServerID,
					"services":         message.Services,
					"hostname":         message.Hostname,
					"upgrader":         message.ExternalUpgrader,
					"upgrader_version": message.ExternalUpgraderVersion,
					"unrecognized":     hex.EncodeToString(message.XXX_unrecognized),
				})
				if err := stream.Send(raw.Context(), hello); err != nil {
					return err
				}
			case proto.UpstreamInventoryAgentMetadata:
				tell("metadata", message.OS)
			case proto.UpstreamInventoryPong:
				tell("pong", message.ID)
			case proto.UpstreamInventoryGoodbye:
				tell("goodbye", message.DeleteResources)
			case proto.InventoryHeartbeat:
				tell("heartbeat", hex.EncodeToString(message.XXX_unrecognized))
			default:
				tell("other", fmt.Sprintf("%T", message))
			}
		case id := <-s.pings:
			if err := stream.Send(raw.Context(), proto.DownstreamInventoryPing{ID: id}); err != nil {
				return err
			}
		case <-stream.Done():
			tell("end", nil)
			return nil
		}
	}
}
