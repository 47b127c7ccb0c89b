//! What the system is (read once) and how long it has been up.

use std::io;
use std::path::Path;

use super::{malformed, text, word};
use crate::cli::Roots;

/// Facts that do not change while the agent runs.
#[derive(Debug, Default)]
pub struct Facts {
    /// The distribution's id, lower case: `debian`.
    pub platform: String,
    pub os_version: String,
    pub kernel: String,
    pub architecture: String,
    pub cpu_model: String,
    pub virtual_meminfo: bool,
}

impl Facts {
    pub fn read(roots: &Roots) -> Self {
        let release = text(&roots.etc.join("os-release"))
            .or_else(|_| text(&roots.host_path("usr/lib/os-release")))
            .unwrap_or_default();
        let field = |name: &str| os_release_field(&release, name).unwrap_or_default();
        let mut platform = field("ID").to_lowercase();
        if platform.is_empty() {
            "linux".clone_into(&mut platform);
        }
        let debian_version = || {
            let version = word(&roots.etc.join("debian_version"))?;
            version
                .starts_with(|c: char| c.is_ascii_digit())
                .then_some(version)
        };
        // Debian's os-release has no point release.
        let os_version = (platform == "debian").then(debian_version).flatten();
        Self {
            os_version: os_version.unwrap_or_else(|| field("VERSION_ID")),
            platform,
            kernel: word(&roots.proc.join("sys/kernel/osrelease")).unwrap_or_default(),
            architecture: nix::sys::utsname::uname()
                .ok()
                .and_then(|uname| uname.machine().to_str().map(str::to_owned))
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cpu_model: text(&roots.proc.join("cpuinfo"))
                .ok()
                .and_then(|cpuinfo| cpu_model(&cpuinfo))
                .unwrap_or_default(),
            virtual_meminfo: virtual_meminfo(&roots.proc),
        }
    }
}

/// lxcfs mounts the container's own `meminfo` over the kernel's.
fn virtual_meminfo(proc: &Path) -> bool {
    let mounts = text(&proc.join("self/mountinfo")).or_else(|_| text(&proc.join("1/mountinfo")));
    mounts.is_ok_and(|mounts| mounts.contains(" /proc/meminfo "))
}

fn os_release_field(release: &str, name: &str) -> Option<String> {
    let value = release
        .lines()
        .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
    let value = value.trim();
    let bare = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(bare.unwrap_or(value).to_owned())
}

/// x86 says `model name`; a Raspberry Pi says `Model`.
fn cpu_model(cpuinfo: &str) -> Option<String> {
    ["model name", "Model", "cpu model"]
        .iter()
        .find_map(|name| {
            cpuinfo.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == *name).then(|| value.trim().to_owned())
            })
        })
}

/// Seconds since boot.
pub fn uptime(proc: &Path) -> io::Result<i64> {
    let text = text(&proc.join("uptime"))?;
    let seconds = text
        .split(['.', ' '])
        .next()
        .and_then(|seconds| seconds.trim().parse().ok());
    seconds.ok_or_else(|| malformed("/proc/uptime"))
}

/// The averages over 1, 5 and 15 minutes.
pub fn load(proc: &Path) -> io::Result<Vec<f64>> {
    parse_load(&text(&proc.join("loadavg"))?).ok_or_else(|| malformed("/proc/loadavg"))
}

fn parse_load(text: &str) -> Option<Vec<f64>> {
    let averages: Vec<f64> = text
        .split_ascii_whitespace()
        .take(3)
        .map(|word| word.parse().ok().filter(|value: &f64| value.is_finite()))
        .collect::<Option<_>>()?;
    (averages.len() == 3).then_some(averages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn os_release_with_and_without_quotes() {
        let release = "PRETTY_NAME=\"x\"\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='b'\n";
        assert_eq!(os_release_field(release, "ID").as_deref(), Some("debian"));
        assert_eq!(
            os_release_field(release, "VERSION_ID").as_deref(),
            Some("12")
        );
        assert_eq!(
            os_release_field(release, "VERSION_CODENAME").as_deref(),
            Some("b")
        );
        assert_eq!(os_release_field(release, "VERSION"), None);
    }

    #[test]
    fn debian_reports_its_point_release() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("etc")).expect("folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join("etc").join(name), text).expect("write");
        };
        write("os-release", "ID=debian\nVERSION_ID=\"12\"\n");
        write("debian_version", "12.11\n");
        let version = || Facts::read(&Roots::below(folder.path())).os_version;
        assert_eq!(version(), "12.11");
        write("debian_version", "trixie/sid\n");
        assert_eq!(version(), "12");
    }

    #[test]
    fn processor_names() {
        assert_eq!(
            cpu_model("processor\t: 0\nmodel name\t: A B\n").as_deref(),
            Some("A B")
        );
        assert_eq!(
            cpu_model("processor: 0\nModel : Raspberry Pi 4\n").as_deref(),
            Some("Raspberry Pi 4")
        );
    }

    proptest! {
        #[test]
        fn never_panics(noise in any::<String>(), name in "[A-Z_]{1,8}") {
            let _ = (os_release_field(&noise, &name), cpu_model(&noise), parse_load(&noise));
        }
    }
}
