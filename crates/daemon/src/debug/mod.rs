//! The debug service: the present status over HTTP/1.1 on a Unix socket, and a client for it.
//!
//! | request | answer |
//! |---|---|
//! | `GET /updater-status` | 200 and the status as JSON; 503 before the first look has ended, and after the self-check has |
//! | `GET /updater-status?watch` | 200 and one status per line: the present one, then each that changes |
//! | `POST /updater-status`, `POST /update-status` | looks again, then 200 `Status is updated` |
//! | `GET /metrics` | Prometheus text, where the self-check has a registry |
//! | `GET /healthz` | 200 `{"status":"ok"}` |
//! | `GET /readyz` | 200 `{"status":"ok","pid":N}`; 503 before the first look has ended |
//!
//! An agent that has a debug service of its own mounts [`DebugService::respond`] in it for [`DebugService::PATHS`]; the
//! sidecar serves it on a [`DebugSocket`]. Requests and answers are those of hyper 1. A service of one's own is served with the same bounds by
//! [`serve_clients`], with the answers of [`answer`].

pub mod answer;
mod client;
mod server;
mod service;
mod socket;

pub use answer::DebugBody;
pub use client::AskError;
pub use client::DebugClient;
pub use client::Watching;
pub use server::serve_clients;
pub use service::DebugService;
pub use socket::BindError;
pub use socket::DebugSocket;

/// Where the status is.
const STATUS_PATH: &str = "/updater-status";
/// Where a look is asked for, as in Teleport.
const UPDATE_PATH: &str = "/update-status";
