//! Changes of an object as the API sends them: a line of JSON for each.

use futures_util::Stream;
use futures_util::stream;
use http_body_util::BodyExt;
use kube::client::Body;
use selfcheck_core::Why;
use serde::Deserialize;
use serde_json::Value;

use super::client::Failure;

/// What is told of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    /// It is like this.
    Shown(Value),
    /// It was like this, and is there no more.
    Deleted(Value),
    /// Something that is of no concern here.
    Other,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// What was sent, and not yet read.
struct Sent<B> {
    body: B,
    bytes: Vec<u8>,
    /// There is no end of a line in so many of them.
    searched: usize,
}

/// The events that `body` holds. Its length is bounded by whoever made it.
pub(super) fn events(body: Body) -> impl Stream<Item = Result<Event, Failure>> + Send {
    let sent = Sent { body, bytes: Vec::new(), searched: 0 };
    stream::try_unfold(sent, |mut sent| async move {
        let Some(line) = sent.line().await? else { return Ok(None) };
        Ok(Some((event(&line)?, sent)))
    })
}

impl Sent<Body> {
    /// The next line that is not empty; `None` at the end.
    async fn line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            if let Some(end) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.bytes.split_off(self.searched + end + 1);
                let line = std::mem::replace(&mut self.bytes, rest);
                self.searched = 0;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Ok(Some(line));
            }
            self.searched = self.bytes.len();
            match self.body.frame().await {
                Some(Ok(frame)) => self.bytes.extend(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => return Err(Failure::of_error(&error)),
                None if self.bytes.is_empty() => return Ok(None),
                None => return Err(Failure::Passing(Why::Closed, None)),
            }
        }
    }
}

fn event(line: &[u8]) -> Result<Event, Failure> {
    let Line { kind, object } =
        serde_json::from_slice(line).map_err(|_| Failure::Passing(Why::Protocol, None))?;
    match kind.as_str() {
        "ADDED" | "MODIFIED" => Ok(Event::Shown(object)),
        "DELETED" => Ok(Event::Deleted(object)),
        "ERROR" => Err(Failure::of_told_status(&object)),
        _ => Ok(Event::Other),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::StreamExt;
    use serde_json::json;

    use super::*;

    async fn all(sent: &str) -> Vec<Result<Event, Failure>> {
        events(Body::from(sent.as_bytes().to_vec())).collect().await
    }

    #[tokio::test]
    async fn each_line_is_an_event() {
        let sent = "{\"type\":\"ADDED\",\"object\":{\"a\":\"x\\ny\"}}\n\r\n{\"type\":\"MODIFIED\",\"object\":{}}\n\
                    {\"type\":\"DELETED\",\"object\":{}}\n{\"type\":\"BOOKMARK\",\"object\":{}}\n";
        let expected = [
            Ok(Event::Shown(json!({"a": "x\ny"}))),
            Ok(Event::Shown(json!({}))),
            Ok(Event::Deleted(json!({}))),
            Ok(Event::Other),
        ];
        assert_eq!(all(sent).await, expected);
        assert_eq!(all("").await, []);
    }

    #[tokio::test]
    async fn an_error_ends_them_and_says_when_to_come_back() {
        let sent =
            "{\"type\":\"ERROR\",\"object\":{\"code\":429,\"details\":{\"retryAfterSeconds\":7}}}\n{}\n";
        assert_eq!(all(sent).await, [Err(Failure::Passing(Why::Refused, Some(Duration::from_secs(7))))]);
        let sent = "{\"type\":\"ERROR\",\"object\":\"x\"}\n";
        assert_eq!(all(sent).await, [Err(Failure::Passing(Why::Protocol, None))]);
    }

    #[tokio::test]
    async fn what_is_no_event_or_half_of_one_is_none() {
        let protocol = [Err(Failure::Passing(Why::Protocol, None))];
        for sent in
            ["<html>\n", "{}\n", "[]\n", "{\"type\":1,\"object\":{}}\n", "{\"type\":\"ADDED\"}\n", "\u{0}\n"]
        {
            assert_eq!(all(sent).await, protocol, "{sent}");
        }
        let closed = [Err(Failure::Passing(Why::Closed, None))];
        assert_eq!(all("{\"type\":\"ADDED\",\"object\":{}}").await, closed);
    }
}
