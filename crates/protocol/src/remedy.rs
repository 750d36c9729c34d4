//! A remedy, as it travels: by its id, and with what it is for.

use selfcheck_core::DnsLabel;
use selfcheck_core::Generation;
use selfcheck_core::HelmRelease;
use selfcheck_core::Namespace;
use selfcheck_core::ProxyAddr;
use selfcheck_core::Remedy;
use selfcheck_core::RemedyId;
use selfcheck_core::RemedyTarget;
use selfcheck_core::Text;
use selfcheck_core::UpdaterKind;

use crate::OTHER;
use crate::wire::teleport::selfcheck::v1 as wire;

/// What helps, by its id in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReportedRemedy {
    /// The remedy; `None` for one that this version does not know.
    pub id: Option<RemedyId>,
    /// The Helm release that it is for.
    pub release: HelmRelease,
}

/// All that the command depends on which helps an agent. Agents of one group are helped by the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RemedyGroup {
    /// What helps.
    pub remedy: ReportedRemedy,
    /// The installation.
    pub namespace: Namespace,
    /// The kind of the updater judged; none where there is none.
    pub kind: Option<UpdaterKind>,
}

impl RemedyGroup {
    /// The group of a message.
    pub fn from_wire(count: &wire::RemedyCount) -> Self {
        let remedy = count.remedy.clone().unwrap_or_default();
        Self {
            remedy: ReportedRemedy::from_wire(&remedy),
            namespace: remedy.install_suffix.parse().unwrap_or_default(),
            kind: UpdaterKind::named(Text::words(&count.updater_kind)),
        }
    }

    /// Those whom `remedy` helps, in an installation with an updater of this kind or with none.
    pub const fn new(remedy: ReportedRemedy, namespace: Namespace, kind: Option<UpdaterKind>) -> Self {
        Self { remedy, namespace, kind }
    }

    /// What to run, from this program's own catalogue; `None` where it knows nothing that helps. `proxy` is the cluster's, for
    /// the remedies that need it. No object is named that the agent named: a person writes it in, and may compare it with
    /// [`claims`](Self::claims).
    pub fn render(&self, proxy: Option<&ProxyAddr>) -> Option<Remedy> {
        let generation = self.kind.as_ref().and_then(UpdaterKind::generation).unwrap_or(Generation::V2);
        let update_config = self.namespace.update_config();
        // The agent's unit stays unnamed: only its own host may name one.
        let mut target = RemedyTarget::new(&self.namespace, generation, &update_config);
        target.proxy = proxy.cloned();
        Some(self.remedy.id?.render(&target))
    }

    /// What the agent says is to be written into the command, each with the word that stands for it. Nobody has looked whether
    /// that is so.
    pub fn claims(&self) -> impl Iterator<Item = (&'static str, &DnsLabel)> {
        self.remedy.release.known()
    }
}

impl ReportedRemedy {
    /// One that this version does not know, or that cannot be what helps.
    pub const OTHER: Self = Self { id: None, release: HelmRelease::UNKNOWN };

    /// The message, for an installation.
    pub fn to_wire(&self, namespace: &Namespace) -> wire::Remedy {
        wire::Remedy {
            id: self.id.map_or(OTHER, RemedyId::code).to_owned(),
            install_suffix: namespace.suffix().unwrap_or_default().to_owned(),
            release: label(self.release.name.as_ref()),
            kube_namespace: label(self.release.namespace.as_ref()),
        }
    }

    pub(crate) fn from_wire(remedy: &wire::Remedy) -> Self {
        Self {
            id: remedy.id.parse().ok(),
            release: HelmRelease::new(remedy.release.parse().ok(), remedy.kube_namespace.parse().ok()),
        }
    }
}

fn label(label: Option<&DnsLabel>) -> String {
    label.map(DnsLabel::to_string).unwrap_or_default()
}
