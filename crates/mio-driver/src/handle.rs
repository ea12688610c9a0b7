//! A loop as other threads see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

use mio::Waker;

/// So many commands wait, at most.
pub(crate) const COMMANDS: usize = 4096;

/// Asks a loop, from any thread. Clones ask the same one.
pub struct Handle<C> {
    pub(crate) commands: SyncSender<C>,
    pub(crate) waker: Arc<Waker>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl<C> Handle<C> {
    /// Queues a command for [`Handler::on_command`](crate::Handler::on_command), and wakes the loop.
    ///
    /// # Errors
    ///
    /// The command comes back if 4,096 wait already, or the loop is gone.
    pub fn send(&self, command: C) -> Result<(), C> {
        let sent = self.commands.try_send(command);
        self.wake();
        sent.map_err(|(TrySendError::Full(command) | TrySendError::Disconnected(command))| command)
    }

    /// Shuts the loop down: nobody is accepted any more, handshakes in flight are answered with 503, open connections are closed with 1001.
    /// It then waits for them, at most for [`EventLoop::shutdown_timeout`](crate::EventLoop::shutdown_timeout), and resets what is left.
    pub fn shut_down(&self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
    }

    fn wake(&self) {
        // A loop that is gone need not be woken.
        let _gone = self.waker.wake();
    }
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        let Self { commands, waker, stop } = self;
        Self { commands: commands.clone(), waker: Arc::clone(waker), stop: Arc::clone(stop) }
    }
}

impl<C> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("stop", &self.stop).finish_non_exhaustive()
    }
}
