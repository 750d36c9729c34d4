//! `inventory remedies`: what to run where, as something to run.

use std::collections::BTreeMap;
use std::fmt::Write;

use selfcheck_core::ProxyAddr;
use selfcheck_core::Remedy;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_core::shell_word;
use selfcheck_daemon::report::ReportError;
use selfcheck_protocol::Filter;
use selfcheck_protocol::ListedAgent;
use selfcheck_reporter::AuthClient;
use serde_json::json;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::args::RemediesArgs;
use crate::args::RemediesFormat;
use crate::command::ask::in_time;
use crate::command::ask::query;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::text;

use super::INSTANCES;

/// Those that a command on their host helps.
const HELPED: [Verdict; 2] = [Verdict::Unaccompanied, Verdict::Impaired];

/// Agents that the same command helps.
#[derive(Debug)]
struct Group {
    remedy: Remedy,
    agents: Vec<Named>,
}

/// An agent. Only ids that are UUIDs become part of something to run: an agent chose its name.
#[derive(Debug)]
struct Named {
    host_id: Text,
    hostname: Text,
    /// What it says is to be written into the command, in words.
    claims: String,
}

/// The agents that need a person.
#[derive(Debug, Default)]
struct Groups {
    by_command: BTreeMap<String, Group>,
    /// Those that no single command is known for.
    others: usize,
}

pub(super) async fn run(args: &RemediesArgs, output: &Output) -> Result<u8, CliError> {
    let server = &args.server;
    let groups = query(server, INSTANCES, async |client| {
        match in_time(&server.auth_server, groups(client, args.proxy.as_ref())).await {
            Err(error) if error.is_unknown_call() => Ok(None),
            groups => groups.map(Some),
        }
    });
    let no_remedies = || CliError::NoRemedies(Text::new(&server.auth_server));
    let Groups { by_command, others } = groups.await?.ok_or_else(no_remedies)?;
    let mut groups: Vec<_> = by_command.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.agents.len()));
    if others > 0 {
        output.warn(&format!(
            "{others} more agents need a person and no single command helps; `inventory ls` says why"
        ));
    }
    let shown = match args.format {
        RemediesFormat::Text => in_words(&groups),
        RemediesFormat::Hosts => hosts(&on_hosts(groups, output)),
        RemediesFormat::Tsh => tsh(&runnable(on_hosts(groups, output), output)),
        RemediesFormat::Ansible => ansible(&runnable(on_hosts(groups, output), output))?,
    };
    output::print(&shown)?;
    Ok(0)
}

async fn groups(client: &AuthClient, proxy: Option<&ProxyAddr>) -> Result<Groups, ReportError> {
    let mut groups = Groups::default();
    for verdict in HELPED {
        let mut filter = Filter::default();
        filter.verdict = Some(verdict);
        let mut from = None;
        loop {
            let page = client.agents(&filter, from.as_deref()).await?;
            for agent in page.agents {
                groups.add(agent, proxy);
            }
            groups.others += page.unreadable;
            from = page.next;
            if from.is_none() {
                break;
            }
        }
    }
    Ok(groups)
}

impl Groups {
    fn add(&mut self, agent: ListedAgent, proxy: Option<&ProxyAddr>) {
        let group = agent.report.remedy_group();
        let Some((remedy, group)) = group.and_then(|group| Some((group.render(proxy)?, group))) else {
            self.others += 1;
            return;
        };
        let named = Named {
            host_id: agent.server_id,
            hostname: agent.hostname,
            claims: text::claims(group.claims()),
        };
        let group = self.by_command.entry(remedy.shell.clone());
        group.or_insert_with(|| Group { remedy, agents: Vec::new() }).agents.push(named);
    }
}

/// What is run on hosts, and not where a Kubernetes cluster is managed.
fn on_hosts(mut groups: Vec<Group>, output: &Output) -> Vec<Group> {
    let in_pods = groups.extract_if(.., |group| group.remedy.id.is_kubernetes());
    let in_pods: usize = in_pods.map(|group| group.agents.len()).sum();
    if in_pods > 0 {
        output.warn(&format!(
            "{in_pods} agents in pods are left out: a command where their cluster is managed helps them; see `--format text`"
        ));
    }
    groups
}

/// What can be run as it is, on hosts whose id says nothing but which host it is.
fn runnable(groups: Vec<Group>, output: &Output) -> Vec<Group> {
    let mut strange = 0;
    let mut runnable = Vec::new();
    for mut group in groups {
        if group.remedy.steps.is_empty() {
            let missing = if group.remedy.id.names_agents_unit() {
                "are left out: only their own host knows the unit that runs the agent; see `--format text`"
            } else {
                "need the cluster's proxy; add `--proxy ADDR`"
            };
            output.warn(&format!("{} agents {missing}", group.agents.len()));
            continue;
        }
        let before = group.agents.len();
        group.agents.retain(|agent| is_uuid(agent.host_id.as_str()));
        strange += before - group.agents.len();
        if !group.agents.is_empty() {
            runnable.push(group);
        }
    }
    if strange > 0 {
        output.warn(&format!("{strange} agents are left out: their host id is no UUID"));
    }
    runnable
}

/// Whether it is a UUID in its usual spelling.
fn is_uuid(id: &str) -> bool {
    id.len() == Hyphenated::LENGTH && Uuid::try_parse(id).is_ok()
}

fn in_words(groups: &[Group]) -> String {
    if groups.is_empty() {
        return "no agent needs a command\n".to_owned();
    }
    let mut text = String::new();
    for Group { remedy, agents } in groups {
        let separator = if text.is_empty() { "" } else { "\n" };
        let noun = if agents.len() == 1 { "agent" } else { "agents" };
        _ = writeln!(text, "{separator}{} {noun}: {}\n  {}", agents.len(), remedy.shell, remedy.effect);
        for Named { host_id, hostname, claims } in agents {
            let said = if claims.is_empty() { String::new() } else { format!("  (claims that {claims})") };
            _ = writeln!(text, "    {host_id}  {hostname}{said}");
        }
    }
    text
}

fn hosts(groups: &[Group]) -> String {
    let mut text = String::new();
    for Group { remedy, agents } in groups {
        _ = writeln!(text, "# {}", remedy.shell);
        for agent in agents.iter().filter(|agent| is_uuid(agent.host_id.as_str())) {
            _ = writeln!(text, "{}", agent.host_id);
        }
    }
    text
}

fn tsh(groups: &[Group]) -> String {
    let mut text =
        "# each line runs a command on one host; LOGIN is who you are there [default: root]\n".to_owned();
    for Group { remedy, agents } in groups {
        for agent in agents {
            _ = writeln!(
                text,
                "tsh ssh \"${{LOGIN:-root}}@{}\" {}",
                agent.host_id,
                shell_word(&remedy.shell)
            );
        }
    }
    text
}

/// JSON is YAML, and leaves nothing to quote by hand.
fn ansible(groups: &[Group]) -> Result<String, CliError> {
    let children: serde_json::Map<_, _> = groups
        .iter()
        .enumerate()
        .map(|(place, Group { remedy, agents })| {
            let hosts: serde_json::Map<_, _> =
                agents.iter().map(|agent| (agent.host_id.to_string(), json!(null))).collect();
            let name = format!("{}_{}", remedy.id.code().replace('-', "_"), place + 1);
            (name, json!({ "hosts": hosts, "vars": { "selfcheck_remedy": remedy.shell } }))
        })
        .collect();
    let inventory = crate::command::json(&json!({ "all": { "children": children } }))?;
    Ok(format!(
        "# ansible -i THIS_FILE.yaml all -m ansible.builtin.shell -a '{{{{ selfcheck_remedy }}}}'\n{inventory}"
    ))
}
