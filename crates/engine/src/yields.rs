//! Threads that give way to others.
#![allow(unsafe_code, reason = "the standard library has no priorities of threads")]

/// How much less than others a thread gets while they want to run: on Linux about a tenth.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lowers the priority of the calling thread for good.
#[cfg(target_os = "linux")]
pub(crate) fn give_way() {
    // SAFETY: `setpriority` takes three numbers and touches no memory of ours. On Linux `PRIO_PROCESS` with 0 means the
    // calling thread alone (setpriority(2), "C library/kernel differences"), and making a thread nicer is always allowed.
    // Were it to fail, the thread would go on as it was, which is right if slower for others.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
    }
}

/// Elsewhere a priority is the whole process's.
#[cfg(not(target_os = "linux"))]
pub(crate) fn give_way() {}
