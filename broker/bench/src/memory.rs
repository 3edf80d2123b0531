//! Makes the host back this machine's memory before a run, or the hypervisor is measured.

/// Below what a run touches; pages lose their backing again after seconds.
const TOUCHED_BYTES: usize = 2 << 30;

/// Touches memory and frees it, so that the next process's first touch of a page is cheap.
pub(crate) fn touch_and_free() {
    let mut memory = vec![0u8; TOUCHED_BYTES];
    for page in memory.iter_mut().step_by(4096) {
        *page = 1;
    }
    std::hint::black_box(&memory);
}
