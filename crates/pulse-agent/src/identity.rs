//! Who this host is: machine id, agent id, host name.

use std::fs;
use std::path::Path;

use crate::cli::Roots;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Empty when nothing on this system identifies it.
    pub machine_id: String,
    pub agent_id: String,
    pub hostname: String,
}

/// Resolves the identity; given values win over what the system says.
pub fn resolve(roots: &Roots, agent_id: Option<&str>, hostname: Option<&str>) -> Identity {
    let hostname = hostname
        .map(str::to_owned)
        .or_else(|| system_hostname(roots))
        .unwrap_or_else(|| "unknown-host".to_owned());
    let machine_id = machine_id(roots).unwrap_or_default();
    let agent_id = match agent_id {
        Some(given) => given.to_owned(),
        None if machine_id.is_empty() => hostname.clone(),
        None => machine_id.clone(),
    };
    Identity {
        machine_id,
        agent_id,
        hostname,
    }
}

/// Leaves the agent id where the uninstaller looks for it.
pub fn remember(state_dir: &Path, agent_id: &str) -> std::io::Result<()> {
    let path = state_dir.join("agent-id");
    if fs::read_to_string(&path).is_ok_and(|known| known.trim() == agent_id) {
        return Ok(());
    }
    fs::create_dir_all(state_dir)?;
    fs::write(path, format!("{agent_id}\n"))
}

fn system_hostname(roots: &Roots) -> Option<String> {
    let name = text(&roots.proc.join("sys/kernel/hostname"))
        .or_else(|| text(&roots.etc.join("hostname")))?;
    Some(name).filter(|name| name != "(none)")
}

fn machine_id(roots: &Roots) -> Option<String> {
    let system = text(&roots.etc.join("machine-id")).filter(|id| id.len() >= 8);
    system
        .map(|id| as_uuid(&id))
        .or_else(|| hardware_address(&roots.sys).map(|address| format!("mac-{address}")))
        .or_else(|| text(&roots.sys.join("class/dmi/id/product_uuid")))
}

/// 32 hex digits get the hyphens of a UUID; anything else stays.
fn as_uuid(id: &str) -> String {
    if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return id.to_owned();
    }
    [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
}

/// The hex digits of the first interface's hardware address, by name; virtual ones only if there
/// is no other.
fn hardware_address(sys: &Path) -> Option<String> {
    const VIRTUAL: [&str; 7] = ["docker", "veth", "br-", "cni", "flannel", "virbr", "zt"];
    let mut names: Vec<String> = fs::read_dir(sys.join("class/net"))
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "lo")
        .collect();
    names.sort();
    let address = |name: &String| {
        let text = text(&sys.join("class/net").join(name).join("address"))?;
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        (digits.len() >= 12 && digits.bytes().any(|digit| digit != b'0')).then_some(digits)
    };
    let physical = |name: &&String| !VIRTUAL.iter().any(|prefix| name.starts_with(prefix));
    names
        .iter()
        .filter(physical)
        .find_map(address)
        .or_else(|| names.iter().find_map(address))
        .map(|digits| digits.to_ascii_lowercase())
}

fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Roots) {
        let folder = tempfile::tempdir().expect("folder");
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(path, content).expect("write");
        }
        let roots = Roots::below(folder.path());
        (folder, roots)
    }

    #[test]
    fn machine_id_becomes_a_uuid() {
        for (file, id) in [
            (
                "0123456789abcdef0123456789abcdef\n",
                "01234567-89ab-cdef-0123-456789abcdef",
            ),
            (
                "0123456789ABCDEF0123456789abcdef",
                "01234567-89AB-CDEF-0123-456789abcdef",
            ),
            ("not-a-hex-id", "not-a-hex-id"),
        ] {
            let (_folder, roots) = host(&[("etc/machine-id", file)]);
            assert_eq!(resolve(&roots, None, None).machine_id, id);
        }
    }

    #[test]
    fn without_machine_id_the_first_real_interface_counts() {
        let (_folder, roots) = host(&[
            ("etc/machine-id", "short"),
            ("sys/class/net/docker0/address", "02:42:00:00:00:01"),
            ("sys/class/net/eth0/address", "AA:bb:cc:00:11:22"),
            ("sys/class/net/lo/address", "00:00:00:00:00:00"),
        ]);
        assert_eq!(resolve(&roots, None, None).machine_id, "mac-aabbcc001122");
    }

    #[test]
    fn a_virtual_interface_is_better_than_none_and_dmi_better_than_nothing() {
        let (_folder, roots) = host(&[("sys/class/net/veth1/address", "02:42:00:00:00:01")]);
        assert_eq!(resolve(&roots, None, None).machine_id, "mac-024200000001");
        let (_folder, roots) = host(&[("sys/class/dmi/id/product_uuid", "dmi-uuid\n")]);
        assert_eq!(resolve(&roots, None, None).machine_id, "dmi-uuid");
    }

    #[test]
    fn given_values_win_and_names_fall_back() {
        let (_folder, roots) = host(&[("proc/sys/kernel/hostname", "box\n")]);
        let identity = resolve(&roots, None, None);
        assert_eq!(
            (identity.hostname.as_str(), identity.agent_id.as_str()),
            ("box", "box")
        );
        let identity = resolve(&roots, Some("mine"), Some("other"));
        assert_eq!(
            (identity.hostname.as_str(), identity.agent_id.as_str()),
            ("other", "mine")
        );
        let (_folder, roots) = host(&[]);
        assert_eq!(resolve(&roots, None, None).hostname, "unknown-host");
    }

    #[test]
    fn the_agent_id_is_left_for_the_uninstaller() {
        let folder = tempfile::tempdir().expect("folder");
        let state = folder.path().join("state");
        remember(&state, "a").expect("written");
        remember(&state, "b").expect("written");
        assert_eq!(
            fs::read_to_string(state.join("agent-id")).expect("read"),
            "b\n"
        );
    }
}
