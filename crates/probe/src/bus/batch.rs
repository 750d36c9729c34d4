//! Many questions in one write, all answers in one wait.

use std::collections::HashMap;
use std::ops::Range;

use selfcheck_core::Why;
use tokio::time::Instant;
use tokio::time::timeout_at;
use zbus::Message;
use zbus::OwnedVariant;
use zbus::Variant;
use zbus::message::Builder;
use zbus::message::Type;

use super::answer;
use super::connection::Link;
use super::names::MANAGER;
use super::names::MANAGER_PATH;
use super::names::PROPERTIES;
use super::names::SYSTEMD;
use super::properties::Properties;

/// The states of a handful of units, each with a description, are far smaller.
const STATES_LIMIT: usize = 1 << 20;

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
    /// Of all interfaces together, of which these are wanted.
    All(&'static [&'static str]),
    States,
    Word,
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
    Word(String),
    /// The other side is too old to know what was asked for.
    Unknown,
    Failed(Why),
}

impl Reply {
    fn read(question: Question, message: Message) -> Result<Self, zbus::Error> {
        let body = message.body();
        Ok(match question {
            Question::One(property) => Self::Property((property.to_owned(), body.deserialize()?)),
            Question::All(wanted) => {
                let all: HashMap<&str, Variant<'_>> = body.deserialize()?;
                let wanted = all.into_iter().filter(|(name, _)| wanted.contains(name));
                let owned = wanted.map(|(name, value)| Ok((name.to_owned(), value.try_into_owned()?)));
                Self::Properties(owned.collect::<Result<_, zbus::Error>>()?)
            }
            Question::States if body.len() > STATES_LIMIT => Self::Failed(Why::Protocol),
            Question::States => Self::States(message),
            Question::Word => Self::Word(body.deserialize()?),
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

    /// Asks for all properties of `object` in one message, so that nothing happens between them, and keeps those `wanted`.
    pub(super) fn ask_all(&mut self, object: &str, wanted: &'static [&'static str]) -> Place {
        let start = self.questions.len();
        // No interface means all of them.
        self.push(Question::All(wanted), object, "GetAll", &"");
        start..self.questions.len()
    }

    /// Asks for the states of the units `names`, all in one answer.
    pub(super) fn ask_states(&mut self, names: &[&str]) -> Place {
        let start = self.questions.len();
        let call = Message::method_call(MANAGER_PATH, "ListUnitsByNames").interface(MANAGER);
        self.file(Question::States, call, &(names,));
        start..self.questions.len()
    }

    /// Asks how the file of the unit `name` is enabled, as it is on disk now.
    pub(super) fn ask_file_state(&mut self, name: &str) -> Place {
        let start = self.questions.len();
        let call = Message::method_call(MANAGER_PATH, "GetUnitFileState").interface(MANAGER);
        self.file(Question::Word, call, &name);
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
    pub(super) async fn run(self, link: &mut Link, deadline: Instant) -> Answers {
        if self.questions.is_empty() {
            return Answers { replies: Vec::new() };
        }
        let mut replies: Vec<_> = self.questions.iter().map(|_| Reply::Failed(Why::Timeout)).collect();
        let file = |index: usize, message| replies[index] = answered(self.questions[index], message);
        let exchange = timeout_at(deadline, link.exchange(&self.messages, file)).await;
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

fn answered(question: Question, message: Message) -> Reply {
    match message.message_type() {
        Type::MethodReturn => Reply::read(question, message).unwrap_or(Reply::Failed(Why::Protocol)),
        Type::MethodCall | Type::Signal => Reply::Failed(Why::Protocol),
        Type::Error => {
            let error = zbus::Error::from(message);
            if answer::is_unknown(&error) { Reply::Unknown } else { Reply::Failed(answer::why(&error)) }
        }
    }
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

    /// The word answered at `place`, if one was.
    pub(super) fn word(&self, place: &Place) -> Option<&str> {
        match self.replies.get(place.start) {
            Some(Reply::Word(word)) => Some(word),
            _ => None,
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
                Reply::States(_) | Reply::Word(_) => return Err(Why::Protocol),
                Reply::Failed(why) => return Err(why),
            }
        }
        Ok(properties)
    }
}
