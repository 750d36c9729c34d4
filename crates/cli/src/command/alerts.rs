//! `alerts`: a cluster's alerts.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::policy::AlertSeverity;
use selfcheck_core::printable;
use selfcheck_protocol::severity_from_wire;
use selfcheck_protocol::wire::types::AlertAcknowledgement;
use selfcheck_protocol::wire::types::ClusterAlert;
use selfcheck_protocol::wire::types::GetClusterAlertsRequest;
use serde::Serialize;

use crate::args::AckArgs;
use crate::args::AlertsCommand;
use crate::args::Format;
use crate::args::QueryArgs;
use crate::error::CliError;
use crate::output;
use crate::output::Output;
use crate::text;

use super::ask::Right;
use super::ask::asking;
use super::ask::in_time;
use super::ask::query;

/// What one needs to list alerts, and to hide one.
const LIST: Right = "`cluster_alert: list, read`";
const ACKNOWLEDGE: Right = "`cluster_alert: create, update`";

/// What is shown of an alert. Whoever raised it chose the words, which have been made printable.
#[derive(Debug, Serialize)]
struct Shown {
    id: Text,
    severity: AlertSeverity,
    message: String,
    created: Option<Timestamp>,
    labels: BTreeMap<String, String>,
}

pub(super) fn run(command: &AlertsCommand, output: &Output) -> Result<u8, CliError> {
    asking(async {
        match command {
            AlertsCommand::Ls(args) => list(args, output).await,
            AlertsCommand::Ack(args) => acknowledge(args, output).await,
        }
    })
}

/// As `tctl alerts ls` asks: for all that who asks may see, and with `-v` also for those that somebody knows of.
async fn list(args: &QueryArgs, output: &Output) -> Result<u8, CliError> {
    let request = GetClusterAlertsRequest {
        with_untargeted: true,
        with_acknowledged: output.verbose,
        ..GetClusterAlertsRequest::default()
    };
    let server = &args.server;
    let alerts =
        query(server, LIST, async |client| in_time(&server.auth_server, client.alerts(request)).await)
            .await?;
    let told = alerts.len();
    let mut alerts: Vec<_> = alerts.into_iter().filter_map(Shown::of).collect();
    if alerts.len() < told {
        output.warn(&format!("{} alerts have no id or no message and are left out", told - alerts.len()));
    }
    // Old auth servers tell them in the order of their ids.
    alerts.sort_by(|one, other| {
        (other.severity, other.created, &one.id).cmp(&(one.severity, one.created, &other.id))
    });
    let shown = match args.format {
        Format::Json => super::json(&alerts)?,
        Format::Text if alerts.is_empty() => "no alerts\n".to_owned(),
        Format::Text if output.verbose => {
            let rows: Vec<_> = alerts.iter().map(Shown::all).collect();
            text::table(["ID", "Severity", "Created", "Labels", "Message"], &rows)
        }
        Format::Text => {
            let rows: Vec<_> = alerts
                .iter()
                .map(|alert| [alert.severity.code().to_owned(), alert.message.clone()])
                .collect();
            text::table(["Severity", "Message"], &rows)
        }
    };
    output::print(&shown)?;
    Ok(0)
}

async fn acknowledge(args: &AckArgs, output: &Output) -> Result<u8, CliError> {
    let server = &args.server;
    let lasts = SignedDuration::try_from(args.ttl.duration()).unwrap_or_default();
    let until = (selfcheck_probe::now().realtime + lasts).as_second();
    let ack = AlertAcknowledgement {
        alert_id: args.id.clone(),
        reason: args.reason.clone(),
        expires: Some(prost_types::Timestamp { seconds: until, nanos: 0 }),
    };
    query(server, ACKNOWLEDGE, async |client| {
        in_time(&server.auth_server, client.acknowledge_alert(ack)).await
    })
    .await?;
    output.remark(&format!("`{}` is hidden for {}", args.id, args.ttl));
    Ok(0)
}

impl Shown {
    fn of(alert: ClusterAlert) -> Option<Self> {
        let metadata = alert.header?.metadata?;
        let spec = alert.spec?;
        let created = spec.created.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
        let labels = metadata.labels.iter().map(|(key, value)| (printable(key), printable(value)));
        Some(Self {
            id: Text::new(&metadata.name),
            severity: severity_from_wire(spec.severity),
            message: printable(&spec.message),
            created,
            labels: labels.collect(),
        })
    }

    fn all(&self) -> [String; 5] {
        let labels: Vec<_> = self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        [
            self.id.to_string(),
            self.severity.code().to_owned(),
            self.created.map(|created| created.to_string()).unwrap_or_default(),
            labels.join(","),
            self.message.clone(),
        ]
    }
}
