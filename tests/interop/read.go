package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/gravitational/kingpin"
	"github.com/gravitational/teleport/api/utils"
	yamlv2 "gopkg.in/yaml.v2"
	"gopkg.in/yaml.v3"
)

// question is a line of input: a text of some kind, or the words of a command line.
type question struct {
	Kind  string   `json:"kind"`
	Text  string   `json:"text"`
	Words []string `json:"words"`
}

// read answers what the libraries of the product make of texts, until the input ends.
func read() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return err
		}
		switch asked.Kind {
		case "update.yaml":
			tell("read", readUpdate(asked.Text))
		case "teleport.yaml":
			tell("read", readAgent(asked.Text))
		case "command line":
			tell("read", readWords(asked.Words))
		default:
			return fmt.Errorf("what is %q?", asked.Kind)
		}
	}
	return lines.Err()
}

// updateConfig has the keys of update.yaml and their types, as the updater declares them.
type updateConfig struct {
	Version string `yaml:"version"`
	Kind    string `yaml:"kind"`
	Spec    struct {
		Proxy   string `yaml:"proxy"`
		Path    string `yaml:"path,omitempty"`
		Group   string `yaml:"group,omitempty"`
		BaseURL string `yaml:"base_url,omitempty"`
		Enabled bool   `yaml:"enabled"`
		Pinned  bool   `yaml:"pinned"`
	} `yaml:"spec"`
	Status struct {
		IDFile     string    `yaml:"id_file,omitempty"`
		Active     revision  `yaml:"active"`
		Backup     *revision `yaml:"backup,omitempty"`
		Skip       *revision `yaml:"skip,omitempty"`
		LastUpdate *struct {
			Success bool      `yaml:"success"`
			Time    time.Time `yaml:"time"`
			Target  revision  `yaml:"target"`
		} `yaml:"last_update,omitempty"`
	} `yaml:"status"`
}

type revision struct {
	Version string   `yaml:"version"`
	Flags   []string `yaml:"flags,flow,omitempty"`
}

// readUpdate reads update.yaml as the updater does: one document, then its kind, its version, and what it asks for.
func readUpdate(text string) any {
	refused := func(why string) any { return map[string]any{"refused": why} }
	var config updateConfig
	if err := yaml.NewDecoder(strings.NewReader(text)).Decode(&config); err != nil {
		var node yaml.Node
		switch {
		case err == io.EOF:
			return refused("kind") // nothing is there, and so no kind
		case yaml.NewDecoder(strings.NewReader(text)).Decode(&node) == nil:
			return refused("invalid")
		}
		return refused("yaml")
	}
	spec, status := config.Spec, config.Status
	switch {
	case config.Kind != "update_config":
		return refused("kind")
	case config.Version != "v1":
		return refused("version")
	case spec.BaseURL != "" && !strings.HasPrefix(strings.ToLower(spec.BaseURL), "https://"):
		return refused("base_url")
	case spec.Enabled && spec.Proxy == "":
		return refused("proxy")
	}
	version := func(revision *revision) any {
		if revision == nil || revision.Version == "" {
			return nil
		}
		return strings.TrimPrefix(revision.Version, "v")
	}
	answer := map[string]any{
		"proxy": spec.Proxy, "group": spec.Group, "enabled": spec.Enabled, "pinned": spec.Pinned,
		"active": version(&status.Active), "backup": version(status.Backup), "skip": version(status.Skip),
		"last": nil,
	}
	if last := status.LastUpdate; last != nil {
		var at any
		if !last.Time.IsZero() {
			at = last.Time.UTC().Format("2006-01-02T15:04:05.000000000Z")
		}
		answer["last"] = map[string]any{"success": last.Success, "time": at, "target": version(&last.Target)}
	}
	return answer
}

type section struct {
	EnabledFlag string         `yaml:"enabled,omitempty"`
	Rest        map[string]any `yaml:",inline"`
}

// agentConfig has those keys of teleport.yaml that matter here, as the agent declares them.
type agentConfig struct {
	Global struct {
		ProxyServer string         `yaml:"proxy_server,omitempty"`
		DataDir     string         `yaml:"data_dir,omitempty"`
		Rest        map[string]any `yaml:",inline"`
	} `yaml:"teleport,omitempty"`
	Auth  section `yaml:"auth_service,omitempty"`
	Proxy section `yaml:"proxy_service,omitempty"`
	SSH   section `yaml:"ssh_service,omitempty"`
	App   section `yaml:"app_service,omitempty"`
	DB    section `yaml:"db_service,omitempty"`
	Kube  section `yaml:"kubernetes_service,omitempty"`

	Rest map[string]any `yaml:",inline"`
}

// readAgent reads teleport.yaml as the agent does. Keys that this program does not declare are passed over.
func readAgent(text string) any {
	var config agentConfig
	if err := yamlv2.UnmarshalStrict([]byte(text), &config); err != nil {
		return map[string]any{"refused": true}
	}
	on := func(section section, otherwise bool) bool {
		if section.EnabledFlag == "" {
			return otherwise
		}
		enabled, err := utils.ParseBool(section.EnabledFlag)
		return err == nil && enabled
	}
	return map[string]any{
		"proxy": config.Global.ProxyServer, "data_dir": config.Global.DataDir,
		"auth": on(config.Auth, true), "proxy_service": on(config.Proxy, true), "ssh": on(config.SSH, true),
		"app": on(config.App, false), "db": on(config.DB, false), "kube": on(config.Kube, false),
	}
}

// readWords takes a command line apart by the product's parser, with the flags that the product gives to it.
func readWords(words []string) any {
	app := kingpin.New("teleport", "").Terminate(nil)
	app.AllRepeatable(true)
	app.HelpFlag.Short('h')
	var config, encoded, roles, other string
	var servers, pins []string
	var flag bool
	start := app.Command("start", "")
	appStart := app.Command("app", "").Command("start", "")
	dbStart := app.Command("db", "").Command("start", "")
	for _, command := range []*kingpin.CmdClause{start, appStart, dbStart} {
		command.Flag("debug", "").Short('d').BoolVar(&flag)
		for _, name := range []string{"insecure", "fips", "skip-version-check"} {
			command.Flag(name, "").BoolVar(&flag)
		}
		for _, name := range []string{"pid-file", "token", "labels", "diag-addr"} {
			command.Flag(name, "").StringVar(&other)
		}
		command.Flag("ca-pin", "").StringsVar(&pins)
		command.Flag("auth-server", "").StringsVar(&servers)
		command.Flag("config", "").Short('c').StringVar(&config)
		command.Flag("config-string", "").StringVar(&encoded)
	}
	start.Flag("roles", "").Short('r').StringVar(&roles)
	start.Flag("insecure-no-tls", "").BoolVar(&flag)
	start.Flag("permit-user-env", "").BoolVar(&flag)
	start.Flag("listen-ip", "").Short('l').StringVar(&other)
	for _, name := range []string{"advertise-ip", "nodename", "bootstrap", "apply-on-startup", "app-name", "app-uri"} {
		start.Flag(name, "").StringVar(&other)
	}
	for _, command := range []*kingpin.CmdClause{appStart, dbStart} {
		command.Flag("name", "").StringVar(&other)
		command.Flag("uri", "").StringVar(&other)
	}
	command, err := app.Parse(words)
	if err != nil {
		return map[string]any{"refused": true}
	}
	switch command {
	case "app start":
		roles = "app"
	case "db start":
		roles = "db"
	}
	decoded, _ := base64.StdEncoding.DecodeString(encoded)
	return map[string]any{
		"command": command, "config": config, "config_string": string(decoded), "roles": roles,
		"auth_server": len(servers) > 0,
	}
}
