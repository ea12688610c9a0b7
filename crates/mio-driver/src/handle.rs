//! A loop as other threads see it.
//!
//! Owns: what they have asked for. Must not know: what it means.

use super::*;

/// Asks a loop, from any thread.
#[derive(Debug)]
pub struct Handle<C> {
    pub(crate) commands: SyncSender<C>,
    pub(crate) waker: Waker,
    pub(crate) stop: AtomicBool,
}

impl<C> Handle<C> {
    /// Queues a command for [`Handler::on_command`](crate::Handler::on_command).
    ///
    /// # Errors
    ///
    /// The command comes back if 4,096 wait already, or the loop is gone.
    pub fn send(&self, command: C) -> Result<(), C> {
        let sent = self.commands.try_send(command);
        // A loop that is gone need not be woken.
        let _gone = self.waker.wake();
        sent.map_err(|(TrySendError::Full(command) | TrySendError::Disconnected(command))| command)
    }

    /// Shuts the loop down: nobody is accepted any more, handshakes in flight are answered with 503, open connections are closed with 1001.
    /// It then waits for them, at most for [`EventLoop::shutdown_timeout`](crate::EventLoop::shutdown_timeout), and resets what is left.
    pub fn shut_down(&self) {
        self.stop.store(true, Ordering::Release);
        let _gone = self.waker.wake();
    }
}
