//! A command that runs beside the reports: started at one report, its output taken at a later one.
//! Arguments are passed as they are, without a shell, and the environment (which may hold the token)
//! is not. A command that takes too long is killed; one that cannot be killed, because it hangs in
//! the kernel, counts as running until it is gone, so there is never a second one of its kind.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MOST_OUTPUT: u64 = 1024 * 1024;

pub struct Probe {
    child: Child,
    output: File,
    until: Instant,
}

#[derive(Debug)]
pub struct Output {
    /// The exit status; none when a signal ended it.
    pub code: Option<i32>,
    pub text: String,
}

pub enum Progress {
    Running,
    /// None: its output is lost.
    Ended(Option<Output>),
}

impl Probe {
    /// Starts a program; none when it cannot be started.
    pub fn start(program: &Path, arguments: &[&str], patience: Duration) -> Option<Self> {
        // Memory, not a pipe: nobody reads while it runs, and a full pipe would block it.
        let name = nix::sys::memfd::MFdFlags::MFD_CLOEXEC;
        let output = File::from(nix::sys::memfd::memfd_create(c"probe", name).ok()?);
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(output.try_clone().ok()?)
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self {
            child,
            output,
            until: Instant::now() + patience,
        })
    }

    pub fn poll(&mut self) -> Progress {
        match self.child.try_wait() {
            Ok(Some(status)) => {
                let code = status.code();
                Progress::Ended(self.read().map(|text| Output { code, text }))
            }
            Ok(None) => {
                if Instant::now() >= self.until {
                    let _ = self.child.kill();
                }
                Progress::Running
            }
            Err(_) => Progress::Ended(None),
        }
    }

    fn read(&mut self) -> Option<String> {
        self.output.seek(SeekFrom::Start(0)).ok()?;
        let mut bytes = Vec::new();
        (&mut self.output)
            .take(MOST_OUTPUT)
            .read_to_end(&mut bytes)
            .ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A program in `PATH` or where administrators' programs usually are.
pub fn find(name: &str) -> Option<PathBuf> {
    const USUAL: [&str; 6] = [
        "/usr/sbin",
        "/sbin",
        "/usr/local/sbin",
        "/usr/local/bin",
        "/opt/zfs/bin",
        "/usr/bin",
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(USUAL.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_absolute() && file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finish(mut probe: Probe) -> Option<Output> {
        loop {
            if let Progress::Ended(output) = probe.poll() {
                return output;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn output_and_status() {
        let sh = find("sh").expect("a shell");
        let probe = Probe::start(&sh, &["-c", "echo hello; exit 3"], Duration::from_secs(20));
        let output = finish(probe.expect("started")).expect("finished");
        assert_eq!((output.code, output.text.as_str()), (Some(3), "hello\n"));
        assert!(Probe::start(Path::new("/nowhere"), &[], Duration::ZERO).is_none());
    }

    #[test]
    fn a_slow_command_is_killed() {
        let sleep = find("sleep").expect("sleep");
        let probe = Probe::start(&sleep, &["60"], Duration::ZERO).expect("started");
        assert_eq!(finish(probe).and_then(|output| output.code), None);
    }
}
