//! Where locks, counters and thread-locals come from: the standard library. A checker of interleavings compiles the modules of this
//! crate against its own.

pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
pub(crate) use std::thread_local;
