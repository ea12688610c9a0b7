//! TCP to the first of several addresses that answers (RFC 8305).

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How long an address has for itself before the next one is tried beside it (RFC 8305 §5, the recommended value).
pub(crate) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried.
pub(crate) const MAX_ATTEMPTS: usize = 32;

/// An address, and what became of it: `TimedOut` for one that had not answered at the end.
pub(crate) type Attempt = (SocketAddr, io::Error);

/// The addresses with their families in turn, beginning with the system's first choice (RFC 8305 §4).
pub(crate) fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = addresses.into_iter().peekable();
    let first_is_v6 = addresses.peek().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        addresses.partition(|address| address.is_ipv6() == first_is_v6);
    first.reverse();
    second.reverse();
    let mut order = Vec::new();
    while let Some(address) = first.pop().or_else(|| second.pop()) {
        order.push(address);
        order.extend(second.pop());
    }
    order.truncate(MAX_ATTEMPTS);
    order
}

/// Connects to the first address that answers before `deadline`. One that fails makes way for the next at once, one that is silent after
/// `delay`; those that are still under way when one is connected are dropped.
///
/// # Errors
///
/// What became of each address that was tried.
pub(crate) async fn race<T, F: Future<Output = io::Result<T>>>(
    addresses: &[SocketAddr],
    delay: Duration,
    deadline: Instant,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, Vec<Attempt>> {
    let mut left = addresses.iter().copied();
    let mut running: Vec<(SocketAddr, Pin<Box<F>>)> = Vec::new();
    let mut failed: Vec<Attempt> = Vec::new();
    let mut due = true;
    let mut next = pin!(sleep_until(Instant::now()));
    let mut end = pin!(sleep_until(deadline));
    poll_fn(|cx| {
        loop {
            let mut at = 0;
            while let Some((address, attempt)) = running.get_mut(at) {
                match attempt.as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        failed.push((*address, error));
                        running.remove(at);
                        due = true;
                    }
                    Poll::Pending => at += 1,
                }
            }
            let over = end.as_mut().poll(cx).is_ready();
            if over || (running.is_empty() && left.len() == 0) {
                let silent = running.drain(..).map(|(address, _)| (address, io::ErrorKind::TimedOut.into()));
                failed.extend(silent);
                return Poll::Ready(Err(std::mem::take(&mut failed)));
            }
            if left.len() == 0 || !(due || next.as_mut().poll(cx).is_ready()) {
                return Poll::Pending;
            }
            due = false;
            let now = Instant::now();
            next.as_mut().reset(now.checked_add(delay).unwrap_or(deadline));
            running.extend(left.next().map(|address| (address, Box::pin(connect(address)))));
        }
    })
    .await
}
