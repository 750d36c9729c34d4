//! From a timer on a host to the table an administrator reads: the sidecar of a real systemd reports to an auth server.

use selfcheck_tests::Cluster;
use selfcheck_tests::Host;
use selfcheck_tests::NODE;
use selfcheck_tests::Sidecar;
use selfcheck_tests::User;
use selfcheck_tests::eventually;
use selfcheck_tests::selfcheck;
use selfcheck_tests::shown;

const TIMER: &str = "teleport-update.timer";
const HOST_ID: &str = "11111111-2222-3333-4444-555555555555";

#[test]
fn a_masked_timer_is_listed_with_its_remedy_until_it_is_mended() {
    let Some(host) = Host::accompanied() else { return };
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let cluster = Cluster::default();
    let auth = runtime.block_on(cluster.serve());
    let (server, admin) = (auth.server(), cluster.admin());
    let identity = std::fs::read_to_string(cluster.identity(HOST_ID, NODE)).expect("identity");
    host.guest.write("/etc/teleport-selfcheck/identity.pem", &identity);
    let drop_in = include_str!("../../../examples/sidecar/reporting.conf");
    let settings = drop_in.replace("auth.example.com:3025", &server).replace("[Service]", "");
    let mut sidecar = Sidecar::start_with(&host, &settings);
    sidecar.next_change();
    let list = |flags: &[&str]| {
        let asked = ["inventory", "ls", "--auth-server", &server, "-i", admin.to_str().expect("path")];
        let output = selfcheck(&[&asked, flags].concat(), "");
        assert!(output.status.success(), "{}", shown(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let row = |flags: &[&str]| {
        list(flags).lines().nth(2).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    eventually("it is listed", || row(&[]).contains(" accompanied observed"));
    host.guest.must(&["ln", "-sf", "/dev/null", &format!("/etc/systemd/system/{TIMER}")]);
    host.guest.systemctl(&["daemon-reload"]);
    eventually("the mask is listed", || row(&[]).contains(" impaired observed timer-masked sudo "));
    assert!(row(&[]).starts_with(HOST_ID), "{}", row(&[]));
    assert_eq!(row(&["--verdict", "accompanied"]), "");
    assert!(row(&["--reason", "timer-masked", "--services", "Node"]).starts_with(HOST_ID));
    let told = String::from_utf8_lossy(&host.look(User::Root, &[]).stdout).into_owned();
    assert!(told.contains("  cluster       knows this status, told "), "{told}");
    let status = host.status(User::Root, &[]);
    assert_eq!(status.reporting.acked, status.sequence);
    assert!(status.reporting.connected);
    let remedy = status.remedy.expect("a remedy").shell;
    assert!(row(&[]).ends_with(&remedy), "{} ends with {remedy}", row(&[]));
    host.remedy_helps(&remedy);
    eventually("the repair is listed", || row(&[]).contains(" accompanied observed"));
    host.guest.systemctl(&["stop", "teleport-selfcheck.service"]);
    eventually("it has left", || row(&[]).is_empty());
    runtime.block_on(auth.end());
}
