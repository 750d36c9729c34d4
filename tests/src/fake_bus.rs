//! A system bus with a systemd behind it that answers as a test wants.

use std::collections::HashMap;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use futures_util::StreamExt;
use zbus::Connection;
use zbus::Message;
use zbus::MessageStream;
use zbus::OwnedObjectPath;
use zbus::OwnedVariant;
use zbus::Variant;

use crate::Host;

/// A unit as systemd lists it.
type Row = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

/// What a fake systemd does. The default one is of this time and has a healthy agent and updater.
#[derive(Debug, Clone, Default)]
pub struct FakeBus {
    /// Properties that it answers otherwise; `None`: it does not know them.
    pub properties: HashMap<&'static str, Option<OwnedVariant>>,
    /// Which version it says it is, and how it lists units.
    pub listing: Listing,
    /// What it does when it is asked about this property.
    pub trouble: Option<(&'static str, Trouble)>,
    /// Whether it sends signals all the time that nobody asked for.
    pub noisy: bool,
}

/// How a fake systemd lists units by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listing {
    /// One row per name.
    #[default]
    Right,
    /// It does not know that method.
    Unknown,
    /// So many rows, whatever was asked.
    Rows(usize),
}

/// What a fake systemd does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It closes the connection.
    Close,
    /// It never answers.
    Silence,
    /// It writes bytes that are no message.
    Garbage,
    /// It announces a large message and never ends it.
    Endless,
}

impl FakeBus {
    /// Every property that a look asks a healthy systemd for.
    pub const ASKED: [&str; 13] = [
        "Version",
        "SystemState",
        "MainPID",
        "UnitFileState",
        "NeedDaemonReload",
        "Result",
        "ExecStart",
        "NextElapseUSecMonotonic",
        "LastTriggerUSec",
        "TimersMonotonic",
        "Unit",
        "WantedBy",
        "DropInPaths",
    ];
    /// Those of them that a timer has.
    const OF_TIMER: [&str; 12] = [
        "LoadState",
        "ActiveState",
        "SubState",
        "UnitFileState",
        "NeedDaemonReload",
        "DropInPaths",
        "WantedBy",
        "Unit",
        "Result",
        "LastTriggerUSec",
        "NextElapseUSecMonotonic",
        "TimersMonotonic",
    ];

    /// Serves it in the guest of `host`, and returns the flags that make a look use it.
    pub fn serve(self, host: &Host, name: &str) -> [String; 4] {
        let path = host.guest.path("/run").join(name);
        let listener = UnixListener::bind(&path).expect("socket");
        std::fs::set_permissions(&path, Permissions::from_mode(0o777)).expect("mode");
        let fake = Arc::new(self);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let fake = Arc::clone(&fake);
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    // A client that has gone is no failure of the bus.
                    let _ = runtime.expect("runtime").block_on(fake.answer(stream));
                });
            }
        });
        ["--bus", &format!("unix:path=/run/{name}"), "--timeout", "2s"].map(str::to_owned)
    }

    async fn answer(&self, stream: UnixStream) -> zbus::Result<()> {
        let mut raw = stream.try_clone()?;
        let guid = zbus::Guid::from_static_str("0123456789abcdef0123456789abcdef")?;
        let connection = zbus::connection::Builder::unix_stream(stream).server(guid).p2p().build().await?;
        let mut calls = MessageStream::from(&connection);
        while let Some(call) = calls.next().await {
            let call = call?;
            let (property, reply) = self.reply(&call)?;
            // A bus greets before it says anything else.
            if self.noisy && property != "Hello" {
                make_noise(&connection).await?;
            }
            match self.trouble.filter(|(about, _)| *about == property) {
                None => connection.send(&reply).await?,
                Some((_, Trouble::Close)) => return Ok(()),
                Some((_, Trouble::Silence)) => {}
                Some((_, Trouble::Garbage)) => raw.write_all(&[0x42; 4096])?,
                Some((_, Trouble::Endless)) => {
                    // A method return with a body of 100 MiB, of which nothing follows.
                    raw.write_all(&[b'l', 2, 0, 1, 0, 0, 64, 6, 1, 0, 0, 0, 0, 0, 0, 0])?;
                }
            }
        }
        Ok(())
    }

    /// The property asked for, and the answer.
    fn reply(&self, call: &Message) -> zbus::Result<(String, Message)> {
        let header = call.header();
        let answer = Message::method_return(&header);
        let member = header.member().map(ToString::to_string).unwrap_or_default();
        let unit = header.path().map(ToString::to_string).unwrap_or_default();
        match member.as_str() {
            "Hello" => Ok((member, answer.build(&":1.1")?)),
            "ListUnitsByNames" if self.listing == Listing::Unknown => {
                Ok((member, unknown(call, "UnknownMethod")?))
            }
            "ListUnitsByNames" => {
                let names: Vec<String> = call.body().deserialize()?;
                let rows: Vec<Row> = match self.listing {
                    Listing::Rows(count) => (0..count).map(|_| row("some.service")).collect(),
                    _ => names.iter().map(|name| row(name)).collect(),
                };
                Ok((member, answer.build(&rows)?))
            }
            "Get" => {
                let (_, property): (String, String) = call.body().deserialize()?;
                let reply = match self.property(&unit, &property) {
                    Some(value) => answer.build(&value)?,
                    None => unknown(call, "UnknownProperty")?,
                };
                Ok((property, reply))
            }
            _ => {
                let known =
                    Self::OF_TIMER.iter().filter_map(|name| Some((*name, self.property(&unit, name)?)));
                Ok((member, answer.build(&known.collect::<HashMap<_, _>>())?))
            }
        }
    }

    fn property(&self, unit: &str, name: &str) -> Option<OwnedVariant> {
        if let Some(other) = self.properties.get(name) {
            return other.clone();
        }
        let is_timer = unit.ends_with("timer");
        let is_old = self.listing == Listing::Unknown;
        let value = match name {
            "Version" => Variant::from(if is_old { "219" } else { "257.1" }),
            "SystemState" => Variant::from("running"),
            "LoadState" if unit.contains("upgrade") => Variant::from("not-found"),
            "LoadState" => Variant::from("loaded"),
            "ActiveState" => {
                Variant::from(if unit.contains("2dupdate_2eservice") { "inactive" } else { "active" })
            }
            "SubState" => Variant::from(if is_timer { "waiting" } else { "dead" }),
            "UnitFileState" => Variant::from(if is_timer { "enabled" } else { "static" }),
            "NeedDaemonReload" => Variant::from(false),
            "Result" => Variant::from("success"),
            "MainPID" => Variant::from(0_u32),
            "LastTriggerUSec" => Variant::from(now_usec() - 60_000_000),
            "NextElapseUSecMonotonic" => Variant::from(selfcheck_probe::now().monotonic + 300_000_000),
            // The clocks of the guest are none of this process's, but what was executed was so after the timer fired.
            "ExecStart" => {
                let program = "/usr/local/bin/teleport-update".to_owned();
                let words = vec![program.clone(), "update".to_owned()];
                let (now, later) = (now_usec(), u64::MAX / 4);
                Variant::from(vec![(program, words, false, now, later, now, later, 4_242_u32, 1_i32, 0_i32)])
            }
            "Unit" => Variant::from("teleport-update.service"),
            "WantedBy" => Variant::from(vec!["teleport.service".to_owned()]),
            "DropInPaths" => Variant::from(Vec::<String>::new()),
            "TimersMonotonic" => Variant::from(vec![("OnUnitActiveUSec".to_owned(), 300_000_000_u64, 0_u64)]),
            _ => return None,
        };
        OwnedVariant::try_from(value).ok()
    }
}

fn row(name: &str) -> Row {
    let nowhere = || OwnedObjectPath::try_from("/").expect("path");
    let (load, active, sub) = match name {
        name if name.contains("upgrade") => ("not-found", "inactive", "dead"),
        name if name.ends_with("timer") => ("loaded", "active", "waiting"),
        "teleport.service" => ("loaded", "active", "running"),
        _ => ("loaded", "inactive", "dead"),
    };
    let text = str::to_owned;
    (
        text(name),
        text("made up"),
        text(load),
        text(active),
        text(sub),
        text(""),
        nowhere(),
        0,
        text(""),
        nowhere(),
    )
}

fn unknown(call: &Message, what: &str) -> zbus::Result<Message> {
    Message::error(&call.header(), format!("org.freedesktop.DBus.Error.{what}"))
        .build(&"there is no such thing")
}

async fn make_noise(connection: &Connection) -> zbus::Result<()> {
    for number in 0..1_000_u32 {
        let signal =
            Message::signal("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobNew");
        connection.send(&signal.build(&number)?).await?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the fake systemd runs now")]
fn now_usec() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_microsecond()).expect("after 1970")
}
