//! A counter that misses an allocation would let the promise of none per record rot unseen.

use core::hint::black_box;
use std::thread;

use sealgram_alloc::{CountingAllocator, Counts, count};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn what_does_not_allocate_counts_nothing() {
    let (sum, counts) = count(|| (0..1000_u64).sum::<u64>());
    assert_eq!(sum, 499_500);
    assert_eq!(counts, Counts::default());
}

#[test]
fn a_kept_vector_is_live_and_a_dropped_one_is_not() {
    let (kept, counts) = count(|| vec![1_u8; 100]);
    assert_eq!(counts, Counts { allocations: 1, bytes_allocated: 100, live_delta: 100 });
    let ((), counts) = count(|| drop(kept));
    assert_eq!(counts, Counts { allocations: 0, bytes_allocated: 0, live_delta: -100 });
}

#[test]
fn zeroed_memory_and_growth_count_too() {
    let (mut zeroed, counts) = count(|| vec![0_u8; 64]);
    assert_eq!(counts, Counts { allocations: 1, bytes_allocated: 64, live_delta: 64 });
    let ((), counts) = count(|| zeroed.reserve_exact(64));
    assert_eq!(counts, Counts { allocations: 1, bytes_allocated: 128, live_delta: 64 });
}

#[test]
fn other_threads_are_not_counted() {
    let worker = thread::spawn(|| count(|| vec![1_u8; 10_000]).1);
    let ((), here) = count(|| {
        black_box(Box::new(1_u8));
    });
    assert_eq!(here, Counts { allocations: 1, bytes_allocated: 1, live_delta: 0 });
    assert_eq!(worker.join().unwrap().bytes_allocated, 10_000);
}
