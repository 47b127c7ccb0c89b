//! How clients name a node: by place in the list (`pve-0`) as version 5 does, or by the stable uid.

use super::NodeKind;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeRef {
    /// Shifts when an earlier node of the kind is deleted. An unknown kind names no node, but is
    /// well formed.
    Position {
        kind: Option<NodeKind>,
        index: usize,
    },
    Uid(String),
}

impl NodeRef {
    /// `None` for what can be neither.
    pub fn parse(text: &str) -> Option<Self> {
        if uuid::Uuid::try_parse(text).is_ok_and(|uid| uid.to_string() == text) {
            return Some(Self::Uid(text.to_owned()));
        }
        let (kind, index) = text.split_once('-')?;
        if index.is_empty() || index.len() > 9 || !index.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Self::Position {
            kind: NodeKind::parse(kind),
            index: index.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_places_and_uids() {
        let pve = |index| {
            Some(NodeRef::Position {
                kind: Some(NodeKind::Pve),
                index,
            })
        };
        assert_eq!(NodeRef::parse("pve-0"), pve(0));
        assert_eq!(NodeRef::parse("pve-12"), pve(12));
        assert_eq!(
            NodeRef::parse("esx-0"),
            Some(NodeRef::Position {
                kind: None,
                index: 0
            })
        );
        for bad in ["nope", "pve-x", "pve-0-1", "pve-", "", "pve--1", "pve-+1"] {
            assert_eq!(NodeRef::parse(bad), None, "{bad}");
        }
        let uid = "7f9c3a52-8a7e-4a3e-9d0b-0f1e2d3c4b5a";
        assert_eq!(NodeRef::parse(uid), Some(NodeRef::Uid(uid.into())));
    }
}
