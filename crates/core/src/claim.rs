//! Judging an agent that does not check itself, by what it says of its updater in its stock Hello.

use crate::Reason;
use crate::TeleportVersion;
use crate::Text;
use crate::UpdaterKind;
use crate::UpdaterStatus;
use crate::Verdict;
use crate::stock::FIRST_WITH_UPDATER;

/// What an agent says of its updater in its stock Hello.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Claim<'a> {
    /// Its Teleport version.
    pub version: &'a str,
    /// Its system roles, as `Node`.
    pub services: &'a [Text],
    /// `ExternalUpgrader`; `None` where whoever tells of the agent does not keep it.
    pub external_upgrader: Option<Option<&'a UpdaterKind>>,
    /// `UpdaterStatus`, where it sent one.
    pub updater_status: Option<UpdaterStatus>,
}

impl<'a> Claim<'a> {
    /// That of an agent of this version which runs these services, where nobody tells of its updater.
    pub const fn new(version: &'a str, services: &'a [Text]) -> Self {
        Self { version, services, external_upgrader: None, updater_status: None }
    }

    /// With this `ExternalUpgrader` or none, and this `UpdaterStatus`, where it sent one.
    #[must_use]
    pub const fn updater(self, kind: Option<&'a UpdaterKind>, status: Option<UpdaterStatus>) -> Self {
        Self { external_upgrader: Some(kind), updater_status: status, ..self }
    }
}

impl Claim<'_> {
    /// What follows from it: the verdict, and the reason that leads to it or puts it in question. What the agent says may be
    /// known to nobody; then the verdict is unknown, and the reason lies with no agent.
    ///
    /// Nothing is proven by a claim: stock Teleport detects its updater from an environment variable or a path, once, at start.
    pub fn judge(&self) -> (Verdict, Option<Reason>) {
        match self.reason() {
            Some(reason) => (reason.verdict().unwrap_or(Verdict::Accompanied), Some(reason)),
            None => (Verdict::Unknown, None),
        }
    }

    fn reason(&self) -> Option<Reason> {
        if self.services.iter().any(|service| matches!(service.as_str(), "Auth" | "Proxy")) {
            return Some(Reason::ControlPlane);
        }
        Some(match (self.external_upgrader?, self.updater_status) {
            (None, _) => match TeleportVersion::major_in(self.version) {
                Some(major) if major >= FIRST_WITH_UPDATER => Reason::ClaimsNoUpdater,
                _ => Reason::AgentTooOld,
            },
            (Some(UpdaterKind::IntegrationAwsOidc), _) => Reason::UpdatedByCluster,
            (_, Some(UpdaterStatus::Disabled)) => Reason::UpdatesDisabled,
            (_, Some(UpdaterStatus::Pinned)) => Reason::VersionPinned,
            (_, Some(UpdaterStatus::Unreadable)) => Reason::ConfigDenied,
            _ => Reason::Unproven,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(version: &str, upgrader: &str, status: Option<UpdaterStatus>) -> String {
        let upgrader = UpdaterKind::named(upgrader.into());
        let claim = Claim {
            version,
            services: &["Node".into()],
            external_upgrader: Some(upgrader.as_ref()),
            updater_status: status,
        };
        let (verdict, reason) = claim.judge();
        format!("{verdict}.{}", reason.expect("a reason"))
    }

    #[test]
    fn a_claim_is_judged_as_the_contract_says() {
        assert_eq!(judge("18.2.0", "", None), "unaccompanied.claims-no-updater");
        assert_eq!(judge("13.0.0-alpha.1", "", None), "unaccompanied.claims-no-updater");
        assert_eq!(judge("17.1.0-our_build", "", None), "unaccompanied.claims-no-updater");
        assert_eq!(judge("12.9.9", "", None), "unknown.agent-too-old");
        assert_eq!(judge("v12.0.0", "", None), "unknown.agent-too-old");
        assert_eq!(judge("", "", None), "unknown.agent-too-old");
        assert_eq!(judge("18.2.0", "binary", Some(UpdaterStatus::Ok)), "accompanied.unproven");
        assert_eq!(judge("18.2.0", "unit", None), "accompanied.unproven");
        assert_eq!(judge("18.2.0", "something-new", None), "accompanied.unproven");
        assert_eq!(judge("18.2.0", "binary", Some(UpdaterStatus::Disabled)), "held.updates-disabled");
        assert_eq!(judge("18.2.0", "binary", Some(UpdaterStatus::Pinned)), "held.version-pinned");
        assert_eq!(judge("18.2.0", "binary", Some(UpdaterStatus::Unreadable)), "unknown.config-denied");
        assert_eq!(judge("18.2.0", "integration_awsoidc", None), "exempt.updated-by-cluster");
    }

    #[test]
    fn the_control_plane_needs_none() {
        let services = ["Node".into(), "Proxy".into()];
        for external_upgrader in [Some(None), None] {
            let claim =
                Claim { version: "18.2.0", services: &services, external_upgrader, updater_status: None };
            assert_eq!(claim.judge(), (Verdict::Exempt, Some(Reason::ControlPlane)));
        }
    }

    #[test]
    fn what_nobody_tells_is_not_none() {
        let services = ["Node".into()];
        let claim =
            Claim { version: "18.2.0", services: &services, external_upgrader: None, updater_status: None };
        assert_eq!(claim.judge(), (Verdict::Unknown, None));
    }
}
