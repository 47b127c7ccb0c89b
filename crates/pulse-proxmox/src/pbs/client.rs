//! A client of one Proxmox Backup Server, and the calls that Pulse makes.
//!
//! Transport, tickets and the limits of a call are those of [`PveClient`]; only the dialect of the
//! login differs. Errors come as plain text, and a path that an older version does not have as 404.

use bytes::Bytes;

use super::types::{
    DatastoreEntry, DatastoreStatus, DatastoreUsage, GcJob, GcStatus, Group, Job, Namespace,
    NodeStatus, Snapshot, Task, Version,
};
use crate::auth::Dialect;
use crate::call::Call;
use crate::decode::{DecodeError, Decoded, Element};
use crate::error::{Error, Result, excerpt};
use crate::meter::Meter;
use crate::outbound::{Fingerprint, ServerAddress};
use crate::pve::{PveApi, PveClient, PveOptions};

/// The realm of a user that is entered without one.
pub const REALM: &str = "pbs";

/// A backup takes about 700 bytes in the list of a namespace.
const SNAPSHOTS_MAX: usize = 128 * 1024 * 1024;

/// Which backups of a namespace are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct SnapshotFilter<'a> {
    /// `vm`, `ct` or `host`, and the id.
    pub group: Option<(&'a str, &'a str)>,
}

/// A client of one server. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct PbsClient(PveClient);

impl PveApi for PbsClient {
    async fn send(&self, call: Call) -> Result<Bytes> {
        let path = call.path.clone();
        let body = self.0.send(call).await?;
        if body.trim_ascii_start().starts_with(b"<") {
            let error = DecodeError {
                detail: "it is a web page and not the API; enter https:// and port 8007".to_owned(),
                excerpt: excerpt(&body),
            };
            return Err(Error::new(self.0.endpoint(), &path, error));
        }
        Ok(body)
    }

    fn describe(&self) -> String {
        self.0.endpoint().to_owned()
    }

    fn meter(&self) -> &Meter {
        self.0.meter()
    }
}

impl PbsClient {
    /// Prepares a client; nothing is sent before the first call. The dialect of the options is
    /// set here.
    pub fn new(mut options: PveOptions) -> Result<Self> {
        options.dialect = Dialect::PBS;
        PveClient::new(options).map(Self)
    }

    pub fn endpoint(&self) -> &str {
        self.0.endpoint()
    }

    pub fn address(&self) -> &ServerAddress {
        self.0.address()
    }

    pub fn certificate_seen(&self) -> Option<Fingerprint> {
        self.0.certificate_seen()
    }

    /// Needs no privilege beside valid credentials.
    pub async fn server_version(&self) -> Result<Version> {
        self.object(Call::get("/version").within_secs(10)).await
    }

    /// Needs `Sys.Audit`.
    pub async fn server_status(&self) -> Result<NodeStatus> {
        self.object(Call::get("/nodes/localhost/status").within_secs(10))
            .await
    }

    /// Those that the credentials may see: an empty list does not prove that there are none.
    pub async fn datastores(&self) -> Result<Decoded<DatastoreEntry>> {
        self.list(Call::get("/admin/datastore").within_secs(15))
            .await
    }

    /// Sizes and garbage collection of all datastores. 404 (old versions) gives none.
    pub async fn datastore_usage(&self) -> Result<Decoded<DatastoreUsage>> {
        self.optional(Call::get("/status/datastore-usage").within_secs(30))
            .await
    }

    pub async fn datastore_status(&self, store: &str) -> Result<DatastoreStatus> {
        self.object(
            Call::get("/admin/datastore/{store}/status")
                .with(store)
                .query("verbose", true)
                .within_secs(30),
        )
        .await
    }

    pub async fn datastore_gc(&self, store: &str) -> Result<GcStatus> {
        self.object(
            Call::get("/admin/datastore/{store}/gc")
                .with(store)
                .within_secs(15),
        )
        .await
    }

    /// All namespaces at any depth, the root included. 404 (old versions) gives none.
    pub async fn namespaces(&self, store: &str) -> Result<Decoded<Namespace>> {
        self.optional(
            Call::get("/admin/datastore/{store}/namespace")
                .with(store)
                .within_secs(30),
        )
        .await
    }

    /// Groups of exactly one namespace; empty is the root.
    pub async fn groups(&self, store: &str, namespace: &str) -> Result<Decoded<Group>> {
        let call = Call::get("/admin/datastore/{store}/groups").with(store);
        self.list(of_namespace(call, namespace).within_secs(60))
            .await
    }

    /// Backups of exactly one namespace, or of one group in it.
    pub async fn snapshots(
        &self,
        store: &str,
        namespace: &str,
        filter: SnapshotFilter<'_>,
    ) -> Result<Decoded<Snapshot>> {
        let mut call = of_namespace(
            Call::get("/admin/datastore/{store}/snapshots").with(store),
            namespace,
        );
        if let Some((kind, id)) = filter.group {
            call = call.query("backup-type", kind).query("backup-id", id);
        }
        self.list(call.within_secs(60).max_body(SNAPSHOTS_MAX))
            .await
    }

    /// Needs `Remote.Audit`; without it the list is empty.
    pub async fn sync_jobs(&self) -> Result<Decoded<Job>> {
        self.optional(Call::get("/admin/sync").within_secs(15))
            .await
    }

    pub async fn verify_jobs(&self) -> Result<Decoded<Job>> {
        self.optional(Call::get("/admin/verify").within_secs(15))
            .await
    }

    pub async fn prune_jobs(&self) -> Result<Decoded<Job>> {
        self.optional(Call::get("/admin/prune").within_secs(15))
            .await
    }

    pub async fn gc_jobs(&self) -> Result<Decoded<GcJob>> {
        self.optional(Call::get("/admin/gc").within_secs(15)).await
    }

    /// Running ones first, then the newest.
    pub async fn server_tasks(&self, limit: u32) -> Result<Decoded<Task>> {
        self.list(
            Call::get("/nodes/localhost/tasks")
                .query("limit", limit)
                .within_secs(20),
        )
        .await
    }

    /// A list that older versions do not have.
    async fn optional<T: Element + Send>(&self, call: Call) -> Result<Decoded<T>> {
        match self.list(call).await {
            Err(error) if error.status() == Some(404) => Ok(Decoded::default()),
            answer => answer,
        }
    }
}

fn of_namespace(call: Call, namespace: &str) -> Call {
    if namespace.is_empty() {
        call
    } else {
        call.query("ns", namespace)
    }
}
