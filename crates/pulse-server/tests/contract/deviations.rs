//! The list of wanted differences. One that is not listed fails the test; so does a line that
//! nothing uses.

use std::collections::BTreeSet;

const LIST: &str = include_str!("deviations.txt");

struct Line {
    exchange: &'static str,
    difference: &'static str,
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => pattern == text,
    }
}

/// Differences found in one group of recordings.
pub struct Found {
    group: &'static str,
    differences: Vec<(String, String, String)>,
    pub exchanges: usize,
}

impl Found {
    pub fn new(group: &'static str) -> Self {
        Self {
            group,
            differences: Vec::new(),
            exchanges: 0,
        }
    }

    /// `what` is compared with the list, `detail` is shown.
    pub fn push(&mut self, id: &str, what: impl Into<String>, detail: impl Into<String>) {
        let id = format!("{}/{id}", self.group);
        self.differences.push((id, what.into(), detail.into()));
    }

    /// Fails unless the differences are exactly the listed ones of this group.
    #[track_caller]
    pub fn check(self) {
        let lines: Vec<Line> = LIST
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let mut parts = line.split(" | ");
                let line = (parts.next(), parts.next(), parts.next());
                let (Some(exchange), Some(difference), Some(_reason)) = line else {
                    panic!("deviations.txt: not `exchange | difference | reason`");
                };
                Line {
                    exchange: exchange.trim(),
                    difference: difference.trim(),
                }
            })
            .filter(|line| line.exchange.split('/').next() == Some(self.group))
            .collect();
        let mut used = BTreeSet::new();
        let mut problems = Vec::new();
        for (id, what, detail) in &self.differences {
            let listed: Vec<usize> = (0..lines.len())
                .filter(|i| matches(lines[*i].exchange, id) && matches(lines[*i].difference, what))
                .collect();
            if listed.is_empty() {
                problems.push(format!("not listed: {id} | {what} | {detail}"));
            }
            used.extend(listed);
        }
        for (number, line) in lines.iter().enumerate() {
            if !used.contains(&number) {
                problems.push(format!("unused: {} | {}", line.exchange, line.difference));
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        println!(
            "{}: {} exchanges, {} wanted differences",
            self.group,
            self.exchanges,
            self.differences.len()
        );
    }
}

/// A line of a group that no test replays would never be found unused.
#[test]
fn every_line_belongs_to_a_replayed_group() {
    let groups = [
        "access",
        "agents",
        "backups",
        "charts",
        "core",
        "cors",
        "diagnostics",
        "handshakes",
        "limits",
        "metadata",
        "metrics-store",
        "metrics-store-live",
        "nodes",
        "processes",
        "reports",
        "resources",
        "security",
        "settings",
        "sockets",
        "storage",
        "system",
    ];
    let lines = LIST
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        let group = line.split('/').next().unwrap_or_default();
        assert!(groups.contains(&group), "{line}");
    }
}
