//! `inventory` against a stock auth server.

use selfcheck_protocol::wire::types::InstanceV1;
use selfcheck_reporter::StockInventory;
use selfcheck_tests::Release;
use selfcheck_tests::wire::eventually;
use serde_json::json;

use super::ADMIN;
use super::EDITOR;
use super::Scene;
use super::agent;
use super::instance;

const BEYOND: &str = "does not report which updater an agent has";
const ADMIN_MAY: &str = "; the built-in role `Admin` may list connected agents";

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_the_server_does_not_have_is_unknown_and_not_none() {
    let scene = Scene::new(Release::V14).await;
    scene.knows_some();
    // A person may list instances, and not ask who is connected.
    let said = scene.ask(EDITOR, &["inventory", "ls"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(
        said.rows(),
        [
            "a1 host-of-a1 Node 13.4.0 unknown unknown unknown unknown claimed",
            "a2 host-of-a2 Node 17.5.2 unknown unknown unknown unknown claimed",
            "a3 host-of-a3 Node 18.2.0 unknown unknown unknown unknown claimed",
        ]
    );
    let told = format!(
        "warning: this auth server, Teleport 14.0.0-dev, {BEYOND}: 3 of 3 agents are unknown for this reason only{ADMIN_MAY}\n"
    );
    assert!(said.err.ends_with(&told), "{}", said.err);
    assert_eq!(said.err.lines().count(), 2, "and that it is a stock one: {}", said.err);
    let rows = scene.ask(EDITOR, &["inventory", "ls", "--format", "json"]).await.json();
    assert_eq!(
        rows[0]["unknown_fields"],
        json!(["upgrader", "upgrader_version", "update_group", "updater_status"])
    );
    assert_eq!(
        (&rows[0]["upgrader"], &rows[0]["verdict"], &rows[0]["reasons"]),
        (&json!(null), &json!("unknown"), &json!([]))
    );
    for verdict in ["unaccompanied", "accompanied", "held"] {
        let said = scene.ask(EDITOR, &["inventory", "ls", "--verdict", verdict]).await;
        assert_eq!(said.rows(), [""; 0], "{verdict}");
        assert!(said.err.contains(BEYOND), "{}", said.err);
        assert!(
            said.err.contains("does not report a field to filter by: 3 of 3 agents are left out"),
            "{}",
            said.err
        );
    }
    // Those that another condition leaves out are not meant, and those whose services say enough.
    let mut proxy = agent("p1", "14.0.0-dev", "", None);
    proxy.services = vec!["Proxy".to_owned()];
    scene.auth.state().instances.push(instance(&proxy));
    for (flags, left_out) in [
        (&["--verdict", "unaccompanied"][..], 3),
        (&["--verdict", "held"], 3),
        (&["--reason", "control-plane"], 0),
        (&["--verdict", "exempt", "--services", "proxy"], 0),
    ] {
        let said = scene.ask(EDITOR, &[&["inventory", "ls"], flags].concat()).await;
        let told = said.err.contains(&format!("{left_out} of 4 agents are left out"));
        assert_eq!(told, left_out > 0, "{flags:?} {}", said.err);
    }
    let said = scene.ask(EDITOR, &["inventory", "ls", "--verdict", "held", "--services", "kube"]).await;
    assert!(!said.err.contains("left out"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_connected_agents_say_is_told_with_their_instances() {
    let scene = Scene::new(Release::V14).await;
    scene.knows_some();
    // One whose instance is there no more than its stream, and one whose instance is still to come.
    scene.auth.state().instances.push(instance(&agent("a4", "18.2.0", "", None)));
    scene.auth.state().connected.push(agent("a5", "18.2.0", "", None));
    let said = scene.ask(ADMIN, &["inventory", "ls"]).await;
    assert_eq!(
        said.rows(),
        [
            "a1 host-of-a1 Node 13.4.0 unit unknown unknown accompanied claimed unproven",
            "a2 host-of-a2 Node 17.5.2 binary unknown unknown accompanied claimed unproven",
            "a3 host-of-a3 Node 18.2.0 none none unaccompanied claimed claims-no-updater",
            "a4 host-of-a4 Node 18.2.0 unknown unknown unknown unknown claimed",
            "a5 host-of-a5 Node 18.2.0 none none unaccompanied claimed claims-no-updater",
        ]
    );
    assert!(said.err.contains("1 of 5 agents are unknown for this reason only"), "{}", said.err);
    // One of a kind that has a state, which this server does not keep: a2 is paused.
    assert!(
        said.err.contains("does not report whether updates are paused: 1 of 5 agents may be held"),
        "{}",
        said.err
    );
    let said = scene.ask(ADMIN, &["inventory", "ls", "--verdict", "unaccompanied"]).await;
    assert!(
        said.err.contains("1 of 5 agents are left out"),
        "the one of unknown updater alone: {}",
        said.err
    );
    for flags in [["--update-group", "stage"], ["--verdict", "held"], ["--reason", "updates-disabled"]] {
        let said = scene.ask(ADMIN, &[&["inventory", "ls"], &flags[..]].concat()).await;
        assert_eq!(said.rows(), [""; 0], "{flags:?}");
        assert!(said.err.contains("agents are left out"), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agent_says_now_is_newer_than_what_was_kept() {
    let scene = Scene::new(Release::V14).await;
    let mut kept = agent("a1", "12.4.0", "", None);
    kept.services = vec!["Proxy".to_owned()];
    scene.auth.state().instances.push(instance(&kept));
    scene.auth.state().connected.push(agent("a1", "18.2.0", "", None));
    let now = ["a1 host-of-a1 Node 18.2.0 none none unaccompanied claimed claims-no-updater"];
    assert_eq!(scene.ask(ADMIN, &["inventory", "ls"]).await.rows(), now);
    assert_eq!(scene.ask(ADMIN, &["inventory", "ls", "--services", "node"]).await.rows(), now);
    assert_eq!(scene.ask(ADMIN, &["inventory", "ls", "--older-than", "13"]).await.rows(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_today_tells_everything() {
    let scene = Scene::new(Release::Today).await;
    scene.knows_some();
    let said = scene.ask(EDITOR, &["inventory", "ls"]).await;
    assert_eq!(
        said.rows(),
        [
            "a1 host-of-a1 Node 13.4.0 unit 13.4.0 accompanied claimed unproven",
            "a2 host-of-a2 Node 17.5.2 binary 17.5.2 stage held claimed updates-disabled",
            "a3 host-of-a3 Node 18.2.0 none none unaccompanied claimed claims-no-updater",
        ]
    );
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(
        !scene.auth.state().calls.contains(&"GetInventoryStatus"),
        "nobody who is connected is asked for"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_filter_is_ignored_whatever_the_server_knows() {
    for release in Release::ALL {
        let scene = Scene::new(release).await;
        scene.knows_some();
        let mut kube = agent("a4", "18.3.0-rc.1", "kube", None);
        kube.services = vec!["Kube".to_owned(), "WindowsDesktop".to_owned()];
        scene.auth.state().instances.push(instance(&kube));
        scene.auth.state().connected.push(kube);
        for (flags, today, old) in [
            (&["--upgrader", "unit"][..], "a1", "a1"),
            (&["--upgrader", "none"], "a3", "a3"),
            (&["--upgrader", "nonsense"], "", ""),
            (&["--older-than", "17.0.0"], "a1", "a1"),
            (&["--older-than", "v18"], "a1 a2", "a1 a2"),
            (&["--older-than", "18.3.0"], "a1 a2 a3 a4", "a1 a2 a3 a4"),
            (&["--update-group", "stage"], "a2", ""),
            (&["--services", "node"], "a1 a2 a3", "a1 a2 a3"),
            (&["--services", "KUBE"], "a4", "a4"),
            (&["--services", "windows_desktop,db"], "a4", "a4"),
            (&["--services", "node, kube"], "a1 a2 a3 a4", "a1 a2 a3 a4"),
            (&["--services", "app"], "", ""),
            (&["--verdict", "held"], "a2", ""),
            (&["--reason", "claims-no-updater"], "a3", "a3"),
            (&["--limit", "2"], "a1 a2", "a1 a2"),
            (&["--upgrader", "unit", "--services", "kube"], "", ""),
        ] {
            let said = scene.ask(ADMIN, &[&["inventory", "ls"], flags].concat()).await;
            let ids: Vec<_> = said.rows().iter().map(|row| row[..2].to_owned()).collect();
            let expected = if release == Release::Today { today } else { old };
            assert_eq!(ids.join(" "), expected, "{release:?} {flags:?} {}", said.err);
        }
        for flags in [
            ["--services", "nonsense"],
            ["--services", "bot"],
            ["--upgrader", ""],
            ["--update-group", ""],
            ["--services", ""],
            ["--older-than", "new"],
            ["--older-than", "18.2.0.1"],
        ] {
            let said = scene.ask(ADMIN, &[&["inventory", "ls"], &flags[..]].concat()).await;
            assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{flags:?}");
            assert!(said.err.contains(flags[1]), "{}", said.err);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_counts_what_is_told() {
    let scene = Scene::new(Release::V14).await;
    scene.knows_some();
    let said = scene.ask(ADMIN, &["inventory", "status"]).await;
    assert!(said.out.ends_with("Total Instances: unknown, 3 connected\n"), "{}", said.out);
    assert!(said.err.contains("does not count instances"), "{}", said.err);
    let counts = scene.ask(ADMIN, &["inventory", "status", "--format", "json"]).await.json();
    assert_eq!((&counts["total_instances"], &counts["connected"]), (&json!(null), &json!(3)));
    assert_eq!(counts["upgraders"], json!({"binary": 1, "none": 1, "unit": 1}));
    assert_eq!(counts["versions"], json!({"13.4.0": 1, "17.5.2": 1, "18.2.0": 1}));
    assert_eq!((&counts["services"], &counts["verdicts"]), (&json!({"Node": 3}), &json!(null)));
    // A person may not ask an old one for its counts, and yet list the instances.
    let said = scene.ask(EDITOR, &["inventory", "status"]).await;
    assert!(said.out.ends_with("Total Instances: 3\n"), "{}", said.out);
    assert!(said.err.contains("the instances that it may list are counted"), "{}", said.err);
    let counts = scene.ask(EDITOR, &["inventory", "status", "--format", "json"]).await.json();
    assert_eq!((&counts["upgraders"], &counts["connected"]), (&json!({"unknown": 3}), &json!(null)));
    scene.auth.state().denied.insert("GetInstances");
    let denied = scene.ask(EDITOR, &["inventory", "status"]).await;
    assert_eq!((denied.code, denied.out.as_str()), (Some(1), ""));
    assert!(denied.err.contains("answered permission-denied"), "{}", denied.err);
    let hint = "hint: use an identity whose Teleport role allows `instance: list, read` (up to Teleport 14, one with the built-in role `Admin`)";
    assert!(denied.err.contains(hint), "{}", denied.err);
    let denied = scene.ask(EDITOR, &["inventory", "ls"]).await;
    assert!(denied.err.contains("allows `instance: list, read`;"), "{}", denied.err);

    let scene = Scene::new(Release::Today).await;
    let nobody = scene.ask(EDITOR, &["inventory", "status", "--format", "json"]).await.json();
    assert_eq!(
        (&nobody["total_instances"], &nobody["connected"]),
        (&json!(0), &json!(null)),
        "none are none here"
    );
    scene.knows_some();
    let said = scene.ask(EDITOR, &["inventory", "status"]).await;
    assert!(said.out.ends_with("Total Instances: 3\n"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_is_shown_as_far_as_the_server_can_tell() {
    let scene = Scene::new(Release::V14).await;
    scene.knows_some();
    let said = scene.ask(EDITOR, &["inventory", "show", "a3"]).await;
    assert!(
        said.out.starts_with("UNKNOWN: its auth server does not report which updater it has\n"),
        "{}",
        said.out
    );
    let said = scene.ask(EDITOR, &["inventory", "show", "a9"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("knows no agent `a9`"), "{}", said.err);
    assert!(said.err.contains(ADMIN_MAY), "it may be connected: {}", said.err);
    let said = scene.ask(ADMIN, &["inventory", "show", "a3"]).await;
    assert!(said.out.starts_with("UNACCOMPANIED: "), "{}", said.out);
    scene.auth.state().connected.push(agent("a5", "18.2.0", "unit", None));
    let said = scene.ask(ADMIN, &["inventory", "show", "a5"]).await;
    assert!(said.out.starts_with("ACCOMPANIED: "), "connected, and not kept yet: {}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn remedies_say_what_a_stock_server_cannot_do() {
    for release in Release::ALL {
        let scene = Scene::new(release).await;
        scene.knows_some();
        let said = scene.ask(ADMIN, &["inventory", "remedies"]).await;
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
        assert!(said.err.contains("is a stock one and has no remedies"), "{}", said.err);
        assert!(said.err.contains("hint: `inventory ls --verdict unaccompanied`"), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_says_why_it_may_be_empty() {
    for release in Release::ALL {
        let scene = Scene::new(release).await;
        let said = scene.ask(EDITOR, &["inventory", "ls"]).await;
        assert_eq!(said.rows(), [""; 0]);
        assert!(said.err.contains("has no instances: they come with heartbeats"), "{}", said.err);
        assert!(said.err.contains(ADMIN_MAY) && said.err.lines().count() == 2, "{}", said.err);
        scene.auth.state().connected.push(agent("a7", "18.2.0", "unit", None));
        let said = scene.ask(EDITOR, &["inventory", "status"]).await;
        assert!(said.err.contains("has no instances"), "{}", said.err);
        let told = if release == Release::V14 { "unknown" } else { "0" };
        assert!(said.out.ends_with(&format!("Total Instances: {told}\n")), "{release:?} {}", said.out);
        let said = scene.ask(ADMIN, &["inventory", "ls"]).await;
        assert_eq!(said.rows().len(), 1);
        assert!(
            said.err.contains("; only agents connected to this one auth server are listed"),
            "{}",
            said.err
        );
        scene.auth.state().connected.clear();
        assert_eq!(scene.ask(EDITOR, &["inventory", "ls", "--format", "json"]).await.json(), json!([]));
        scene.knows_some();
        let said = scene.ask(EDITOR, &["inventory", "ls", "--services", "app"]).await;
        assert!(!said.err.contains("INSTANCE_HB"), "it is the filter: {}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_that_have_only_just_connected_are_listed_in_the_order_they_are_told() {
    for release in Release::ALL {
        let scene = Scene::new(release).await;
        let ids: Vec<_> = (0..50).map(|number| format!("{:02}", 99 - number)).collect();
        scene.auth.state().connected.extend(ids.iter().map(|id| agent(id, "18.2.0", "unit", None)));
        for _ in 0..2 {
            let said = scene.ask(ADMIN, &["inventory", "ls"]).await;
            let listed: Vec<_> = said.rows().iter().map(|row| row[..2].to_owned()).collect();
            assert_eq!(listed, ids, "{release:?}");
        }
        assert_eq!(scene.ask(ADMIN, &["inventory", "ls", "--limit", "3"]).await.rows().len(), 3);
        let said = scene.ask(ADMIN, &["inventory", "status"]).await;
        assert!(said.out.ends_with("Total Instances: unknown, 50 connected\n"), "{}", said.out);
    }
}

#[tokio::test]
async fn what_has_no_answer_is_an_error_in_time() {
    // A server that takes the question and stays silent; no test waits for a minute.
    let scene = Scene::new(Release::V14).await;
    scene.auth.state().silent.insert("Ping");
    let identity = selfcheck_protocol::IdentityFile::read(&scene.identity(ADMIN)).expect("identity");
    let client = selfcheck_reporter::AuthClient::connect(&scene.auth.server(), &identity).await;
    let client = client.expect("connected");
    for call in ["Ping", "GetInventoryStatus", "GetInstances"] {
        scene.auth.state().silent = [call].into();
        let asking = tokio::spawn({
            let client = client.clone();
            async move { StockInventory::open(&client).await.map(|_| ()) }
        });
        eventually(call, || scene.auth.state().calls.last() == Some(&call)).await;
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        tokio::time::resume();
        let error = asking.await.expect("no panic").expect_err("no answer");
        assert_eq!(error.kind(), "timeout", "{call}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_and_never_dropped_in_silence() {
    let scene = Scene::new(Release::Today).await;
    scene.knows_some();
    let mut odd = agent("a4", "a version", "unit", None);
    odd.hostname = "x".repeat(10_000);
    odd.services = (0..100).map(|number| format!("Service{number}")).collect();
    scene.auth.state().instances.extend([instance(&odd), InstanceV1::default()]);
    let said = scene.ask(EDITOR, &["inventory", "ls"]).await;
    assert_eq!(said.rows().len(), 4, "{}", said.out);
    assert!(said.rows()[3].starts_with("a4 xxx"), "{}", said.out);
    assert!(said.err.contains("1 entries are unreadable or name no agent, and are left out"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_comes_in_parts_and_none_is_lost() {
    let scene = Scene::new(Release::Today).await;
    for number in 0..1005 {
        scene.knows(&format!("{number:04}"), "18.2.0", "unit", None);
    }
    let said = scene.ask(EDITOR, &["inventory", "ls"]).await;
    assert_eq!(said.rows().len(), 1005);
    assert!(said.rows().is_sorted());
    let rows = scene.ask(EDITOR, &["inventory", "ls", "--format", "json"]).await.json();
    assert_eq!(rows.as_array().expect("an array").len(), 1005);
    assert_eq!(scene.ask(EDITOR, &["inventory", "ls", "--limit", "1001"]).await.rows().len(), 1001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_breaks_off_is_an_error_and_no_shorter_list() {
    let scene = Scene::new(Release::Today).await;
    for number in 0..1000 {
        scene.knows(&format!("{number:04}"), "18.2.0", "unit", None);
    }
    scene.auth.state().breaks_after = Some(500);
    let said = scene.ask(EDITOR, &["inventory", "ls"]).await;
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("answered unavailable: the cache is gone"), "{}", said.err);
    let said = scene.ask(EDITOR, &["inventory", "ls", "--format", "json"]).await;
    assert_eq!(said.code, Some(1));
    assert!(serde_json::from_str::<serde_json::Value>(&said.out).is_err(), "cut off, it is no JSON");
    let said = scene.ask(EDITOR, &["inventory", "show", "0999"]).await;
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(!said.err.contains("no agent"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_listed_twice_says_the_same_twice() {
    // As some stores of auth servers did.
    let scene = Scene::new(Release::V14).await;
    scene.knows_some();
    scene.auth.state().instances.push(instance(&agent("a1", "13.4.0", "unit", None)));
    let said = scene.ask(ADMIN, &["inventory", "ls", "--upgrader", "unit"]).await;
    let row = "a1 host-of-a1 Node 13.4.0 unit unknown unknown accompanied claimed unproven";
    assert_eq!(said.rows(), [row, row]);
}
