// Teleport's own client and generated service as counterparts of this project, driven by its tests.
//
//	interop agent ADDR IDENTITY      an agent: Hello, metadata, a heartbeat, and a pong for every ping, until its input ends
//	interop ask ADDR IDENTITY ID     what Teleport's client reads back about the agents
//	interop alerts ADDR IDENTITY ID  what Teleport's client reads of the alerts, of which it acknowledges one
//	interop serve IDENTITY           an auth server: tells every message; a line of input is a ping with that id
//	interop hold IDENTITY            an auth server: keeps what agents said last; a line of input asks for the number of heartbeats
//	interop read                     what the product's libraries make of files and command lines, a line of JSON each
//
// Everything told is one line of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	arguments := os.Args[1:]
	var err error
	switch {
	case len(arguments) == 3 && arguments[0] == "agent":
		err = agent(arguments[1], arguments[2])
	case len(arguments) == 4 && arguments[0] == "ask":
		err = ask(arguments[1], arguments[2], arguments[3])
	case len(arguments) == 4 && arguments[0] == "alerts":
		err = alerts(arguments[1], arguments[2], arguments[3])
	case len(arguments) == 2 && arguments[0] == "serve":
		err = serve(arguments[1])
	case len(arguments) == 2 && arguments[0] == "hold":
		err = hold(arguments[1])
	case len(arguments) == 1 && arguments[0] == "read":
		err = read()
	default:
		err = fmt.Errorf("usage: interop agent|ask|alerts|serve|hold|read")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// tell prints one line of JSON.
func tell(what string, value any) {
	line, err := json.Marshal(map[string]any{"what": what, "value": value})
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}
