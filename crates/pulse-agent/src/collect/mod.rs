//! Reads the host into a report.
//!
//! One file per subject: a pure parser of the kernel's text, and a thin reader around it. A reader
//! that fails leaves its part of the report out and is logged when it starts and stops failing.

mod cpu;
mod disk_io;
mod filesystems;
mod hwmon;
mod memory;
mod mount_filter;
mod network;
mod power;
mod probe;
mod raid;
mod smart;
mod statfs;
mod system;
mod zfs;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use pulse_wire::host_report::{AgentInfo, HostInfo, HostReport, Sensors};

use crate::cli::{Roots, Settings};
use crate::identity::Identity;
use crate::remote::Tunable;

/// Holds what is needed between two reports: the last counters, caches of slow facts.
pub struct Collector {
    roots: Roots,
    identity: Identity,
    tags: Vec<String>,
    disk_exclude: Vec<String>,
    facts: system::Facts,
    cpu: Option<cpu::Times>,
    power: power::Meter,
    statfs: statfs::Patient,
    zfs: zfs::Pools,
    smart: smart::Disks,
    complaints: Complaints,
}

impl Collector {
    pub fn new(settings: &Settings, identity: Identity) -> Self {
        let roots = settings.roots.clone();
        let mut complaints = Complaints::default();
        let cpu = complaints
            .hear("CPU times", cpu::read(&roots.proc))
            .map(|(times, _)| times);
        Self {
            facts: system::Facts::read(&roots),
            cpu,
            power: power::Meter::default(),
            statfs: statfs::Patient::default(),
            zfs: zfs::Pools::default(),
            smart: smart::Disks::new(settings.disk_exclude.clone()),
            complaints,
            identity,
            tags: settings.tags.clone(),
            disk_exclude: settings.disk_exclude.clone(),
            roots,
        }
    }

    /// The host as it is now.
    pub fn collect(&mut self, tunable: &Tunable) -> HostReport {
        let Roots { proc, sys, run, .. } = &self.roots;
        let mut report = HostReport {
            agent: self.agent_info(tunable),
            timestamp: SystemTime::now().into(),
            tags: self.tags.clone(),
            ..HostReport::default()
        };
        let complaints = &mut self.complaints;
        report.host = host_info(&self.identity, &self.facts, tunable);
        report.host.uptime_seconds = complaints
            .hear("uptime", system::uptime(proc))
            .unwrap_or_default();
        report.host.load_average = complaints
            .hear("load", system::load(proc))
            .unwrap_or_default();
        if let Some((times, processors)) = complaints.hear("CPU times", cpu::read(proc)) {
            report.metrics.cpu_usage_percent =
                self.cpu.and_then(|before| times.usage_since(before));
            report.host.cpu_count = processors;
            self.cpu = Some(times);
        }
        report.metrics.memory = complaints
            .hear("memory", memory::read(proc, self.facts.virtual_meminfo))
            .unwrap_or_default();
        if let Some(mounts) = complaints.hear("mounts", filesystems::read_mounts(proc)) {
            let roots = &self.roots;
            let statfs = &mut self.statfs;
            report.disks =
                filesystems::collect(&mounts, &self.disk_exclude, &mut self.zfs, |mount, risk| {
                    statfs.ask(&roots.host_path(mount), risk)
                });
        }
        report.disk_io = complaints
            .hear("disk counters", disk_io::read(proc, sys))
            .unwrap_or_default();
        report.network = complaints
            .hear(
                "interfaces",
                network::read(proc, sys, &network::addresses()),
            )
            .unwrap_or_default();
        report.sensors = Sensors {
            power_watts: self.power.read(sys),
            smart: self.smart.poll(sys),
            ..hwmon::read(sys)
        };
        report.raid = raid::read(proc, sys, run);
        report
    }

    fn agent_info(&self, tunable: &Tunable) -> AgentInfo {
        AgentInfo {
            id: self.identity.agent_id.clone(),
            version: env!("CARGO_PKG_VERSION").into(),
            kind: "unified".into(),
            interval_seconds: tunable.interval.as_secs() as i64,
            hostname: self.identity.hostname.clone(),
            ..AgentInfo::default()
        }
    }
}

fn host_info(identity: &Identity, facts: &system::Facts, tunable: &Tunable) -> HostInfo {
    HostInfo {
        id: identity.machine_id.clone(),
        hostname: identity.hostname.clone(),
        display_name: identity.hostname.clone(),
        machine_id: identity.machine_id.clone(),
        platform: facts.platform.clone(),
        os_name: facts.platform.clone(),
        os_version: facts.os_version.clone(),
        kernel_version: facts.kernel.clone(),
        architecture: facts.architecture.clone(),
        cpu_model: facts.cpu_model.clone(),
        report_ip: tunable.report_ip.clone().unwrap_or_default(),
        ..HostInfo::default()
    }
}

/// What is failing now, so that each failure is logged once.
#[derive(Default)]
struct Complaints(BTreeSet<&'static str>);

impl Complaints {
    fn hear<T>(&mut self, what: &'static str, result: io::Result<T>) -> Option<T> {
        match result {
            Ok(value) => {
                if self.0.remove(what) {
                    log::info!("{what} can be read again");
                }
                Some(value)
            }
            Err(error) => {
                if self.0.insert(what) {
                    log::warn!("{what} cannot be read and is left out of the reports: {error}");
                }
                None
            }
        }
    }
}

/// A file's text, the error naming the file.
fn text(path: &Path) -> io::Result<String> {
    let bytes = std::fs::read(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// A small file's trimmed text; none when it is missing, unreadable or empty.
fn word(path: &Path) -> Option<String> {
    let text = text(path).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn number<T: std::str::FromStr>(path: &Path) -> Option<T> {
    word(path)?.parse().ok()
}

/// The entries of a folder by name; empty when there is no such folder.
fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("{what}: not in the expected form"),
    )
}

#[cfg(test)]
mod tests;
