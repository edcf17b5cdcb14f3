//! A global allocator that counts what each thread allocates, so that tests beside each other do not disturb each other.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; each method hands its arguments to System unchanged")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use std::alloc::System;

/// What a thread has allocated. A reallocation counts as one allocation of the new size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often memory was asked for.
    pub allocations: usize,
    /// How many bytes were asked for in all.
    pub bytes_allocated: usize,
    /// By how many bytes what is held has grown (or shrunk, below zero).
    pub live_delta: isize,
    /// By how many bytes what was held had grown when it was the most; never below zero.
    pub peak_delta: isize,
}

// Of the thread since its beginning; `peak_delta` since the innermost [`count`] began.
thread_local!(static COUNTS: Cell<Counts> = const {
    Cell::new(Counts { allocations: 0, bytes_allocated: 0, live_delta: 0, peak_delta: 0 })
});

/// What `work` allocates on this thread. Nothing is counted unless [`CountingAllocator`] is the global allocator.
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Counts) {
    let before = COUNTS.get();
    COUNTS.set(Counts { peak_delta: before.live_delta, ..before });
    let (result, after) = (work(), COUNTS.get());
    // What was the most in here may be the most for whoever counts around it.
    COUNTS.set(Counts { peak_delta: after.peak_delta.max(before.peak_delta), ..after });
    let counts = Counts {
        allocations: after.allocations - before.allocations,
        bytes_allocated: after.bytes_allocated.wrapping_sub(before.bytes_allocated),
        live_delta: after.live_delta - before.live_delta,
        peak_delta: after.peak_delta - before.live_delta,
    };
    (result, counts)
}

/// The system's allocator, counting: `#[global_allocator] static ALLOCATOR: CountingAllocator = CountingAllocator;`.
#[derive(Debug)]
pub struct CountingAllocator;

fn note(asked: usize, freed: usize) {
    let mut counts = COUNTS.get();
    counts.allocations += usize::from(asked > 0);
    counts.bytes_allocated = counts.bytes_allocated.wrapping_add(asked);
    counts.live_delta = counts.live_delta.wrapping_add(asked.wrapping_sub(freed) as isize);
    counts.peak_delta = counts.peak_delta.max(counts.live_delta);
    COUNTS.set(counts);
}

// SAFETY: System keeps the contract for the arguments it gets; counting touches a Cell without a destructor only.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: the caller's layout, unchanged.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: the caller's arguments, unchanged; `ptr` came from System.
        unsafe { System.dealloc(ptr, layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size, layout.size());
        // SAFETY: the caller's arguments, unchanged; `ptr` came from System.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}
