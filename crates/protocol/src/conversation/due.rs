//! What waits to be sent. However much happens, each is sent once.

use jiff::Timestamp;
use selfcheck_core::Status;

use crate::Report;
use crate::valid;
use crate::wire::proto::InventoryHeartbeat;
use crate::wire::proto::UpstreamInventoryPong;
use crate::wire::proto::upstream_inventory_one_of::Msg as Up;
use crate::wire::teleport::selfcheck::v1::UpdaterSelfCheck;

/// What waits to be sent.
#[derive(Debug)]
pub(super) struct Due {
    report: bool,
    beat: bool,
    pong: Option<u64>,
    reported: Option<Reported>,
}

/// The last report on this stream.
#[derive(Debug)]
struct Reported {
    sequence: u64,
    is_acked: bool,
}

impl Due {
    /// A report, where those are taken.
    pub(super) const fn from_the_first(report: bool) -> Self {
        Self { report, beat: false, pong: None, reported: None }
    }

    pub(super) const fn report(&mut self) {
        self.report = true;
    }

    pub(super) const fn beat(&mut self) {
        self.beat = true;
    }

    pub(super) const fn pong(&mut self, id: u64) {
        self.pong = Some(id);
    }

    /// The report of this sequence is acknowledged; whether it is the last one.
    pub(super) fn is_acked(&mut self, sequence: u64) -> bool {
        let last = self.reported.as_mut().filter(|reported| reported.sequence == sequence);
        last.map(|reported| reported.is_acked = true).is_some()
    }

    pub(super) const fn is_any(&self) -> bool {
        self.report || self.beat || self.pong.is_some()
    }

    /// The next message, of an agent that is as `status` says.
    pub(super) fn next(&mut self, status: Option<&Status>, clock: Timestamp) -> Option<Up> {
        if let Some(id) = self.pong.take() {
            let system_clock =
                prost_types::Timestamp { seconds: clock.as_second(), nanos: clock.subsec_nanosecond() };
            return Some(Up::Pong(UpstreamInventoryPong { id, system_clock: Some(system_clock) }));
        }
        let wants_report = std::mem::take(&mut self.report);
        let wants_beat = std::mem::take(&mut self.beat);
        let status = status?;
        let sequence = status.sequence.unwrap_or(0);
        // What was not acknowledged by the time of the next beat is told again.
        let last = self.reported.as_ref();
        let is_known = last.is_some_and(|reported| reported.is_acked && reported.sequence == sequence);
        let report = (wants_report || (wants_beat && !is_known)).then(|| Report::from(status).to_wire());
        if report.is_some() {
            self.reported = Some(Reported { sequence, is_acked: false });
        }
        let last_run = valid::seconds(status.proof.last_run);
        (wants_report || wants_beat).then_some(Up::Heartbeat(InventoryHeartbeat {
            self_check: Some(UpdaterSelfCheck { sequence, last_run, report }),
        }))
    }
}
