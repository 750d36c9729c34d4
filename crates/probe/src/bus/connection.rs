//! One kept connection to the system bus.

use selfcheck_core::Why;
use selfcheck_core::observation::Manager;
use zbus::Connection;
use zbus::connection::Builder;

use super::answer;

/// The system bus at an address, connected when first needed and again after it was lost.
#[derive(Debug)]
pub(crate) struct Bus {
    address: String,
    connection: Option<Connection>,
    /// What systemd said of itself over this connection.
    pub(super) manager: Option<Manager>,
}

impl Bus {
    pub(crate) const fn new(address: String) -> Self {
        Self { address, connection: None, manager: None }
    }

    /// The open connection, or a new one.
    pub(super) async fn connection(&mut self) -> Result<Connection, Why> {
        if let Some(connection) = &self.connection
            && !connection.is_closed()
        {
            return Ok(connection.clone());
        }
        self.forget();
        let connected = Builder::address(self.address.as_str()).build().await;
        let connection = connected.map_err(|error| {
            tracing::debug!(address = self.address, %error, "the system bus could not be reached");
            answer::why(&error)
        })?;
        self.connection = Some(connection.clone());
        Ok(connection)
    }

    /// Forgets a connection that did not answer in time, so that a late answer is never taken for a later one's.
    pub(super) fn forget(&mut self) {
        self.connection = None;
        self.manager = None;
    }
}
