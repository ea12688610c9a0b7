//! When a loop wakes by itself.
//!
//! Owns: one alarm for each socket. Must not know: what is due.
//!
//! An alarm whose deadline has moved away is left as it is: when it rings, one looks, and sets it anew. So nothing is paid where
//! nothing expires.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use adieu_core::Instant;

use crate::slab::{Key, Slab};

/// So many alarms that nobody waits for any more are kept beside as many as there are sockets.
const STALE: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Instant, Key)>>);

impl Timers {
    /// The next alarm.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Sets a socket's alarm, unless it rings early enough.
    pub(crate) fn arm(&mut self, slab: &mut Slab, key: Key) {
        let Some(slot) = slab.get_mut(key) else { return };
        let Some(deadline) = slot.socket.deadline() else { return };
        if slot.armed.is_some_and(|armed| armed <= deadline) {
            return;
        }
        slot.armed = Some(deadline);
        self.0.push(Reverse((deadline, key)));
        if self.0.len() > 2 * slab.len() + STALE {
            self.0.retain(|Reverse((at, key))| slab.get(*key).is_some_and(|slot| slot.armed == Some(*at)));
        }
    }

    /// Takes the next socket whose deadline has passed.
    pub(crate) fn due(&mut self, slab: &mut Slab, now: Instant) -> Option<Key> {
        while self.next().is_some_and(|at| at <= now) {
            let Reverse((at, key)) = self.0.pop()?;
            let Some(slot) = slab.get_mut(key).filter(|slot| slot.armed == Some(at)) else { continue };
            slot.armed = None;
            if slot.socket.deadline().is_some_and(|deadline| deadline <= now) {
                return Some(key);
            }
            self.arm(slab, key);
        }
        None
    }
}
