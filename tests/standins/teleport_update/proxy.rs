//! Asks the proxy for the version that agents should have.

use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::Outcome;

pub(crate) fn version(proxy: &str) -> Outcome<String> {
    let mut stream = TcpStream::connect(proxy).map_err(|error| format!("proxy {proxy}: {error}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /webapi/find HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(65_536).read_to_string(&mut answer)?;
    let found = answer.split_once("\"agent_version\":\"").and_then(|(_, rest)| rest.split_once('"'));
    Ok(found.ok_or("the proxy named no version")?.0.to_owned())
}
