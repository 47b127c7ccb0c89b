//! The recorded answers in `/tests/fixtures/pve`.

use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct Recording {
    pub name: String,
    pub method: String,
    /// Path below `/api2/json`, with its query.
    pub path: String,
    pub status: u16,
    pub reason: String,
    has_body: bool,
}

impl Recording {
    pub fn is_answer(&self) -> bool {
        self.method == "GET" && self.status == 200
    }

    pub fn body(&self) -> Vec<u8> {
        if !self.has_body {
            return Vec::new();
        }
        let file = folder().join(format!("{}.json", self.name));
        std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// The path with stars for its arguments.
    pub fn template(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        let mut steps: Vec<&str> = path.split('/').collect();
        for at in 1..steps.len() {
            let before = steps[..at].join("/");
            let is_argument = matches!(
                before.as_str(),
                "/nodes"
                    | "/nodes/*/qemu"
                    | "/nodes/*/lxc"
                    | "/nodes/*/storage"
                    | "/nodes/*/disks/zfs"
                    | "/nodes/*/replication"
            );
            if is_argument {
                steps[at] = "*";
            }
        }
        steps.join("/")
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/pve")
}

pub fn recordings() -> Vec<Recording> {
    let index = std::fs::read_to_string(folder().join("index.tsv")).unwrap();
    index
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let [name, method, path, status, reason, body] =
                line.split('\t').collect::<Vec<_>>()[..]
            else {
                panic!("index.tsv: {line}")
            };
            Recording {
                name: name.to_owned(),
                method: method.to_owned(),
                path: path.to_owned(),
                status: status.parse().unwrap(),
                reason: reason.to_owned(),
                has_body: body == "body",
            }
        })
        .collect()
}

pub fn recording(name: &str) -> Recording {
    recordings()
        .into_iter()
        .find(|recording| recording.name == name)
        .unwrap_or_else(|| panic!("no recording {name}"))
}
