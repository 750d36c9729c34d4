//! `alerts`: a cluster's alerts.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::Timestamp;
use selfcheck_core::Text;
use selfcheck_core::policy::AlertSeverity;
use selfcheck_protocol::AlertFilter;
use selfcheck_protocol::AlertList;
use selfcheck_protocol::ListedAlert;
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

/// What is shown of an alert.
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
    let mut wanted = AlertFilter::default();
    wanted.with_untargeted = true;
    wanted.with_acknowledged = output.verbose;
    let server = &args.server;
    let AlertList { alerts, unreadable, .. } =
        query(server, LIST, async |client| in_time(&server.auth_server, client.alerts(&wanted)).await)
            .await?;
    if unreadable > 0 {
        output.warn(&format!("{unreadable} alerts have no id or no message and are left out"));
    }
    let mut alerts: Vec<_> = alerts.into_iter().map(Shown::of).collect();
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
    let until = selfcheck_probe::now().realtime + lasts;
    query(server, ACKNOWLEDGE, async |client| {
        in_time(&server.auth_server, client.acknowledge_alert(&args.id, &args.reason, until)).await
    })
    .await?;
    output.remark(&format!("`{}` is hidden for {}", args.id, args.ttl));
    Ok(0)
}

impl Shown {
    fn of(alert: ListedAlert) -> Self {
        let ListedAlert { id, severity, message, created, labels, .. } = alert;
        Self { id, severity, message, created, labels }
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
