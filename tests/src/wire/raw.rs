//! A stream that a test writes by hand.

use std::path::Path;

use selfcheck_protocol::IdentityFile;
use selfcheck_protocol::wire::proto::DownstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::UpstreamInventoryHello;
use selfcheck_protocol::wire::proto::UpstreamInventoryOneOf;
use selfcheck_protocol::wire::proto::downstream_inventory_one_of::Msg as Down;
use selfcheck_protocol::wire::proto::upstream_inventory_one_of::Msg as Up;
use selfcheck_reporter::AuthClient;
use selfcheck_reporter::wire::proto::auth_service_client::AuthServiceClient;
use tokio::sync::mpsc;
use tonic::Code;
use tonic::Streaming;

use crate::Auth;

use super::PATIENCE;

/// A stream that a test writes by hand.
#[derive(Debug)]
pub struct Raw {
    /// What is sent.
    pub up: mpsc::Sender<UpstreamInventoryOneOf>,
    down: Streaming<DownstreamInventoryOneOf>,
    _client: AuthClient,
}

impl Raw {
    /// A stream without a Hello.
    ///
    /// # Errors
    ///
    /// What the auth server says instead.
    pub async fn open(auth: &Auth, identity: &Path) -> Result<Self, tonic::Status> {
        Self::to(&auth.server(), identity).await
    }

    /// The same to the auth server at `server`, where a connection may be refused.
    ///
    /// # Errors
    ///
    /// What the auth server says instead, or why there is no connection.
    pub async fn to(server: &str, identity: &Path) -> Result<Self, tonic::Status> {
        let identity = IdentityFile::read(identity).expect("identity");
        let client = AuthClient::connect(server, &identity).await;
        let client = client.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let (up, mut messages) = mpsc::channel(64);
        let messages = futures_util::stream::poll_fn(move |context| messages.poll_recv(context));
        let mut calls = AuthServiceClient::new(client.channel());
        let answer = tokio::time::timeout(PATIENCE, calls.inventory_control_stream(messages)).await;
        // A connection that ends at this moment may leave the call without an answer.
        let late = |_| tonic::Status::deadline_exceeded("the call was not answered");
        Ok(Self { up, down: answer.map_err(late)??.into_inner(), _client: client })
    }

    /// A stream after its Hellos.
    pub async fn of_stock_agent(auth: &Auth, identity: &Path, hello: UpstreamInventoryHello) -> Self {
        let mut raw = Self::open(auth, identity).await.expect("stream");
        raw.send(Up::Hello(hello)).await;
        let Some(Down::Hello(_)) = raw.next().await.expect("a message") else { panic!("no Hello") };
        raw
    }

    /// Sends a message.
    pub async fn send(&self, message: Up) {
        let _ = self.up.send(UpstreamInventoryOneOf { msg: Some(message) }).await; // closed ones are noticed by reading
    }

    /// The next message.
    ///
    /// # Errors
    ///
    /// What the stream ended with.
    pub async fn next(&mut self) -> Result<Option<Down>, tonic::Status> {
        let message = tokio::time::timeout(PATIENCE, self.down.message()).await.expect("in time")?;
        Ok(message.and_then(|message| message.msg))
    }

    /// How the stream was closed.
    pub async fn closed(&mut self) -> (Code, String) {
        loop {
            match self.next().await {
                Ok(Some(_)) => {}
                Ok(None) => return (Code::Ok, String::new()),
                Err(status) => return (status.code(), status.message().to_owned()),
            }
        }
    }
}

/// The Hello of an agent.
pub fn hello(server_id: &str) -> UpstreamInventoryHello {
    UpstreamInventoryHello {
        version: "18.2.0".to_owned(),
        server_id: server_id.to_owned(),
        services: vec!["Node".to_owned()],
        hostname: format!("host-of-{server_id}"),
        ..UpstreamInventoryHello::default()
    }
}
