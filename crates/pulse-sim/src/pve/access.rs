//! Who asks, and what they may see.

use crate::json::Json;
use crate::pve::request::Request;
use crate::reply::Reply;

/// How much the caller may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// PVEAuditor with `VM.Monitor`, `VM.Backup`, `Datastore.AllocateSpace` and `Sys.Syslog`.
    Full,
    /// PVEAuditor alone: no guest agent, no backups.
    Auditor,
    /// A token without any permission: lists are reduced, single things refused.
    Nothing,
}

/// An authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub user: String,
    pub rights: Rights,
}

/// Why a request was not let in.
#[derive(Clone, Debug)]
pub(crate) enum Reject {
    /// 401 without a body, held back for a while.
    Unauthorized(String),
    Reply(Reply),
}

impl Reject {
    pub(crate) fn new(reason: &str) -> Self {
        Self::Unauthorized(reason.into())
    }

    pub(crate) fn into_reply(self) -> Reply {
        match self {
            Self::Unauthorized(reason) => Reply::bare(401, reason),
            Self::Reply(reply) => reply,
        }
    }
}

impl Rights {
    fn privileges(self) -> &'static [&'static str] {
        const FULL: &[&str] = &[
            "Datastore.Audit",
            "Sys.Audit",
            "VM.Audit",
            "Mapping.Audit",
            "Pool.Audit",
            "SDN.Audit",
            "VM.Monitor",
            "VM.Backup",
            "Datastore.AllocateSpace",
            "Sys.Syslog",
        ];
        match self {
            Self::Full => FULL,
            Self::Auditor => &FULL[..6],
            Self::Nothing => &[],
        }
    }
}

const PATHS: &[&str] = &[
    "/",
    "/access",
    "/access/groups",
    "/nodes",
    "/pool",
    "/sdn",
    "/storage",
    "/vms",
];

pub(crate) fn permissions(request: &Request<'_>) -> Result<Reply, Reply> {
    request.allow(&["path", "userid"])?;
    let one = request.param("path");
    let privileges = request.rights.privileges();
    Ok(Reply::ok(Json::data_object(|o| {
        for path in one.map_or(PATHS.to_vec(), |p| vec![p]) {
            if privileges.is_empty() {
                continue;
            }
            // A path from the caller may hold anything.
            let key = serde_json::to_string(path).unwrap_or_default();
            o.nested(key.trim_matches('"'), |o| {
                for privilege in privileges {
                    o.int(privilege, 1);
                }
            });
        }
    })))
}

/// The answer to a login.
pub(crate) fn ticket(user: &str, ticket: &str, csrf: &str, cluster: Option<&str>) -> Reply {
    Reply::ok(Json::data_object(|o| {
        o.text("ticket", ticket)
            .text("CSRFPreventionToken", csrf)
            .text("username", user);
        if let Some(name) = cluster {
            o.text("clustername", name);
        }
        o.nested("cap", |o| {
            o.nested("vms", |o| {
                o.int("VM.Audit", 1);
            })
            .nested("storage", |o| {
                o.int("Datastore.Audit", 1);
            })
            .nested("sdn", |o| {
                o.int("SDN.Audit", 1);
            })
            .nested("access", |_| {})
            .nested("mapping", |o| {
                o.int("Mapping.Audit", 1);
            })
            .nested("dc", |o| {
                o.int("Sys.Audit", 1).int("SDN.Audit", 1);
            })
            .nested("nodes", |o| {
                o.int("Sys.Audit", 1);
            });
        });
    }))
}
