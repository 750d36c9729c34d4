//! Many questions in one write, all answers in one wait.

use std::collections::HashMap;
use std::ops::Range;

use futures_util::StreamExt;
use selfcheck_core::Why;
use tokio::time::Instant;
use tokio::time::timeout_at;
use zbus::Connection;
use zbus::Message;
use zbus::MessageStream;
use zbus::OwnedVariant;
use zbus::message::Builder;
use zbus::message::Type;

use super::answer;
use super::properties::Properties;

const SYSTEMD: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
/// The states of a handful of units, each with a description, are far smaller.
const STATES_LIMIT: usize = 1 << 20;
/// The manager's object.
pub(super) const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Questions about properties of systemd's objects, to be asked at once.
#[derive(Debug, Default)]
pub(super) struct Batch {
    questions: Vec<Question>,
    messages: Vec<Message>,
}

/// Where in a batch the questions about one object stand.
pub(super) type Place = Range<usize>;

/// What an answer will hold.
#[derive(Debug, Clone, Copy)]
enum Question {
    One(&'static str),
    All,
    States,
}

/// The answers to a batch, in its order.
#[derive(Debug)]
pub(super) struct Answers {
    replies: Vec<Reply>,
}

/// An answer, read as it comes: the time until the next one is free.
#[derive(Debug)]
enum Reply {
    Property((String, OwnedVariant)),
    Properties(HashMap<String, OwnedVariant>),
    States(Message),
    /// The other side is too old to know what was asked for.
    Unknown,
    Failed(Why),
}

impl Reply {
    fn read(question: Question, message: Message) -> Result<Self, zbus::Error> {
        let body = message.body();
        Ok(match question {
            Question::One(property) => Self::Property((property.to_owned(), body.deserialize()?)),
            Question::All => Self::Properties(body.deserialize()?),
            Question::States if body.len() > STATES_LIMIT => Self::Failed(Why::Protocol),
            Question::States => Self::States(message),
        })
    }
}

impl Batch {
    /// Asks for properties of `object`, each named by interface and property.
    pub(super) fn ask(&mut self, object: &str, wanted: &[(&str, &'static str)]) -> Place {
        let start = self.questions.len();
        for (interface, property) in wanted {
            let body = (format!("{SYSTEMD}.{interface}"), *property);
            self.push(Question::One(property), object, "Get", &body);
        }
        start..self.questions.len()
    }

    /// Asks for all properties of an interface with few of them.
    pub(super) fn ask_all(&mut self, object: &str, interface: &str) -> Place {
        let start = self.questions.len();
        self.push(Question::All, object, "GetAll", &format!("{SYSTEMD}.{interface}"));
        start..self.questions.len()
    }

    /// Asks for the states of the units `names`, all in one answer.
    pub(super) fn ask_states(&mut self, names: &[&str]) -> Place {
        let start = self.questions.len();
        let call = Message::method_call(MANAGER_PATH, "ListUnitsByNames").interface(MANAGER);
        self.file(Question::States, call, &(names,));
        start..self.questions.len()
    }

    fn push<B>(&mut self, question: Question, object: &str, method: &'static str, body: &B)
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        self.file(question, Message::method_call(object, method).interface(PROPERTIES), body);
    }

    fn file<B>(&mut self, question: Question, call: Builder<'_>, body: &B)
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        // A call that D-Bus does not permit leaves its question out, and so without an answer.
        if let Ok(message) = call.destination(SYSTEMD).build(body) {
            self.questions.push(question);
            self.messages.push(message);
        }
    }

    /// Sends all questions and waits for the answers. What is not answered by `deadline` has timed out.
    pub(super) async fn run(self, connection: &Connection, deadline: Instant) -> Answers {
        if self.questions.is_empty() {
            return Answers { replies: Vec::new() };
        }
        let mut replies: Vec<_> = self.questions.iter().map(|_| Reply::Failed(Why::Timeout)).collect();
        let open = self.questions.iter().zip(&mut replies);
        let exchange = timeout_at(deadline, exchange(connection, &self.messages, open)).await;
        if let Ok(Err(why)) = exchange {
            for reply in &mut replies {
                if matches!(reply, Reply::Failed(Why::Timeout)) {
                    *reply = Reply::Failed(why);
                }
            }
        }
        Answers { replies }
    }
}

/// Sends `messages` and files the replies as they come, until all are there.
async fn exchange<'a>(
    connection: &Connection,
    messages: &[Message],
    replies: impl Iterator<Item = (&'a Question, &'a mut Reply)>,
) -> Result<(), Why> {
    // Before sending, so that no reply is missed.
    let mut stream = MessageStream::from(connection);
    let serials = messages.iter().map(|message| message.primary_header().serial_num());
    let mut open: HashMap<_, _> = serials.zip(replies).collect();
    connection.send_all(messages).await.map_err(|error| answer::why(&error))?;
    while !open.is_empty() {
        let message = stream.next().await.ok_or(Why::Closed)?.map_err(|error| answer::why(&error))?;
        let serial = message.header().reply_serial();
        let Some((question, reply)) = serial.and_then(|serial| open.remove(&serial)) else { continue };
        *reply = match message.message_type() {
            Type::MethodReturn => Reply::read(*question, message).unwrap_or(Reply::Failed(Why::Protocol)),
            Type::MethodCall | Type::Signal => Reply::Failed(Why::Protocol),
            Type::Error => {
                let error = zbus::Error::from(message);
                if answer::is_unknown(&error) { Reply::Unknown } else { Reply::Failed(answer::why(&error)) }
            }
        };
    }
    Ok(())
}

impl Answers {
    /// The states answered at `place`; `None` from a systemd before 230, which cannot list units by name.
    pub(super) fn states<T>(&self, place: &Place) -> Result<Option<T>, Why>
    where
        T: serde::de::DeserializeOwned + zbus::Type,
    {
        match self.replies.get(place.start) {
            Some(Reply::States(message)) => message.body().deserialize().map(Some).map_err(|_| Why::Protocol),
            Some(Reply::Unknown) => Ok(None),
            Some(Reply::Failed(why)) => Err(*why),
            _ => Err(Why::Protocol),
        }
    }

    /// Takes the properties answered at `place`. One that an old systemd does not have is simply not there.
    pub(super) fn properties(&mut self, place: Place) -> Result<Properties, Why> {
        let mut properties = Properties::default();
        for reply in self.replies.get_mut(place).ok_or(Why::Protocol)? {
            match std::mem::replace(reply, Reply::Unknown) {
                Reply::Property(property) => properties.add([property]),
                Reply::Properties(values) => properties.add(values),
                Reply::Unknown => {}
                Reply::States(_) => return Err(Why::Protocol),
                Reply::Failed(why) => return Err(why),
            }
        }
        Ok(properties)
    }
}
