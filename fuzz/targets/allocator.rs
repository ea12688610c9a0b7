//! An allocator that counts the bytes that are live, for the law of `Config::max_memory`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use adieu_fuzz_bodies::Counters;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static GLOBAL: Counting = Counting;

fn add(len: usize) {
    let live = LIVE.fetch_add(len, Relaxed) + len;
    PEAK.fetch_max(live, Relaxed);
}

fn remove(len: usize) {
    LIVE.fetch_sub(len, Relaxed);
}

// `GlobalAlloc` is an unsafe trait, and there is no other way to see allocations. Every method hands its arguments on to `System`
// unchanged, so what the caller promises holds there too. It counts and never panics: an allocator may not unwind, so the
// bodies compare after each call. A moved block is counted as one that changed its size.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        if len > layout.size() {
            add(len - layout.size());
        } else {
            remove(layout.size() - len);
        }
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, len) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        remove(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Makes the bodies count.
pub fn install() {
    adieu_fuzz_bodies::count_with(Counters {
        live: || LIVE.load(Relaxed),
        begin: || PEAK.store(LIVE.load(Relaxed), Relaxed),
        peak: || PEAK.load(Relaxed),
    });
}
