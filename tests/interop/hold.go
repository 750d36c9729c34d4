package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gravitational/teleport/api/client"
	"github.com/gravitational/teleport/api/client/proto"
)

// holder keeps what agents said last, and tells nothing but how many heartbeats there were. It is what this project's auth server is
// measured against.
type holder struct {
	proto.UnimplementedAuthServiceServer
	heartbeats atomic.Uint64
	mutex      sync.Mutex
	agents     map[string]agentRecord
}

type agentRecord struct {
	hello     proto.UpstreamInventoryHello
	lastHeard time.Time
}

func hold(identity string) error {
	h := &holder{agents: make(map[string]agentRecord)}
	return listen(identity, h, func(string) { tell("heartbeats", h.heartbeats.Load()) })
}

func (h *holder) InventoryControlStream(raw proto.AuthService_InventoryControlStreamServer) error {
	stream := client.NewUpstreamInventoryControlStream(raw, "")
	defer stream.Close()
	var agent agentRecord
	for {
		select {
		case message := <-stream.Recv():
			switch message := message.(type) {
			case proto.UpstreamInventoryHello:
				agent.hello = message
				if err := stream.Send(raw.Context(), hello); err != nil {
					return err
				}
			case proto.InventoryHeartbeat:
				agent.lastHeard = time.Now()
				h.mutex.Lock()
				h.agents[agent.hello.ServerID] = agent
				h.mutex.Unlock()
				h.heartbeats.Add(1)
			}
		case <-stream.Done():
			return nil
		}
	}
}
