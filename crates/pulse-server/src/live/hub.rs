//! One task follows the snapshots and encodes each version once for all sockets.
//!
//! Delta clients get every version, at most one frame per 100 ms. v5 clients get the full state
//! when a poll or an agent changed something, at most once a second, and at least as often as
//! the original sends it. Nothing is encoded for a protocol that nobody speaks.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use pulse_core::Snapshot;
use pulse_wire::delta::DeltaEncoder;
use pulse_wire::parts::PartsCache;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use crate::app::now;

/// Frames that a slow client may be behind.
pub const QUEUE: usize = 32;
const DELTA_PAUSE: Duration = Duration::from_millis(100);
const FULL_PAUSE: Duration = Duration::from_secs(1);
/// Reports of agents alone send the full state to v5 clients this often: with fifty agents they
/// come several times a second, and each frame is everything.
const FULL_PAUSE_FOR_AGENTS: Duration = Duration::from_secs(5);

/// A frame for all clients of one protocol.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The version that it leads to.
    pub version: u64,
    pub bytes: Bytes,
}

/// Something that happened, for both protocols.
#[derive(Clone, Debug)]
pub struct Event {
    pub name: &'static str,
    pub data: serde_json::Value,
}

struct Encoders {
    delta: DeltaEncoder,
    parts: PartsCache,
}

/// Encodes and hands out frames.
pub struct Hub {
    encoders: Mutex<Encoders>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    deltas: broadcast::Sender<Frame>,
    full: broadcast::Sender<Frame>,
    events: broadcast::Sender<Event>,
    closing: watch::Sender<bool>,
    pub delta_clients: AtomicUsize,
    pub full_clients: AtomicUsize,
    pub dropped_clients: AtomicUsize,
    pub sent_bytes: std::sync::atomic::AtomicU64,
}

/// Shared handle of the hub.
#[derive(Clone)]
pub struct Live(Arc<Hub>);

impl std::ops::Deref for Live {
    type Target = Arc<Hub>;

    fn deref(&self) -> &Arc<Hub> {
        &self.0
    }
}

/// First byte of a delta frame: the rest is raw DEFLATE.
const DEFLATED: u8 = 1;
const PLAIN: u8 = 0;
/// Below this compression costs more than it saves.
const WORTH_COMPRESSING: usize = 256;

/// A frame of the delta protocol.
pub fn pack(json: &[u8]) -> Bytes {
    use std::io::Write as _;
    if json.len() >= WORTH_COMPRESSING {
        let mut out = Vec::with_capacity(json.len() / 4 + 64);
        out.push(DEFLATED);
        let mut encoder = flate2::write::DeflateEncoder::new(out, flate2::Compression::new(6));
        if encoder.write_all(json).is_ok()
            && let Ok(packed) = encoder.finish()
        {
            return packed.into();
        }
    }
    let mut out = Vec::with_capacity(json.len() + 1);
    out.push(PLAIN);
    out.extend_from_slice(json);
    out.into()
}

impl Live {
    /// Starts following the snapshots.
    pub fn start(snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let first = Arc::clone(&snapshots.borrow());
        let hub = Arc::new(Hub {
            encoders: Mutex::new(Encoders {
                delta: DeltaEncoder::new(&first),
                parts: PartsCache::default(),
            }),
            snapshots: snapshots.clone(),
            deltas: broadcast::channel(QUEUE).0,
            full: broadcast::channel(4).0,
            events: broadcast::channel(QUEUE).0,
            closing: watch::channel(false).0,
            delta_clients: AtomicUsize::new(0),
            full_clients: AtomicUsize::new(0),
            dropped_clients: AtomicUsize::new(0),
            sent_bytes: std::sync::atomic::AtomicU64::new(0),
        });
        tokio::spawn(follow(Arc::downgrade(&hub), snapshots.clone()));
        tokio::spawn(follow_full(Arc::downgrade(&hub), snapshots));
        Self(hub)
    }

    /// Ends all sockets.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }
}

async fn follow(hub: std::sync::Weak<Hub>, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    loop {
        if snapshots.changed().await.is_err() {
            return;
        }
        let started = Instant::now();
        let Some(hub) = hub.upgrade() else { return };
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        hub.publish_delta(&snapshot);
        drop(hub);
        tokio::time::sleep_until(started + DELTA_PAUSE).await;
    }
}

async fn follow_full(hub: std::sync::Weak<Hub>, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    let mut sent = Arc::clone(&snapshots.borrow());
    let mut at = Instant::now();
    loop {
        if snapshots.changed().await.is_err() {
            return;
        }
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        if only_hosts_moved(&sent, &snapshot) {
            // A poll that comes meanwhile does not wait for the rest of the pause.
            let rest = tokio::time::sleep_until(at + FULL_PAUSE_FOR_AGENTS);
            tokio::pin!(rest);
            loop {
                tokio::select! {
                    () = &mut rest => break,
                    changed = snapshots.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        if !only_hosts_moved(&sent, &snapshots.borrow_and_update()) {
                            break;
                        }
                    }
                }
            }
        }
        tokio::time::sleep_until(at + FULL_PAUSE).await;
        let Some(hub) = hub.upgrade() else { return };
        sent = Arc::clone(&snapshots.borrow_and_update());
        at = Instant::now();
        hub.publish_full(&sent);
    }
}

/// Whether nothing that polls bring changed between two snapshots.
fn only_hosts_moved(old: &Snapshot, new: &Snapshot) -> bool {
    Arc::ptr_eq(&old.vms, &new.vms)
        && Arc::ptr_eq(&old.containers, &new.containers)
        && Arc::ptr_eq(&old.storages, &new.storages)
        && old.hosts.len() == new.hosts.len()
        && old.nodes.len() == new.nodes.len()
        && old.connection_health == new.connection_health
}

impl Hub {
    fn lock(&self) -> std::sync::MutexGuard<'_, Encoders> {
        self.encoders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish_delta(&self, snapshot: &Arc<Snapshot>) {
        let mut encoders = self.lock();
        if self.deltas.receiver_count() == 0 {
            // Nobody follows: the next client starts with what is then current.
            return;
        }
        if let Some(json) = encoders.delta.advance(snapshot, now()) {
            let _ = self.deltas.send(Frame {
                version: snapshot.version,
                bytes: pack(&json),
            });
        }
    }

    fn publish_full(&self, snapshot: &Arc<Snapshot>) {
        if self.full.receiver_count() == 0 {
            return;
        }
        let message = self.lock().parts.message(snapshot, "rawData");
        match message {
            Ok(bytes) => {
                let _ = self.full.send(Frame {
                    version: snapshot.version,
                    bytes,
                });
            }
            Err(error) => tracing::error!(%error, "state not encoded"),
        }
    }

    /// Subscribes to deltas; gives the snapshot frame that they continue.
    pub fn join_deltas(&self) -> (Frame, broadcast::Receiver<Frame>) {
        let mut encoders = self.lock();
        // Subscribing under the lock: no delta can fall between snapshot and first frame.
        let frames = self.deltas.subscribe();
        let current = Arc::clone(&self.snapshots.borrow());
        if current.version > encoders.delta.snapshot().version && frames_idle(&self.deltas) {
            encoders.delta = DeltaEncoder::new(&current);
        }
        let Encoders { delta, parts } = &mut *encoders;
        let json = delta.snapshot_frame(parts, now()).unwrap_or_default();
        let frame = Frame {
            version: delta.snapshot().version,
            bytes: pack(&json),
        };
        (frame, frames)
    }

    /// Subscribes to full states; gives the `initialState` message.
    pub fn join_full(&self) -> (Bytes, broadcast::Receiver<Frame>) {
        let frames = self.full.subscribe();
        (self.full_message("initialState"), frames)
    }

    /// The full state as a v5 message.
    pub fn full_message(&self, kind: &str) -> Bytes {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        self.lock()
            .parts
            .message(&snapshot, kind)
            .unwrap_or_default()
    }

    /// Tells all clients that something happened.
    pub fn event(&self, name: &'static str, data: &serde_json::Value) {
        let _ = self.events.send(Event {
            name,
            data: data.clone(),
        });
    }

    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    pub fn note_sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Whether the receiver just made is the only one.
fn frames_idle(deltas: &broadcast::Sender<Frame>) -> bool {
    deltas.receiver_count() == 1
}

#[cfg(test)]
mod tests {
    use super::pack;
    use std::io::Read as _;

    #[test]
    fn frames_say_how_they_are_encoded() {
        assert_eq!(&pack(b"{}")[..], b"\0{}");
        let long = br#"{"a":"#.repeat(100);
        let packed = pack(&long);
        assert_eq!(packed[0], 1);
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(&packed[1..])
            .read_to_end(&mut out)
            .unwrap();
        assert_eq!(out, long);
    }
}
