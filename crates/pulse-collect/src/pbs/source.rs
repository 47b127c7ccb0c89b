//! What the collector has to know of a configured backup server.

use std::sync::Arc;

use pulse_proxmox::PbsClient;

/// What is asked. The default is everything.
#[derive(Clone, Debug)]
pub struct PbsExtent {
    pub datastores: bool,
    /// Groups and snapshots.
    pub backups: bool,
    pub sync_jobs: bool,
    pub verify_jobs: bool,
    pub prune_jobs: bool,
    pub garbage_jobs: bool,
    /// None: five poll intervals.
    pub backup_interval_seconds: Option<u32>,
}

impl Default for PbsExtent {
    fn default() -> Self {
        Self {
            datastores: true,
            backups: true,
            sync_jobs: true,
            verify_jobs: true,
            prune_jobs: true,
            garbage_jobs: true,
            backup_interval_seconds: None,
        }
    }
}

/// A backup server to watch.
#[derive(Clone, Debug)]
pub struct PbsSource {
    /// Unique among the backup servers; part of every id.
    pub name: String,
    pub client: Arc<PbsClient>,
    /// URL that was configured.
    pub host: String,
    pub guest_url: String,
    pub extent: PbsExtent,
    /// Seconds between polls.
    pub interval_seconds: u32,
    /// From the simulated datacenter.
    pub demo: bool,
}

impl PbsSource {
    /// Seconds between two looks at the backups.
    pub fn backup_interval_seconds(&self) -> u32 {
        let cycles = self.interval_seconds.max(1).saturating_mul(5);
        self.extent
            .backup_interval_seconds
            .unwrap_or(cycles)
            .max(30)
    }
}
