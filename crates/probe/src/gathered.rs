//! What the parts of one look told, as one observation.

use selfcheck_core::EvidenceKind;
use selfcheck_core::Fact;
use selfcheck_core::Observation;
use selfcheck_core::Text;
use selfcheck_core::observation::Agent;
use selfcheck_core::observation::Holds;
use selfcheck_core::observation::ObservationSchema;
use selfcheck_core::observation::Systemd;
use selfcheck_core::observation::UpdaterV1;
use selfcheck_core::observation::UpdaterV2;

use crate::agent::AgentSeen;
use crate::bus::Units;
use crate::installation::Installation;

/// The observation of a running host, of what its bus, its files and its processes told.
pub(crate) fn observation(
    booted: Fact<Text>,
    seen: AgentSeen,
    installation: Installation,
    holds: Fact<Holds>,
    version: Option<Text>,
) -> Observation {
    let Units { clock, manager, resumed, loaded, agent, timer_v2, service_v2, timer_v1, service_v1, .. } =
        seen.units;
    let Installation { host, v2, v1 } = installation;
    Observation {
        schema: ObservationSchema,
        clock,
        evidence: EvidenceKind::Live,
        host,
        agent: Agent {
            namespace: seen.namespace,
            unit: agent,
            process: seen.process,
            candidates: seen.candidates,
            program: seen.program,
            config_source: seen.config_source,
            config_path: seen.config_path,
            config: seen.files.config,
            host_id: seen.files.host_id,
            version,
        },
        systemd: Systemd { booted, resumed, units_loaded: loaded, manager },
        v2: UpdaterV2 {
            config_path: v2.config_path,
            config: v2.config,
            legible: v2.legible,
            config_written: v2.config_written,
            lock: v2.lock,
            binary: v2.binary,
            timer: timer_v2,
            service: service_v2,
        },
        v1: UpdaterV1 {
            script: v1.script,
            timer: timer_v1,
            service: service_v1,
            endpoint: v1.endpoint,
            schedule: v1.schedule,
            schedule_written: v1.schedule_written,
            installer: v1.installer,
            neutralised: v1.neutralised,
            holds,
        },
        kubernetes: seen.kubernetes,
        history: None,
    }
}
