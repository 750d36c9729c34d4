//! One kept connection to the system bus.

use std::collections::HashMap;

use futures_util::FutureExt;
use futures_util::StreamExt;
use selfcheck_core::Why;
use selfcheck_core::observation::Manager;
use tokio::time::Instant;
use tokio::time::timeout_at;
use zbus::Connection;
use zbus::Message;
use zbus::MessageStream;
use zbus::connection::Builder;
use zbus::names::OwnedUniqueName;

use crate::target::is_unix_address;

use super::answer;
use super::names::Names;
use super::signals;
use super::signals::Signal;

/// The system bus at an address, connected when first needed and again after it was lost.
#[derive(Debug)]
pub(crate) struct Bus {
    address: String,
    /// Whether systemd is to tell of changes, once connected.
    is_watched: bool,
    link: Option<Link>,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Link {
    connection: Connection,
    /// All that comes in. Whoever awaits replies or signals reads it, and notes what is meant for another.
    incoming: MessageStream,
    /// The units whose signals the bus was asked to pass on over this connection.
    matched: Option<Names>,
    telling: Telling,
    /// The unique name of systemd on the bus, by which its signals are known from those of anybody else.
    systemd: Option<OwnedUniqueName>,
    /// Something changed that nobody has looked at yet.
    is_stale: bool,
    /// What systemd said of itself over this connection.
    pub(super) manager: Option<Manager>,
}

/// How far it is agreed that changes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    NotAsked,
    /// The bus passes signals on, and systemd has not been asked to send any.
    Matched,
    Told,
    /// The bus passes no signals on.
    Refused,
}

impl Bus {
    pub(crate) const fn new(address: String) -> Self {
        Self { address, is_watched: false, link: None }
    }

    /// From now on every look arms signals of what it looks at, for [`changed`](Self::changed).
    pub(crate) const fn watch(&mut self) {
        self.is_watched = true;
    }

    /// Whether systemd tells of changes of the units `names`.
    pub(crate) fn tells_of(&self, names: &Names) -> bool {
        let tells = |link: &Link| link.telling == Telling::Told && link.matched.as_ref() == Some(names);
        self.link.as_ref().is_some_and(tells)
    }

    /// The connection for a look that begins: the open one or a new one, watching the units `names` if that is wanted. What
    /// came in before is seen by that look, and forgotten.
    pub(super) async fn begin(&mut self, names: &Names, deadline: Instant) -> Result<&mut Link, Why> {
        // A connection that was lost, or that brings the signals of other units, is not used again.
        let fits = |link: &Link| {
            !link.connection.is_closed() && link.matched.as_ref().is_none_or(|matched| matched == names)
        };
        let mut link = match self.link.take().filter(fits) {
            Some(link) => link,
            None => timeout_at(deadline, self.connect()).await.map_err(|_| Why::Timeout)??,
        };
        // Before subscribing: systemd may have been replaced by one that was not asked to tell.
        link.forget_old_news();
        if self.is_watched {
            timeout_at(deadline, link.subscribe(names)).await.map_err(|_| Why::Timeout)??;
        }
        Ok(self.link.insert(link))
    }

    /// The connection of the look in progress, if it is still there.
    pub(super) fn link(&mut self) -> Option<&mut Link> {
        self.link.as_mut()
    }

    async fn connect(&self) -> Result<Link, Why> {
        if !is_unix_address(&self.address) {
            tracing::debug!(address = self.address, "a bus is only asked over a socket of this host");
            return Err(Why::Protocol);
        }
        let connected = Builder::address(self.address.as_str()).build().await;
        let connection = connected.map_err(|error| {
            tracing::debug!(address = self.address, %error, "the system bus could not be reached");
            answer::why(&error)
        })?;
        let incoming = MessageStream::from(&connection);
        Ok(Link {
            connection,
            incoming,
            matched: None,
            telling: Telling::NotAsked,
            systemd: None,
            is_stale: false,
            manager: None,
        })
    }

    /// Forgets a connection that did not answer in time, so that a late answer is never taken for a later one's.
    pub(super) fn forget(&mut self) {
        self.link = None;
    }

    /// Waits until systemd tells of a change, or the connection ends. Without a connection it waits for ever.
    ///
    /// It may be dropped at any time; nothing that was told is lost.
    pub(crate) async fn changed(&mut self) {
        let Some(link) = &mut self.link else { return std::future::pending().await };
        while !std::mem::take(&mut link.is_stale) {
            let Some(Ok(message)) = link.incoming.next().await else {
                self.forget();
                return;
            };
            link.note(&message);
        }
    }
}

impl Link {
    /// Asks for the signals of the units `names`, as far as that was not done yet.
    ///
    /// A bus that does not let itself be watched can still be asked, so a refusal is no error.
    async fn subscribe(&mut self, names: &Names) -> Result<(), Why> {
        if self.telling == Telling::NotAsked {
            self.matched = Some(names.clone());
            let agreed = self.agree(&signals::matches(names)?).await?;
            self.telling = if agreed { Telling::Matched } else { Telling::Refused };
        }
        if self.telling == Telling::Matched {
            // Unless meanwhile it turns out that whoever agrees has gone.
            self.telling = Telling::Told;
            if !self.agree(&signals::subscription()?).await? {
                self.telling = Telling::Matched;
            }
        }
        Ok(())
    }

    /// Sends `calls`; the result is whether all were agreed to.
    async fn agree(&mut self, calls: &[Message]) -> Result<bool, Why> {
        let mut refusals = 0;
        self.exchange(calls, |_, reply| refusals += usize::from(signals::is_refusal(&reply))).await?;
        if refusals > 0 {
            tracing::debug!(refusals, "systemd does not tell of changes");
        }
        Ok(refusals == 0)
    }

    /// Sends `messages` and hands each reply to `file`, with the index of the message it answers.
    pub(super) async fn exchange(
        &mut self,
        messages: &[Message],
        mut file: impl FnMut(usize, Message),
    ) -> Result<(), Why> {
        let serials = messages.iter().map(|message| message.primary_header().serial_num());
        let mut open: HashMap<_, _> = serials.zip(0..).collect();
        self.connection.send_all(messages).await.map_err(|error| answer::why(&error))?;
        while !open.is_empty() {
            let message = self.incoming.next().await.ok_or(Why::Closed)?;
            let message = message.map_err(|error| answer::why(&error))?;
            match message.header().reply_serial().and_then(|serial| open.remove(&serial)) {
                Some(index) => {
                    self.learn(&message);
                    file(index, message);
                }
                None => self.note(&message),
            }
        }
        Ok(())
    }

    /// Learns from a reply who systemd is; the bus sees to it that nobody else answers for it.
    fn learn(&mut self, reply: &Message) {
        if self.systemd.is_some() {
            return; // until the bus says that there is a new one
        }
        let header = reply.header();
        let sender = header.sender().filter(|sender| sender.as_str() != signals::BUS);
        self.systemd = sender.map(|sender| sender.to_owned().into());
    }

    fn forget_old_news(&mut self) {
        while let Some(Some(Ok(message))) = self.incoming.next().now_or_never() {
            self.note(&message);
        }
        self.is_stale = false;
    }

    fn note(&mut self, message: &Message) {
        match signals::read(message, self.systemd.as_ref().map(|name| name.as_str())) {
            Signal::Change => self.is_stale = true,
            Signal::NewSystemd => {
                // It knows nothing of what its predecessor was asked to tell.
                if self.telling == Telling::Told {
                    self.telling = Telling::Matched;
                }
                (self.systemd, self.manager) = (None, None);
                self.is_stale = true;
            }
            Signal::Nothing => {}
        }
    }
}
