//! The files of teleport-upgrade, one per line of the input, judged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::Policy;
use selfcheck_core::Text;
use selfcheck_core::Verdict;
use selfcheck_core::assess;

const HOST: &str = include_str!("../seeds/observation/v1.json");

fuzz_target!(|text: &str| {
    let mut observation: Observation = serde_json::from_str(HOST).expect("host");
    let mut lines = text.split('\n').map(|line| Fact::Present(Text::new(line.trim())));
    let mut next = || lines.next().unwrap_or(Fact::Absent);
    (observation.v1.endpoint, observation.v1.schedule, observation.v1.installer) = (next(), next(), next());
    let status = assess(&observation, &Policy::default(), observation.clock);
    assert!(matches!(status.verdict, Verdict::Accompanied | Verdict::Impaired), "{status:?}");
    let remedy = status.remedy.expect("the older updater always has one");
    assert_eq!(remedy.shell, "sudo teleport-update enable");
});
