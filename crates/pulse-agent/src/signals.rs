//! Waiting, and being asked to stop.
//!
//! A wait ends early when SIGTERM or SIGINT arrives. While a request is under way the signal ends
//! the process at once: there is nothing on disk that could be left half-written.

use std::io::{ErrorKind, Read as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

pub struct Signals {
    stop: Arc<AtomicBool>,
    busy: Arc<AtomicBool>,
    wake: UnixStream,
}

impl Signals {
    pub fn listen() -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = Arc::new(AtomicBool::new(false));
        let (wake, waker) = UnixStream::pair()?;
        for signal in [SIGTERM, SIGINT] {
            signal_hook::flag::register_conditional_shutdown(signal, 0, Arc::clone(&busy))?;
            signal_hook::flag::register(signal, Arc::clone(&stop))?;
            signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        Ok(Self { stop, busy, wake })
    }

    /// Does something that may block for long.
    pub fn while_busy<T>(&self, action: impl FnOnce() -> T) -> T {
        self.busy.store(true, Ordering::SeqCst);
        let result = action();
        self.busy.store(false, Ordering::SeqCst);
        result
    }

    /// Waits until a time; false when it is time to stop.
    pub fn wait_until(&self, end: Instant) -> bool {
        while !self.stop.load(Ordering::SeqCst) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            // The clock of a socket timeout may run out a little early; the loop waits the rest.
            let left = left.max(Duration::from_millis(1));
            let waited = self.wake.set_read_timeout(Some(left));
            match waited.and_then(|()| (&self.wake).read(&mut [0; 8])) {
                Ok(_) => {}
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => std::thread::sleep(left),
                },
            }
        }
        false
    }
}
