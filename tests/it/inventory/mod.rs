//! The inventory stream: both ends over real sockets and mutual TLS.

mod abuse;
mod alerts;
mod bytes;
mod claims;
mod connections;
mod faults;
mod identities;
mod interop;
mod metrics;
mod pairs;
mod questions;
mod reports;
mod rivals;
mod scene;
mod storm;
mod trust;
mod whole;

use std::path::PathBuf;

use selfcheck_core::Basis;
use selfcheck_fleet::AgentRecord;
use selfcheck_fleet::Cursor;
use selfcheck_fleet::Store;
use selfcheck_protocol::ReportedFinding;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_tests::Auth;
use selfcheck_tests::wire::Agent;
use selfcheck_tests::wire::HEALTHY;
use selfcheck_tests::wire::MASKED;
use selfcheck_tests::wire::PATIENCE;
use selfcheck_tests::wire::Raw;
use selfcheck_tests::wire::bare;
use selfcheck_tests::wire::eventually;
use selfcheck_tests::wire::hello;
use selfcheck_tests::wire::status;

/// What an auth server knows of its agents, each as `host: verdict basis codes`.
fn known(auth: &Auth) -> Vec<String> {
    records(auth)
        .iter()
        .map(|record| {
            let codes: Vec<_> = record.report.findings.iter().map(ReportedFinding::code).collect();
            let basis = match record.basis {
                Basis::Observed => "observed",
                Basis::Claimed => "claimed",
            };
            format!("{}: {} {basis} {}", record.hello.server_id, record.report.verdict, codes.join(" "))
        })
        .collect()
}

/// What an auth server knows of its agents, in the order of their ids.
fn records(auth: &Auth) -> Vec<AgentRecord> {
    let store = auth.inventory.store();
    let mut records = Vec::new();
    let mut from = Some(Cursor::default());
    while let Some(cursor) = from {
        let part = store.part(cursor, None, usize::MAX);
        records.extend(part.agents);
        from = part.next;
    }
    records.sort_by_key(|record| record.hello.server_id.clone());
    records
}

/// Waits until an auth server knows this of its agents.
async fn eventually_known(auth: &Auth, wanted: &[&str]) {
    eventually(&format!("{wanted:?} is known"), || known(auth) == wanted).await;
}

/// A file with this text in a folder that lasts as long as the test.
fn file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("identity.pem");
    std::fs::write(&path, text).expect("written");
    path
}
