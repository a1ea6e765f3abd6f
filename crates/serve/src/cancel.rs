//! Cancel requests: a second connection names a session by number and secret, and its statement stops.

use bytes::Bytes;
use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use sluice_sql::SqlError;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The sessions that can be cancelled.
#[derive(Default)]
pub(crate) struct Sessions {
    next: AtomicI32,
    open: Mutex<HashMap<i32, (Bytes, Arc<Cancel>)>>,
}

impl Sessions {
    /// Adds a session whose secret has so many bytes.
    pub(crate) fn register(self: &Arc<Self>, secret_length: usize) -> io::Result<Registration> {
        let mut secret = vec![0; secret_length];
        SystemRandom::new().fill(&mut secret).map_err(|_| io::Error::other("the system has no random numbers"))?;
        let secret = Bytes::from(secret);
        let cancel = Arc::new(Cancel::default());
        let mut open = self.open.lock();
        // Positive, and free even after two thousand million sessions.
        let pid = loop {
            let pid = self.next.fetch_add(1, Ordering::Relaxed) & i32::MAX;
            if pid != 0 && !open.contains_key(&pid) {
                break pid;
            }
        };
        open.insert(pid, (secret.clone(), Arc::clone(&cancel)));
        Ok(Registration { pid, secret, cancel, sessions: Arc::clone(self) })
    }

    /// Cancels what a session is doing, if the secret is right.
    pub(crate) fn cancel(&self, pid: i32, secret: &[u8]) {
        if let Some((own, cancel)) = self.open.lock().get(&pid)
            && bool::from(own.ct_eq(secret))
        {
            cancel.request();
        }
    }
}

/// A session's entry, which goes with it.
pub(crate) struct Registration {
    pub(crate) pid: i32,
    pub(crate) secret: Bytes,
    pub(crate) cancel: Arc<Cancel>,
    sessions: Arc<Sessions>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.sessions.open.lock().remove(&self.pid);
    }
}

/// Whether the work at hand is to be cancelled.
#[derive(Default)]
pub(crate) struct Cancel {
    requested: AtomicBool,
    changed: Notify,
    /// When the statement at hand has taken too long.
    deadline: Mutex<Option<Instant>>,
}

impl Cancel {
    fn request(&self) {
        self.requested.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Forgets a request that came too late for what it meant.
    pub(crate) fn reset(&self) {
        self.requested.store(false, Ordering::SeqCst);
    }

    /// Starts a statement's time, which ends never without a limit.
    pub(crate) fn limit(&self, time: Option<Duration>) {
        *self.deadline.lock() = time.and_then(|time| Instant::now().checked_add(time));
    }

    /// Whether there is a request, or the time is up.
    pub(crate) fn is_requested(&self) -> bool {
        self.requested.load(Ordering::SeqCst) || self.deadline.lock().is_some_and(|at| at <= Instant::now())
    }

    /// Waits for a request, or until the time is up.
    pub(crate) async fn requested(&self) {
        let too_late = async {
            let deadline = *self.deadline.lock();
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let asked = async {
            loop {
                // Made before the look, so that a request between look and wait is seen.
                let changed = self.changed.notified();
                if self.is_requested() {
                    return;
                }
                changed.await;
            }
        };
        tokio::select! {
            () = asked => {}
            () = too_late => {}
        }
    }

    /// What the client is told of the statement that does not go on.
    pub(crate) fn error(&self) -> SqlError {
        let why = if self.requested.load(Ordering::SeqCst) { "user request" } else { "statement timeout" };
        SqlError::new("57014", format!("canceling statement due to {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_secret_must_be_right() {
        let sessions = Arc::new(Sessions::default());
        let session = sessions.register(4).expect("a session");
        let pending = |s: &Registration| s.cancel.requested().now_or_never().is_none();
        sessions.cancel(session.pid, b"");
        sessions.cancel(session.pid, &[session.secret.as_ref(), b"x"].concat());
        sessions.cancel(session.pid + 1, &session.secret);
        assert!(pending(&session));
        sessions.cancel(session.pid, &session.secret);
        assert!(!pending(&session));
        session.cancel.reset();
        assert!(pending(&session));
    }

    #[test]
    fn a_waiting_session_wakes() {
        let sessions = Arc::new(Sessions::default());
        let session = sessions.register(32).expect("a session");
        let mut waiting = Box::pin(session.cancel.requested());
        assert!(waiting.as_mut().now_or_never().is_none());
        sessions.cancel(session.pid, &session.secret);
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn closed_sessions_are_forgotten() {
        let sessions = Arc::new(Sessions::default());
        drop(sessions.register(4).expect("a session"));
        assert!(sessions.open.lock().is_empty());
    }
}
