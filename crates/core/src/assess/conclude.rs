//! Puts a judged case into words: the status.

use jiff::Timestamp;

use crate::AgentSummary;
use crate::Basis;
use crate::EvidenceKind;
use crate::Fact;
use crate::Finding;
use crate::Generation;
use crate::Observation;
use crate::Proof;
use crate::Reason;
use crate::Reporting;
use crate::ReportingMode;
use crate::Status;
use crate::StatusSchema;
use crate::Text;
use crate::Unseen;
use crate::UpdaterKind;
use crate::UpdaterSummary;
use crate::Verdict;
use crate::cluster_view::cluster_view;
use crate::observation::FactName;
use crate::observation::Runs;
use crate::observation::ServiceUnit;
use crate::observation::StartedKind;
use crate::observation::TimerUnit;

use super::applicability;
use super::case::Case;
use super::case::Draft;
use super::kubernetes;
use super::kubernetes::Owner;
use super::remedy;
use super::stock::stock_view;
use super::updater::Found;
use super::updater::found;
use super::verdict;

pub(super) fn conclude(mut case: Case<'_>) -> Status {
    let observation = case.observation;
    for draft in &mut case.findings {
        remedy::settle(observation, draft);
    }
    case.findings.sort_by_key(|draft| {
        let rank = draft.reason.verdict().map_or(usize::MAX, verdict::rank);
        (rank, draft.severity, draft.reason)
    });
    let reasons: Vec<_> = case.findings.iter().map(|draft| draft.reason).collect();
    let verdict = verdict::verdict(reasons.iter().copied());
    let found = found(observation);
    let updater = updater_summary(observation, found);
    let proof = proof(observation, found);
    // What helps against a lesser finding is no remedy for the verdict.
    let of = |draft: &Draft| draft.reason.verdict().unwrap_or(Verdict::Accompanied);
    let mut leading = case.findings.iter().filter(|draft| of(draft) == verdict);
    let remedy = leading.find_map(|draft| remedy::render(observation, draft));
    let stock_view =
        stock_view(observation, verdict, updater.as_ref().map(|updater| &updater.kind), &reasons);
    let findings: Vec<_> = case.findings.into_iter().map(finding).collect();
    let agent = agent(observation, found);
    let cluster_view = cluster_view(observation, agent.version.as_ref(), verdict, stock_view.as_ref());
    Status {
        schema: StatusSchema::V1,
        verdict,
        basis: Basis::Observed,
        evidence: observation.evidence,
        summary: summary(&findings, observation, found, &proof),
        agent,
        updater,
        findings,
        unseen: unseen(observation, &reasons),
        proof,
        remedy,
        reporting: Reporting {
            mode: ReportingMode::None,
            connected: false,
            last_sent: None,
            acked: None,
            stock_view,
            cluster_view,
        },
        observed_at: observation.clock.realtime,
        holds_until: case.horizon.holds_until(),
        sequence: None,
    }
}

fn finding(draft: Draft) -> Finding {
    Finding {
        reason: draft.reason.into(),
        severity: draft.severity,
        summary: draft
            .summary
            .unwrap_or_else(|| draft.reason.entry().summary_for(draft.generation.updater())),
        evidence: draft.evidence,
        since: draft.since,
    }
}

fn summary(findings: &[Finding], observation: &Observation, found: Found, proof: &Proof) -> String {
    let leading = findings.first().filter(|finding| finding.verdict().is_some());
    if let Some(finding) = leading {
        return finding.summary.clone();
    }
    if found == Found::Kubernetes {
        return kubernetes::summary(proof).to_owned();
    }
    let (updater, timer, service) = match found {
        Found::Enabled(Generation::V1) => {
            (Generation::V1, observation.v1.timer.present(), observation.v1.service.present())
        }
        _ => (Generation::V2, observation.v2.timer.present(), observation.v2.service.present()),
    };
    let updater = updater.updater();
    if observation.evidence == EvidenceKind::Static {
        return format!("{updater} is enabled in this image; whether it works shows where the image runs");
    }
    if service.is_some_and(ServiceUnit::is_running) {
        return format!("{updater} is scheduled, and a run is in progress");
    }
    let has_succeeded = service.is_some_and(ServiceUnit::has_succeeded);
    match proof.last_run {
        Some(_) if has_succeeded => format!("{updater} is scheduled, and its last run succeeded"),
        Some(_) => format!("{updater} is scheduled and was started; how its last run ended is not known"),
        None if timer.is_some_and(|timer| timer.last_trigger.is_some()) => {
            format!("{updater} is scheduled and was started; how its last run ended is not known")
        }
        None => format!("{updater} is scheduled; its first run since boot is still to come"),
    }
}

fn agent(observation: &Observation, found: Found) -> AgentSummary {
    let agent = &observation.agent;
    let process = agent.process.present();
    let executable = process.and_then(|process| process.executable.present());
    AgentSummary {
        pid: process.map(|process| process.pid),
        version: executable
            .and_then(|executable| Some(executable.revision()?.version))
            .or_else(|| kubernetes::version(observation)),
        host_id: agent.host_id.present().cloned(),
        hostname: observation.host.hostname.clone(),
        namespace: agent.namespace.clone(),
        unit: process
            .is_none_or(|process| !process.unit.is_absent())
            .then(|| Some(agent.unit.present()?.state.unit.clone()))
            .flatten(),
        services: applicability::roles(observation),
        kubernetes: (found == Found::Kubernetes).then(|| Owner::of(observation).target.release),
    }
}

fn updater_summary(observation: &Observation, found: Found) -> Option<UpdaterSummary> {
    let environment = observation.environment();
    match found {
        Found::Enabled(Generation::V2) => {
            let v2 = &observation.v2;
            let revision = v2.binary.present().and_then(|binary| binary.revision.as_ref());
            let group = v2.config.present().map(|config| match &config.spec.group {
                Some(group) if !group.is_empty() => group.clone(),
                _ => "default".into(),
            });
            Some(UpdaterSummary {
                kind: UpdaterKind::Binary,
                version: revision.map(|revision| revision.version.clone()),
                group,
                unit: Some(Text::new(&Generation::V2.timer(&observation.agent.namespace))),
            })
        }
        Found::Enabled(Generation::V1) => Some(UpdaterSummary {
            kind: UpdaterKind::Unit,
            version: None,
            group: None,
            unit: Some(Text::new(&Generation::V1.timer(&observation.agent.namespace))),
        }),
        Found::Kubernetes => {
            let environment = environment.filter(|environment| kubernetes::claims_updater(environment))?;
            let state = kubernetes::state_file(observation, environment).and_then(Fact::present);
            Some(UpdaterSummary {
                kind: environment.ext_upgrader.clone()?,
                version: environment.ext_upgrader_version.clone(),
                group: state.and_then(|state| state.spec.group.clone()),
                unit: None,
            })
        }
        Found::NotEnabled | Found::Nothing | Found::Hidden(..) => {
            environment.filter(|environment| environment.is_redeployed_by_cluster()).map(|_| UpdaterSummary {
                kind: UpdaterKind::IntegrationAwsOidc,
                version: None,
                group: None,
                unit: None,
            })
        }
    }
}

fn proof(observation: &Observation, found: Found) -> Proof {
    if observation.evidence == EvidenceKind::Static {
        return Proof::default();
    }
    let (timer, service) = match found {
        Found::Kubernetes => return kubernetes::proof(observation),
        Found::Enabled(Generation::V2) => (observation.v2.timer.present(), observation.v2.service.present()),
        Found::Enabled(Generation::V1) => (observation.v1.timer.present(), observation.v1.service.present()),
        _ => return Proof::default(),
    };
    // A run of something else is none of the updater.
    let is_updaters =
        |service: &&ServiceUnit| service.exec.as_ref().is_none_or(|exec| exec.runs != Some(Runs::Other));
    let last_run = service
        .filter(is_updaters)
        .and_then(|service| service.exited.or(service.started))
        .map(|moment| moment.realtime);
    Proof { last_run, last_success: last_success(observation, service), next_run: timer.and_then(next_run) }
}

/// The last run if it succeeded, else what a daemon remembers, else the last successful update on record.
fn last_success(observation: &Observation, service: Option<&ServiceUnit>) -> Option<Timestamp> {
    let history = observation.history.clone().unwrap_or_default();
    let updated = || {
        let last = observation.v2.config.present()?.status.last_update.as_ref()?;
        last.time.filter(|_| last.success)
    };
    service.and_then(|service| history.success_of(service)).or(history.last_success).or_else(updated)
}

fn next_run(timer: &TimerUnit) -> Option<Timestamp> {
    timer.next_elapse.map(|next| next.realtime).filter(|_| !timer.state.is_masked())
}

fn unseen(observation: &Observation, reasons: &[Reason]) -> Vec<Unseen> {
    let mut unseen: Vec<_> =
        observation.unreadable().into_iter().map(|(fact, why)| Unseen::new(fact, why)).collect();
    if observation.agent.process.is_absent() {
        unseen.push(if observation.systemd.booted.is_absent() {
            Unseen::no_agent_in_container()
        } else {
            Unseen::no_agent(&observation.agent.namespace)
        });
    }
    let mut add = |fact: &str, why: &str| unseen.push(Unseen { fact: fact.into(), why: why.into() });
    if observation.evidence == EvidenceKind::Static {
        add("agent process, timer and runs", "nothing runs in an image");
    }
    for service in [observation.v2.service.present(), observation.v1.service.present()].into_iter().flatten()
    {
        let Some(exec) = &service.exec else { continue };
        if exec.runs == Some(Runs::Opaque) {
            add(&format!("what {} runs", service.state.unit), &format!("`{}` may start anything", exec.path));
        }
        if exec.is_forgotten {
            let why = "systemd forgot it at a reload";
            add(&format!("how the updater in {} ended", service.state.unit), why);
        }
        if service.always_restarts() {
            let why = "systemd always restarts it, so the result of a run does not show";
            add(&format!("how the updater in {} ended", service.state.unit), why);
        }
        if exec.hides_status {
            let why = format!("`{}` does not pass on its exit status", exec.path);
            add(&format!("how the updater in {} ended", service.state.unit), &why);
        }
    }
    let starts = observation.agent.unit.present().and_then(|unit| unit.starts.present());
    if let Some(started) = starts.filter(|started| started.kind == StartedKind::Opaque) {
        add(FactName::StartedFile.as_str(), &format!("`{}` may start anything", started.path));
    }
    if observation.history.is_none() && reasons.contains(&Reason::RunFailed) {
        add("runs before the last one", "only a daemon remembers them");
    }
    unseen
}
