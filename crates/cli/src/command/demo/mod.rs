//! `demo`: the whole loop in one process, with nothing to install.

mod cluster;
mod files;
mod replay;
mod show;

use std::sync::Arc;
use std::time::Duration;

use cluster::Cluster;
use cluster::HOLD_DOWN;
use cluster::SETTLING;
use replay::Replay;
use selfcheck_cases::Case;
use selfcheck_cases::CaseFile;
use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::Text;
use selfcheck_daemon::SelfCheck;
use selfcheck_protocol::AlertFilter;
use selfcheck_reporter::AuthClient;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio::time::sleep;

use crate::args::DemoArgs;
use crate::error::CliError;
use crate::output;
use crate::output::Output;

use super::auth::told_to_end;
use super::bus_address;

/// What works.
const WELL: &str = "schedule: all is well";
/// What the agents replay, in turn: each twentieth of them one of these, the others [`WELL`].
const TROUBLES: [&str; 7] = [
    NOTHING,
    "applicability: the package ships an updater that nobody enabled",
    "schedule: the timer is masked",
    "agent: updater and agent ask different proxies",
    "config: the version is pinned",
    "applicability: the auth service is enabled",
    "applicability: an ordinary user sees neither environment nor configuration",
];
const NOTHING: &str = "applicability: nothing updates this agent";
/// Where those are.
const CASES: [CaseFile; 4] = [CaseFile::AGENT, CaseFile::APPLICABILITY, CaseFile::CONFIG, CaseFile::SCHEDULE];
/// How many agents have one of each trouble among them.
const TURN: usize = 20;
/// The host id of this host's own agent.
const THIS_HOST: &str = "00000000-0000-4000-8000-000000000000";
/// How often it is looked how far things have got.
const LOOK: Duration = Duration::from_millis(250);
/// How long anything may take. Everything is in this process; what takes longer will not come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(args: &DemoArgs, output: &Output) -> Result<u8, CliError> {
    files::make_room(args.agents)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CliError::Runtime)?;
    let result = runtime.block_on(async {
        let end = told_to_end()?;
        tokio::pin!(end);
        let mut cluster = Cluster::start(args.web).await?;
        let agents = tokio::select! {
            agents = start(args, &mut cluster) => agents?,
            () = &mut end => return Ok(0),
        };
        let ask = cluster.ask().await?;
        let admin = cluster.admin()?;
        let address = cluster.address();
        let playing = async {
            play(&ask, &agents, output).await?;
            if args.once {
                return Ok(0);
            }
            output::print(&show::invitation(address, &admin))?;
            std::future::pending().await
        };
        tokio::select! {
            result = playing => result,
            () = &mut end => Ok(0),
            error = cluster.failed() => Err(error),
        }
    });
    // A read of this host that hangs in the kernel must not keep the demo from ending.
    runtime.shutdown_background();
    result
}

/// Agents that replay something.
struct Replayed {
    /// What.
    case: &'static str,
    scene: watch::Sender<Arc<Observation>>,
    /// The same agent when all is well.
    well: Arc<Observation>,
    _check: SelfCheck,
}

/// All agents.
struct Agents {
    this_host: SelfCheck,
    replayed: Vec<Replayed>,
}

/// Starts the agents and lets them report.
async fn start(args: &DemoArgs, cluster: &mut Cluster) -> Result<Agents, CliError> {
    output::print(&show::beginning(args.agents, cluster.address(), SETTLING, HOLD_DOWN.duration()))?;
    if let Some(url) = cluster.web() {
        output::print(&show::web(url))?;
    }
    let this_host =
        SelfCheck::builder().bus_address(bus_address(None)?).start().map_err(CliError::StartSelfCheck)?;
    let mut first = this_host.subscribe();
    let seen = tokio::time::timeout(PATIENCE, first.next()).await;
    if let Ok(Some(status)) = seen {
        output::print(&show::this_host(&status))?;
    }
    drop(first);
    cluster.report(THIS_HOST, &this_host.handle())?;
    let cases = selfcheck_cases::read(&CASES).map_err(CliError::Recorded)?;
    let mut replayed = Vec::new();
    for number in 1..=usize::from(args.agents) {
        let case = TROUBLES.get((number - 1) % TURN).copied().unwrap_or(WELL);
        let named = |case| Ok(Arc::new(named(recorded(&cases, case)?, number)));
        let (scene, scenes) = watch::channel(named(case)?);
        let check = SelfCheck::builder()
            .start_on(move || Replay::new(scenes.clone()))
            .map_err(CliError::StartSelfCheck)?;
        cluster.report(&host_id(number), &check.handle())?;
        tokio::task::yield_now().await; // so that Ctrl-C is heard
        replayed.push(Replayed { case, scene, well: named(WELL)?, _check: check });
    }
    Ok(Agents { this_host, replayed })
}

/// What was seen in a case.
fn recorded(cases: &[Case], name: &'static str) -> Result<Observation, CliError> {
    let case = selfcheck_cases::find(cases, name).map_err(CliError::Recorded)?;
    Ok(case.observation.clone())
}

/// A recorded host under a name that says so.
fn named(mut seen: Observation, number: usize) -> Observation {
    seen.host.hostname = Some(Text::new(&format!("replayed-{number:03}")));
    seen.agent.host_id = Fact::Present(Text::new(&host_id(number)));
    seen
}

fn host_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// What happens, one after the other.
async fn play(ask: &AuthClient, agents: &Agents, output: &Output) -> Result<(), CliError> {
    let all = agents.replayed.len() + 1;
    gather(ask, all).await?;
    let summary = ask.summary().await.map_err(CliError::AskAuth)?;
    output::print(&show::summary(&summary))?;

    output::print(&show::act("Nothing is raised before a fault has lasted; then:"))?;
    until(ask, |alerts| !alerts.is_empty()).await?;
    // The others follow within a moment.
    sleep(HOLD_DOWN.duration()).await;
    let before = alerts(ask).await?;
    output::print(&show::alerts(&before, output))?;

    let fixed = repair(agents, |case| case == NOTHING);
    let hosts = if fixed == 1 { "host".to_owned() } else { format!("{fixed} hosts") };
    output::print(&show::act(&format!("The command is run on the {hosts} without an updater:")))?;
    let changed = until(ask, |now| *now != before).await?;
    output::print(&show::alerts(&changed, output))?;

    let fixed = repair(agents, |_| true);
    output::print(&show::act(&match fixed {
        1 => "The other one is repaired, too:".to_owned(),
        _ => format!("All {fixed} others are repaired, too:"),
    }))?;
    let own = agents.this_host.status().is_some_and(|status| show::is_at_fault(&status));
    let left = until(ask, |now| now.is_empty() || (own && show::is_of_one(now))).await?;
    output::print(&show::alerts(&left, output))?;
    if own && !left.is_empty() {
        output::print("What is left is this host.\n")?;
    }
    Ok(())
}

/// Waits until all agents are counted, and tells how far that is.
async fn gather(ask: &AuthClient, all: usize) -> Result<(), CliError> {
    let deadline = Instant::now() + PATIENCE;
    let mut told = None;
    loop {
        let summary = ask.summary().await.map_err(CliError::AskAuth)?;
        let observed = show::observed(&summary);
        if told != Some(observed) {
            output::print(&show::progress(observed, all))?;
            told = Some(observed);
        }
        if observed == u64::try_from(all).unwrap_or(u64::MAX) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(CliError::Demo("waited in vain for all agents to be counted"));
        }
        sleep(LOOK).await;
    }
}

/// The alerts, once they are what is waited for.
async fn until(
    ask: &AuthClient,
    wanted: impl Fn(&Vec<show::Raised>) -> bool,
) -> Result<Vec<show::Raised>, CliError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let alerts = alerts(ask).await?;
        if wanted(&alerts) {
            return Ok(alerts);
        }
        if Instant::now() > deadline {
            return Err(CliError::Demo("waited in vain for the alerts to change"));
        }
        sleep(LOOK).await;
    }
}

async fn alerts(ask: &AuthClient) -> Result<Vec<show::Raised>, CliError> {
    let told = ask.alerts(&AlertFilter::default()).await.map_err(CliError::AskAuth)?;
    Ok(told.alerts.into_iter().map(show::Raised::of).collect())
}

/// From now on these agents see that all is well. How many.
fn repair(agents: &Agents, of: impl Fn(&str) -> bool) -> usize {
    let mut repaired = 0;
    for agent in &agents.replayed {
        if agent.case != WELL && of(agent.case) && !Arc::ptr_eq(&agent.scene.borrow(), &agent.well) {
            agent.scene.send_replace(Arc::clone(&agent.well));
            repaired += 1;
        }
    }
    repaired
}
