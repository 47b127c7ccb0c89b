//! The state's JSON, put together from parts that are encoded once each.
//!
//! A part is encoded again only when its collection changed; an unchanged collection is the same
//! `Arc` in both snapshots. What comes out equals `serde_json` of [`crate::state::StateJson`].

use std::sync::Arc;

use bytes::Bytes;
use pulse_core::Snapshot;
use serde::Serialize;

use crate::state::{
    BackupsJson, EmptyParts, GuestJson, HostJson, InstanceJson, NodeJson, StorageJson,
};

/// The encoded collections of the snapshot that was encoded last.
#[derive(Default)]
pub struct PartsCache {
    last: Option<Arc<Snapshot>>,
    nodes: Bytes,
    vms: Bytes,
    containers: Bytes,
    storage: Bytes,
    hosts: Bytes,
    tail: Bytes,
}

fn encode(value: &impl Serialize) -> Result<Bytes, serde_json::Error> {
    serde_json::to_vec(value).map(Bytes::from)
}

impl PartsCache {
    /// The JSON of `GET /api/state`.
    pub fn state(&mut self, snapshot: &Arc<Snapshot>) -> Result<Bytes, serde_json::Error> {
        self.update(snapshot)?;
        Ok(self.assemble(snapshot, b"", b"", true))
    }

    /// A v5 WebSocket message of type `kind` with the state as data.
    pub fn message(
        &mut self,
        snapshot: &Arc<Snapshot>,
        kind: &str,
    ) -> Result<Bytes, serde_json::Error> {
        self.update(snapshot)?;
        let head = format!("{{\"type\":\"{kind}\",\"data\":");
        Ok(self.assemble(snapshot, head.as_bytes(), b"}", true))
    }

    /// The state of the delta protocol's snapshot frame: without v5's duplicated lists.
    pub fn compact_state(&mut self, snapshot: &Arc<Snapshot>) -> Result<Bytes, serde_json::Error> {
        self.update(snapshot)?;
        Ok(self.assemble(snapshot, b"", b"", false))
    }

    fn update(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), serde_json::Error> {
        let last = self.last.as_deref();
        let same_hosts = last.is_some_and(|l| Arc::ptr_eq(&l.hosts, &snapshot.hosts));
        // Node temperatures come from the hosts.
        if !same_hosts || !last.is_some_and(|l| Arc::ptr_eq(&l.nodes, &snapshot.nodes)) {
            let list: Vec<_> = snapshot
                .nodes
                .iter()
                .map(|n| NodeJson::new(n, snapshot))
                .collect();
            self.nodes = encode(&list)?;
        }
        if !same_hosts {
            let list: Vec<_> = snapshot.hosts.iter().map(|h| HostJson::new(h)).collect();
            self.hosts = encode(&list)?;
        }
        if !last.is_some_and(|l| Arc::ptr_eq(&l.vms, &snapshot.vms)) {
            let list: Vec<_> = snapshot.vms.iter().map(|g| GuestJson::new(g)).collect();
            self.vms = encode(&list)?;
        }
        if !last.is_some_and(|l| Arc::ptr_eq(&l.containers, &snapshot.containers)) {
            let list: Vec<_> = snapshot
                .containers
                .iter()
                .map(|g| GuestJson::new(g))
                .collect();
            self.containers = encode(&list)?;
        }
        if !last.is_some_and(|l| Arc::ptr_eq(&l.storages, &snapshot.storages)) {
            let list: Vec<_> = snapshot
                .storages
                .iter()
                .map(|s| StorageJson::new(s))
                .collect();
            self.storage = encode(&list)?;
        }
        if self.tail.is_empty() {
            self.tail = encode(&EmptyParts::default())?;
        }
        self.last = Some(Arc::clone(snapshot));
        Ok(())
    }

    fn assemble(&self, snapshot: &Snapshot, head: &[u8], end: &[u8], duplicates: bool) -> Bytes {
        let instances: Vec<_> = snapshot
            .instances
            .iter()
            .map(|i| InstanceJson::new(i))
            .collect();
        // Maps and lists of strings always encode.
        let instances = serde_json::to_vec(&instances).unwrap_or_default();
        let health = serde_json::to_vec(&*snapshot.connection_health).unwrap_or_default();
        let backups = if duplicates {
            serde_json::to_vec(&BackupsJson::default()).unwrap_or_default()
        } else {
            Vec::new()
        };
        let parts: [(&str, &[u8]); 7] = [
            ("\"nodes\":", &self.nodes),
            (",\"vms\":", &self.vms),
            (",\"containers\":", &self.containers),
            (",\"storage\":", &self.storage),
            (",\"hosts\":", &self.hosts),
            (",\"instances\":", &instances),
            (",\"connectionHealth\":", &health),
        ];
        let size: usize = parts.iter().map(|(k, v)| k.len() + v.len()).sum();
        let mut out = Vec::with_capacity(size + self.tail.len() + backups.len() + head.len() + 160);
        out.extend_from_slice(head);
        out.push(b'{');
        for (key, value) in parts {
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(value);
        }
        out.push(b',');
        // The tail is an object: its braces go.
        let inner = self.tail.len().saturating_sub(1);
        out.extend_from_slice(self.tail.get(1..inner).unwrap_or_default());
        if duplicates {
            out.extend_from_slice(b",\"backups\":");
            out.extend_from_slice(&backups);
        }
        out.extend_from_slice(
            format!(
                ",\"lastUpdate\":{},\"temperatureMonitoringEnabled\":true}}",
                snapshot.at.millis()
            )
            .as_bytes(),
        );
        out.extend_from_slice(end);
        Bytes::from(out)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::PartsCache;
    use crate::state::StateJson;

    #[test]
    fn the_assembled_state_equals_its_definition() {
        let snapshot = Arc::new(crate::delta::tests::sample_snapshot(7));
        let assembled = PartsCache::default().state(&snapshot).unwrap();
        let assembled: serde_json::Value = serde_json::from_slice(&assembled).unwrap();
        // Both through text: parsing may round the last digit of a float.
        let defined = serde_json::to_vec(&StateJson::new(&snapshot)).unwrap();
        let defined: serde_json::Value = serde_json::from_slice(&defined).unwrap();
        assert_eq!(assembled, defined);
    }
}
