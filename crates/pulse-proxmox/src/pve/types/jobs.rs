//! Answers about tasks and scheduled jobs.

use std::collections::BTreeMap;

use crate::decode::tolerant;

tolerant! {
    /// One row of a task list.
    pub struct Task {
        pub upid: String,
        pub node: Option<String>,
        /// Worker type, such as `vzdump`.
        #[serde(rename = "type")]
        pub kind: Option<String>,
        /// What it works on, often a VMID; empty for several.
        pub id: Option<String>,
        pub user: Option<String>,
        /// Name of the API token that `user` used.
        pub tokenid: Option<String>,
        /// `OK`, `WARNINGS: n`, `RUNNING`, else the error text; absent while running in cluster lists.
        pub status: Option<String>,
        pub starttime: Option<i64>,
        pub endtime: Option<i64>,
        pub pid: Option<u64>,
        pub pstart: Option<u64>,
    }

    /// A replication job, as configured or with its last run.
    pub struct Replication {
        pub id: String,
        pub guest: u32,
        pub jobnum: Option<u32>,
        pub source: Option<String>,
        pub target: Option<String>,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub vmtype: Option<String>,
        pub schedule: Option<String>,
        pub comment: Option<String>,
        /// MB/s.
        pub rate: Option<f64>,
        pub disable: bool,
        /// 0 means never.
        pub last_sync: Option<i64>,
        pub last_try: Option<i64>,
        pub next_sync: Option<i64>,
        /// Seconds.
        pub duration: Option<f64>,
        pub fail_count: Option<u32>,
        pub error: Option<String>,
        pub state: Option<String>,
        pub remove_job: Option<String>,
        /// Set while it runs.
        pub pid: Option<u64>,
    }

    /// One row of `/cluster/backup`.
    pub struct BackupJob {
        pub id: String,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub enabled: Option<bool>,
        pub all: bool,
        /// Numbers separated by commas.
        pub vmid: Option<String>,
        pub exclude: Option<String>,
        pub pool: Option<String>,
        pub node: Option<String>,
        pub storage: Option<String>,
        pub schedule: Option<String>,
        #[serde(rename = "next-run")]
        pub next_run: Option<i64>,
        pub mode: Option<String>,
        pub compress: Option<String>,
        pub comment: Option<String>,
        #[serde(rename = "prune-backups")]
        pub prune_backups: BTreeMap<String, String>,
    }

    /// One row of `/cluster/backup-info/not-backed-up`.
    pub struct Unprotected {
        pub vmid: u32,
        pub name: Option<String>,
        #[serde(rename = "type")]
        pub kind: Option<String>,
    }
}
