//! Answers over HTTP, for debug services.

use std::convert::Infallible;

use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::Response;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::body::Bytes;
use hyper::header::ALLOW;
use hyper::header::CONTENT_TYPE;
use hyper::header::HeaderValue;
use prometheus::Encoder;
use prometheus::Registry;
use prometheus::TextEncoder;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// The format that `TextEncoder` writes.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// The body of an answer.
pub type DebugBody = UnsyncBoxBody<Bytes, Infallible>;

/// JSON.
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<DebugBody> {
    respond_with(status, JSON, Full::new(body.into()))
}

/// Plain text, which brings its own end of line.
pub fn text(status: StatusCode, body: &str) -> Response<DebugBody> {
    respond_with(status, TEXT, Full::new(Bytes::copy_from_slice(body.as_bytes())))
}

/// All is well, as Teleport says it.
pub fn healthy() -> Response<DebugBody> {
    json(StatusCode::OK, "{\"status\":\"ok\"}")
}

/// Whether this process is ready, or what it still waits for, as Teleport says it.
pub fn readiness(state: Result<(), &'static str>) -> Response<DebugBody> {
    let (code, word) = match state {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    };
    json(code, format!("{{\"status\":\"{word}\",\"pid\":{}}}", std::process::id()))
}

/// What a registry holds.
pub fn metrics(registry: &Registry) -> Response<DebugBody> {
    let mut text = Vec::new();
    match TextEncoder::new().encode(&registry.gather(), &mut text) {
        Ok(()) => respond_with(StatusCode::OK, METRICS, Full::new(text.into())),
        Err(error) => {
            self::text(StatusCode::INTERNAL_SERVER_ERROR, &format!("metrics could not be written: {error}\n"))
        }
    }
}

/// There is nothing under this path.
pub fn nothing() -> Response<DebugBody> {
    text(StatusCode::NOT_FOUND, "there is nothing here\n")
}

/// There is something under this path, for other methods.
pub fn not_allowed(allowed: &'static str) -> Response<DebugBody> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "not with this method\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

pub(super) fn respond_with<B>(status: StatusCode, kind: HeaderValue, body: B) -> Response<DebugBody>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
