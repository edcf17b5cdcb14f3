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
    assert_eq!(counts, Counts { allocations: 1, bytes_allocated: 100, live_delta: 100, peak_delta: 100 });
    let ((), counts) = count(|| drop(kept));
    assert_eq!(counts, Counts { allocations: 0, bytes_allocated: 0, live_delta: -100, peak_delta: 0 });
}

#[test]
fn zeroed_memory_and_growth_count_too() {
    let (mut zeroed, counts) = count(|| vec![0_u8; 64]);
    assert_eq!(counts, Counts { allocations: 1, bytes_allocated: 64, live_delta: 64, peak_delta: 64 });
    let ((), counts) = count(|| zeroed.reserve_exact(64));
    assert_eq!(counts, Counts { allocations: 1, bytes_allocated: 128, live_delta: 64, peak_delta: 64 });
}

#[test]
fn other_threads_are_not_counted() {
    let worker = thread::spawn(|| count(|| vec![1_u8; 10_000]).1);
    let ((), here) = count(|| {
        black_box(Box::new(1_u8));
    });
    assert_eq!(here, Counts { allocations: 1, bytes_allocated: 1, live_delta: 0, peak_delta: 1 });
    assert_eq!(worker.join().unwrap().bytes_allocated, 10_000);
}

#[test]
fn the_peak_is_what_was_held_at_once() {
    let ((), counts) = count(|| {
        drop(black_box(vec![1_u8; 300]));
        drop(black_box(vec![1_u8; 200]));
    });
    assert_eq!((counts.bytes_allocated, counts.live_delta, counts.peak_delta), (500, 0, 300));
}

/// A peak inside belongs to the count around it too, and one before it does not belong to the count inside.
#[test]
fn counts_inside_counts_keep_their_own_peaks() {
    let (inside, around) = count(|| {
        drop(black_box(vec![1_u8; 500]));
        let kept = vec![1_u8; 100];
        let ((), inside) = count(|| drop(black_box(vec![1_u8; 450])));
        drop(black_box(kept));
        inside
    });
    assert_eq!((inside.peak_delta, around.peak_delta), (450, 550));
}
