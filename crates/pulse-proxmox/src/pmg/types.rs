//! Shapes of the answers of a Proxmox Mail Gateway, as served.
//!
//! `None` is "not said or not readable", never zero. Its statistics come from a database as
//! numbers or as texts; both read as numbers. Units: bytes, epoch seconds.

use crate::decode::{Element, tolerant};

tolerant! {
    pub struct Version {
        pub version: String,
        pub release: Option<String>,
    }

    /// A row of `/config/cluster/status`.
    pub struct ClusterNode {
        pub name: String,
        /// `master` or `node`.
        #[serde(rename = "type")]
        pub role: Option<String>,
        pub ip: Option<String>,
        pub cid: Option<i64>,
    }

    /// A row of `/nodes`.
    pub struct NodeEntry {
        pub node: String,
    }

    /// `/nodes/{node}/status`.
    pub struct NodeStatus {
        pub uptime: Option<u64>,
        pub loadavg: Vec<f64>,
    }

    /// A row of `/nodes/{node}/backup`.
    pub struct Backup {
        pub filename: String,
        pub size: Option<u64>,
        pub timestamp: Option<i64>,
    }

    /// `/statistics/mail`: the current day.
    pub struct MailStatistics {
        pub count: Option<f64>,
        pub count_in: Option<f64>,
        pub count_out: Option<f64>,
        pub spamcount_in: Option<f64>,
        pub spamcount_out: Option<f64>,
        pub viruscount_in: Option<f64>,
        pub viruscount_out: Option<f64>,
        pub bounces_in: Option<f64>,
        pub bounces_out: Option<f64>,
        pub bytes_in: Option<f64>,
        pub bytes_out: Option<f64>,
        pub glcount: Option<f64>,
        pub junk_in: Option<f64>,
        pub rbl_rejects: Option<f64>,
        pub pregreet_rejects: Option<f64>,
        /// Seconds.
        pub avptime: Option<f64>,
    }

    /// A row of `/statistics/mailcount`.
    pub struct MailCount {
        pub index: Option<i64>,
        pub time: Option<i64>,
        pub count: Option<f64>,
        pub count_in: Option<f64>,
        pub count_out: Option<f64>,
        pub spamcount_in: Option<f64>,
        pub spamcount_out: Option<f64>,
        pub viruscount_in: Option<f64>,
        pub viruscount_out: Option<f64>,
        pub bounces_in: Option<f64>,
        pub bounces_out: Option<f64>,
        pub rbl_rejects: Option<f64>,
        pub pregreet_rejects: Option<f64>,
        pub glcount: Option<f64>,
    }

    /// A row of `/statistics/spamscores`.
    pub struct SpamScore {
        pub level: String,
        pub count: Option<f64>,
        pub ratio: Option<f64>,
    }

    /// `/quarantine/spamstatus` and `/quarantine/virusstatus`.
    pub struct QuarantineStatus {
        pub count: Option<f64>,
        pub mbytes: Option<f64>,
    }
}

/// Declares which types stand alone in an answer, and what makes one unusable.
macro_rules! elements {
    ($($name:ty $(: |$this:ident| $usable:expr, $why:literal)?;)*) => {$(
        impl Element for $name {
            $(fn check(&self) -> Result<(), &'static str> {
                let $this = self;
                if $usable { Ok(()) } else { Err($why) }
            })?
        }
    )*};
}

elements! {
    Version;
    ClusterNode: |this| !this.name.is_empty(), "a member without name";
    NodeEntry: |this| !this.node.is_empty(), "a node without name";
    NodeStatus;
    Backup: |this| !this.filename.is_empty() && this.timestamp.is_some(), "a backup without name or time";
    MailStatistics;
    MailCount: |this| this.time.is_some(), "a count without time";
    SpamScore: |this| !this.level.is_empty(), "a score without level";
    QuarantineStatus;
}
