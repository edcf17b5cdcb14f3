//! What std would bring: an end for panics, and memory. Neither is meant to be used.
#![expect(unsafe_code, reason = "GlobalAlloc is an unsafe trait; this one gives nothing out")]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;

/// A second one of these does not compile, and std has one.
#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    loop {}
}

#[global_allocator]
static NO_MEMORY: NoMemory = NoMemory;

struct NoMemory;

// SAFETY: no memory is ever given out, which the contract allows; so none comes back.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
