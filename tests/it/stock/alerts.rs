//! `alerts` against a stock auth server, and whether it takes ours.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use selfcheck_core::HelmRelease;
use selfcheck_core::Namespace;
use selfcheck_core::Policy;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Reason;
use selfcheck_core::RemedyId;
use selfcheck_core::UpdaterKind;
use selfcheck_core::policy::AlertPolicy;
use selfcheck_core::policy::AlertSeverity;
use selfcheck_fleet::Alert;
use selfcheck_fleet::AlertKeeper;
use selfcheck_fleet::AlertStore;
use selfcheck_fleet::Alerts;
use selfcheck_fleet::FaultSummary;
use selfcheck_fleet::Faulty;
use selfcheck_protocol::AlertFilter;
use selfcheck_protocol::Count;
use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::RemedyGroup;
use selfcheck_protocol::ReportedRemedy;
use selfcheck_protocol::wire::proto::UpsertClusterAlertRequest;
use selfcheck_protocol::wire::types;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use selfcheck_tests::Release;
use selfcheck_tests::with;
use serde_json::json;

use super::EDITOR;
use super::Scene;

fn alert(
    id: &str,
    severity: types::AlertSeverity,
    created: i64,
    labels: &[(&str, &str)],
) -> types::ClusterAlert {
    let labels: BTreeMap<_, _> =
        labels.iter().map(|(key, value)| (format!("teleport.internal/{key}"), (*value).to_owned())).collect();
    types::ClusterAlert {
        header: Some(types::ResourceHeader {
            metadata: Some(types::Metadata { name: id.to_owned(), labels, ..types::Metadata::default() }),
            ..types::ResourceHeader::default()
        }),
        spec: Some(types::ClusterAlertSpec {
            severity: severity.into(),
            message: format!("about {id}"),
            created: Some(prost_types::Timestamp { seconds: created, nanos: 0 }),
        }),
    }
}

fn keep(scene: &Scene, alerts: impl IntoIterator<Item = types::ClusterAlert>) {
    let mut state = scene.auth.state();
    for alert in alerts {
        let id = alert.header.clone().and_then(|header| header.metadata).expect("metadata").name;
        state.alerts.insert(id, alert);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_listed_as_tctl_lists_them() {
    use types::AlertSeverity::High;
    use types::AlertSeverity::Low;
    use types::AlertSeverity::Medium;
    let all = [("alert-permit-all", "yes")];
    for release in Release::ALL {
        let scene = Scene::new(release).await;
        keep(
            &scene,
            [
                alert("a", Low, 9, &all),
                alert("b", Medium, 1, &all),
                alert("c", High, 5, &[]),
                alert("d", Medium, 2, &all),
            ],
        );
        let said = scene.ask(EDITOR, &["alerts", "ls"]).await;
        assert_eq!(said.rows(), ["high about c", "medium about d", "medium about b", "low about a"]);
        let said = scene.ask(EDITOR, &["alerts", "ack", "d", "--reason", "known"]).await;
        assert_eq!(said.code, Some(0), "{}", said.err);
        let said = scene.ask(EDITOR, &["alerts", "ls", "--format", "json"]).await;
        let ids = |said: &super::Said| {
            let json = said.json();
            json.as_array().expect("an array").iter().map(|alert| alert["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&said), ["c", "b", "a"]);
        assert_eq!(said.json()[0]["severity"], json!("high"));
        let said = scene.ask(EDITOR, &["alerts", "ls", "-v", "--format", "json"]).await;
        assert_eq!(ids(&said), ["c", "d", "b", "a"], "with the one that somebody knows of");
        let twice = scene.ask(EDITOR, &["alerts", "ack", "d", "--reason", "known"]).await;
        assert_eq!(twice.code, Some(1));
        assert!(twice.err.contains("already"), "{}", twice.err);
        scene.auth.state().denied.extend(["GetClusterAlerts", "CreateAlertAck"]);
        for (words, right) in [
            (&["alerts", "ls"][..], "list, read"),
            (&["alerts", "ack", "b", "--reason", "r"], "create, update"),
        ] {
            let said = scene.ask(EDITOR, words).await;
            assert_eq!(said.code, Some(1));
            assert!(
                said.err.contains(&format!(
                    "hint: use an identity whose Teleport role allows `cluster_alert: {right}`"
                )),
                "{}",
                said.err
            );
        }
    }
}

/// Every alert that may ever be raised: each kind of fault, with each reason and each remedy, where the proxy is named in any
/// way, the severities, and what is said beside.
fn every_alert() -> Vec<types::ClusterAlert> {
    let wall = selfcheck_tests::wall_clock();
    let proxies =
        [None, "Teleport.Example.COM:443".parse::<ProxyAddr>().ok(), "[::1]:3080".parse::<ProxyAddr>().ok()];
    let blue: Namespace = "Blue-1".parse().expect("a suffix");
    let mut alerts = Vec::new();
    let mut raise = |faults: &FaultSummary, policy: &AlertPolicy, proxy: &Option<ProxyAddr>| {
        let mut keeper = AlertKeeper::new(policy, proxy.clone());
        let book = Alerts::default();
        keeper.keep(faults, &book, wall).expect("taken by this project's own rules");
        let all = with(AlertFilter::default(), |filter| {
            (filter.with_superseded, filter.with_untargeted) = (true, true);
        });
        alerts.extend(book.list(&all, wall).iter().map(Alert::to_wire));
    };
    let groups = RemedyId::ALL.iter().flat_map(|id| {
        [
            (Namespace::default(), UpdaterKind::Binary),
            (blue.clone(), UpdaterKind::Unit),
            (blue.clone(), UpdaterKind::Kube),
        ]
        .map(|(namespace, kind)| {
            let remedy = with(ReportedRemedy::OTHER, |remedy| {
                remedy.id = Some(*id);
                remedy.release = HelmRelease::new("agents".parse().ok(), "teleport".parse().ok());
            });
            RemedyGroup::new(remedy, namespace, Some(kind))
        })
    });
    let groups: Vec<_> = groups.map(Some).chain([None]).collect();
    let reasons: Vec<_> = Reason::catalogue().iter().map(|entry| Some(entry.reason)).chain([None]).collect();
    let count = |of, agents| vec![Count { of, agents }];
    for (place, group) in groups.iter().enumerate() {
        let reason = reasons[place % reasons.len()];
        for proxy in &proxies {
            let group = with(Faulty::default(), |faulty| {
                faulty.agents = 1;
                faulty.reasons = vec![Count { of: reason, agents: 1 }];
                faulty.remedies = count(group.clone(), 1);
            });
            raise(&all_of(&group), &AlertPolicy::default(), proxy);
        }
    }
    for (place, reason) in reasons.iter().enumerate() {
        let some = |step: usize| Count { of: reasons[(place + step) % reasons.len()], agents: 1 };
        let remedies = groups.iter().skip(place).take(5);
        let remedies = remedies.map(|group| Count { of: group.clone(), agents: 1 }).collect();
        let group = with(Faulty::default(), |faulty| {
            (faulty.agents, faulty.claimed, faulty.shared, faulty.behind) =
                (u64::MAX, u64::MAX, 7, 1_000_000);
            faulty.reasons =
                vec![Count { of: *reason, agents: u64::MAX }, some(1), some(2), some(3), some(4)];
            faulty.remedies = remedies;
        });
        let severity = [AlertSeverity::Low, AlertSeverity::Medium, AlertSeverity::High][place % 3];
        let policy = with(AlertPolicy::default(), |policy| {
            (policy.severity, policy.verb_permit) = (severity, "token:create|node_1:read".into());
        });
        policy_must_hold(&policy);
        raise(&all_of(&group), &policy, &proxies[place % 3]);
    }
    alerts
}

/// Each kind of fault, all of these agents.
fn all_of(group: &Faulty) -> FaultSummary {
    with(FaultSummary::default(), |faults| {
        faults.agents = group.agents;
        for faulty in [&mut faults.unaccompanied, &mut faults.impaired, &mut faults.unknown] {
            faulty.clone_from(group);
        }
    })
}

fn policy_must_hold(alerts: &AlertPolicy) {
    let policy = with(Policy::default(), |policy| policy.alerts = alerts.clone());
    policy.check().expect("a valid policy");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_alert_of_ours_is_taken_by_every_release() {
    let alerts = every_alert();
    assert!(alerts.len() > 400, "{}", alerts.len());
    let ids: BTreeSet<_> = alerts
        .iter()
        .filter_map(|alert| Some(alert.header.as_ref()?.metadata.as_ref()?.name.clone()))
        .collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    for release in Release::ALL {
        let scene = Scene::new(release).await;
        let identity = IdentityFile::read(&scene.identity(EDITOR)).expect("identity");
        let client = AuthClient::connect(&scene.auth.server(), &identity).await.expect("connected");
        let mut auth = AuthServiceClient::new(client.channel());
        for alert in &alerts {
            assert_eq!(selfcheck_tests::refusal(release, alert), None, "{release:?}: {alert:?}");
            auth.upsert_cluster_alert(UpsertClusterAlertRequest { alert: Some(alert.clone()) })
                .await
                .expect("taken");
        }
        assert_eq!(scene.ask(EDITOR, &["alerts", "ls"]).await.rows().len(), 3);
    }
}

#[test]
fn the_rules_of_the_releases_differ() {
    let words = |text| alert("a", types::AlertSeverity::Low, 1, &[("link-text", text)]);
    let refused = |release, text| selfcheck_tests::refusal(release, &words(text)).is_some();
    assert!(
        refused(Release::V14, "Managed updates of agents")
            && !refused(Release::Today, "Managed updates of agents")
    );
    assert!(!refused(Release::V14, "managed-updates") && refused(Release::Today, "managed-updates"));
    for release in Release::ALL {
        let permit = alert("a", types::AlertSeverity::Low, 1, &[("alert-verb-permit", "Token:Create")]);
        assert!(selfcheck_tests::refusal(release, &permit).is_some(), "{release:?}");
    }
}
