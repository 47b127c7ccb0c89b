//! A request to the API, taken apart.

use crate::clock::Millis;
use crate::model::Cluster;
use crate::pve::access::Rights;
use crate::reply::Reply;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Everything an endpoint needs to answer.
pub(crate) struct Request<'a> {
    pub cluster: &'a Cluster,
    /// The node that was asked; it may answer for others.
    pub asked: usize,
    pub now: Millis,
    pub method: Method,
    /// Below `/api2/json`, with leading slash, undecoded.
    pub path: &'a str,
    pub query: Vec<(String, String)>,
    pub rights: Rights,
}

impl Request<'_> {
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v.as_str())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.param(name).is_some_and(|v| v == "1" || v == "true")
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.param(name).and_then(|v| v.parse().ok())
    }

    /// Proxmox VE refuses parameters that its schema does not know.
    pub(crate) fn allow(&self, names: &[&str]) -> Result<(), Reply> {
        match self
            .query
            .iter()
            .find(|(k, _)| !names.contains(&k.as_str()))
        {
            None => Ok(()),
            Some((k, _)) => Err(Reply::parameter(
                k,
                "property is not defined in schema and the schema does not allow additional properties",
            )),
        }
    }

    /// Refuses a caller without the right to look at that path.
    pub(crate) fn need(&self, path: &str, privilege: &str) -> Result<(), Reply> {
        match self.rights {
            Rights::Nothing => Err(Reply::forbidden(path, privilege)),
            _ => Ok(()),
        }
    }

    pub(crate) fn blind(&self) -> bool {
        self.rights == Rights::Nothing
    }

    /// A parameter out of an enumeration.
    pub(crate) fn one_of(&self, name: &str, values: &[&str]) -> Result<Option<&str>, Reply> {
        match self.param(name) {
            Some(v) if !values.contains(&v) => Err(Reply::parameter(
                name,
                &format!(
                    "value '{v}' does not have a value in the enumeration '{}'",
                    values.join(", ")
                ),
            )),
            found => Ok(found),
        }
    }
}

/// Percent- and plus-decodes.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = (bytes[i] == b'%')
            .then(|| text.get(i + 1..i + 3))
            .flatten()
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match hex {
            Some(byte) => {
                out.push(byte);
                i += 2;
            }
            None if bytes[i] == b'+' => out.push(b' '),
            None => out.push(bytes[i]),
        }
        i += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `a=b&c=d`, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|p| !p.is_empty())
        .map(|p| {
            let (k, v) = p.split_once('=').unwrap_or((p, ""));
            (decode(k), decode(v))
        })
        .collect()
}
