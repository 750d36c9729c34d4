//! A real systemd, a real bus, the command inside.

use selfcheck_core::Verdict;
use selfcheck_tests::Host;
use selfcheck_tests::User;

#[test]
fn a_healthy_host_is_accompanied_for_root_and_for_ordinary_users() {
    let Some(host) = Host::accompanied() else { return };
    for user in [User::Root, User::Ordinary] {
        let out = host.look(user, &[]);
        eprintln!("{}", String::from_utf8_lossy(&out.stdout));
        eprintln!("{}", String::from_utf8_lossy(&out.stderr));
        let status = host.status(user, &[]);
        assert_eq!(status.verdict, Verdict::Accompanied, "{user:?} {:#?}", status.findings);
    }
}
