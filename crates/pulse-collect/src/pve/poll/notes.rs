//! What went wrong in parts of a poll.

use std::collections::BTreeMap;

/// What went wrong in parts of a poll; nodes with the same trouble share a line.
#[derive(Default)]
pub(super) struct Notes {
    general: Vec<String>,
    of_nodes: BTreeMap<String, Vec<String>>,
}

impl Notes {
    pub fn add(&mut self, note: String) {
        self.general.push(note);
    }

    pub fn node(&mut self, node: &str, trouble: &str) {
        // Proxmox names the node in its refusals; without it they are the same trouble.
        let trouble = trouble.replace(&format!("/nodes/{node}"), "/nodes/{node}");
        self.of_nodes
            .entry(trouble)
            .or_default()
            .push(node.to_owned());
    }

    pub fn lines(self) -> Vec<String> {
        let of_nodes = self.of_nodes.into_iter().map(|(trouble, mut nodes)| {
            nodes.sort();
            format!("{}: {trouble}", nodes.join(", "))
        });
        self.general.into_iter().chain(of_nodes).collect()
    }
}
