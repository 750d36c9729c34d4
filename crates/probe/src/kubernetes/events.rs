//! Changes of an object as the API sends them: a line of JSON for each.

use std::future::ready;
use std::io;

use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::TryStreamExt;
use http_body_util::BodyDataStream;
use hyper::body::Body;
use hyper::body::Bytes;
use selfcheck_core::Why;
use serde::Deserialize;
use serde_json::Value;
use tokio_util::codec::FramedRead;
use tokio_util::codec::LinesCodec;
use tokio_util::codec::LinesCodecError;
use tokio_util::io::StreamReader;
use tower::BoxError;

use super::failure::Failure;

/// The most that is read of one answer, and of all changes that one request is told.
pub(super) const ANSWER: usize = 4 << 20;

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

/// The events that `body` holds. Its length is bounded by whoever made it.
pub(super) fn events<B>(body: B) -> impl Stream<Item = Result<Event, Failure>> + Send
where
    B: Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    let bytes = StreamReader::new(BodyDataStream::new(body).map_err(io::Error::other));
    let lines = FramedRead::new(bytes, LinesCodec::new_with_max_length(ANSWER));
    let events = lines.map(|line| match line {
        Ok(line) if line.trim_ascii().is_empty() => None,
        Ok(line) => Some(event(&line)),
        Err(LinesCodecError::MaxLineLengthExceeded) => Some(Err(Failure::Passing(Why::TooLarge, None))),
        Err(LinesCodecError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Some(Err(Failure::Passing(Why::Protocol, None)))
        }
        Err(LinesCodecError::Io(error)) => Some(Err(Failure::of_error(&error))),
    });
    // With an error they end.
    events.filter_map(ready).scan(false, |has_ended, event| {
        let is_last = event.is_err();
        ready((!std::mem::replace(has_ended, is_last)).then_some(event))
    })
}

fn event(line: &str) -> Result<Event, Failure> {
    let failed = |error: serde_json::Error| {
        // Half of a line is the last one of a connection that was closed.
        Failure::Passing(if error.is_eof() { Why::Closed } else { Why::Protocol }, None)
    };
    let Line { kind, object } = serde_json::from_str(line).map_err(failed)?;
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

    use super::*;
    use http_body_util::BodyExt;
    use http_body_util::Full;
    use serde_json::json;

    async fn all(sent: &str) -> Vec<Result<Event, Failure>> {
        let body = Full::from(sent.as_bytes().to_vec()).map_err(|never| match never {});
        events(body).collect().await
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
        assert_eq!(all("{\"type\":\"ADDED\",\"object\":{").await, closed);
    }
}
