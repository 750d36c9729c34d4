//! Kernel objects that become readable when there is something to tell.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Something that owns one descriptor for as long as it lives.
#[derive(Debug)]
pub(super) struct Owner<T>(pub(super) T);

impl<T: AsFd> AsRawFd for Owner<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Registers `owner` with the present runtime, to be told when it is readable.
#[expect(
    deprecated,
    reason = "its successor is unsafe to call; what that asks for holds, as an owner's descriptor never changes"
)]
pub(super) fn register<T: AsFd>(owner: T) -> io::Result<AsyncFd<Owner<T>>> {
    AsyncFd::with_interest(Owner(owner), Interest::READABLE)
}
