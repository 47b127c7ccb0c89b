//! Nodes: list, status, subscription, certificates, network, services, updates.

use crate::guest::seconds;
use crate::json::Json;
use crate::model::State;
use crate::node::SWAP;
use crate::noise::{between, chance, mix, pick, smooth};
use crate::pve::request::Request;
use crate::pve::router::empty_list;
use crate::reply::Reply;

pub(crate) const KERNEL: &str = "6.8.12-4-pve";
const KERNEL_BUILD: &str = "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-4 (2024-11-06T15:04Z)";
const MODELS: &[(&str, &str)] = &[
    ("AMD EPYC 7543P 32-Core Processor", "2794.750"),
    ("AMD EPYC 9354P 32-Core Processor", "3249.882"),
    ("Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz", "2000.000"),
    ("Intel(R) Xeon(R) E-2388G CPU @ 3.20GHz", "3200.000"),
    ("AMD Ryzen 9 7950X 16-Core Processor", "4500.000"),
];

pub(crate) fn version() -> Reply {
    Reply::ok(
        br#"{"data":{"release":"8.3","repoid":"c1689ccb1065a83b","version":"8.3.0"}}"#.to_vec(),
    )
}

pub(crate) fn list(request: &Request<'_>, state: &State) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let nodes = &request.cluster.nodes;
    Ok(Reply::ok(Json::data_list(nodes.len() * 420, |l| {
        for (i, node) in nodes.iter().enumerate() {
            l.object(|o| {
                o.shown("id", format_args!("node/{}", node.name))
                    .text("node", &node.name)
                    .text("type", "node")
                    .text("ssl_fingerprint", &state.nodes[i].fingerprint);
                figures(o, request, state, i);
            });
        }
    })))
}

/// Status and numbers of a node, less and less of them the longer it is gone.
pub(crate) fn figures(o: &mut Json, request: &Request<'_>, state: &State, index: usize) {
    let node = &request.cluster.nodes[index];
    let health = state.nodes[index].health;
    let (at, stale) = health.last_report(request.now);
    let online = health.is_online();
    o.text("status", if online { "online" } else { "offline" });
    if stale {
        return;
    }
    o.text("level", "");
    if request.blind() {
        return;
    }
    o.int("maxcpu", node.cores)
        .int("maxmem", node.memory)
        .int("maxdisk", node.disk);
    if online {
        let now = node.at(state, index, at);
        o.float("cpu", now.cpu)
            .int("mem", now.mem)
            .int("disk", now.disk)
            .int("uptime", now.uptime);
    }
}

pub(crate) fn status(request: &Request<'_>, state: &State, index: usize) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let node = &request.cluster.nodes[index];
    request.need(&format!("/nodes/{}", node.name), "Sys.Audit")?;
    let now = node.at(state, index, request.now);
    let (model, mhz) = pick(node.key, 31, MODELS);
    let sockets = if node.cores > 64 { 2 } else { 1 };
    let t = seconds(request.now);
    Ok(Reply::ok(Json::data_object(|o| {
        o.float("cpu", now.cpu)
            .float("wait", now.wait)
            .int("idle", 0)
            .int("uptime", now.uptime)
            .nested("memory", |o| {
                o.int("total", node.memory)
                    .int("used", now.mem)
                    .int("free", node.memory - now.mem);
            })
            .nested("swap", |o| {
                o.int("total", SWAP)
                    .int("used", now.swap)
                    .int("free", SWAP - now.swap);
            })
            .nested("rootfs", |o| {
                o.int("total", node.disk)
                    .int("used", now.disk)
                    .int("free", node.disk - now.disk)
                    .int("avail", (node.disk - now.disk).saturating_sub(node.disk / 20));
            })
            .nested("ksm", |o| {
                o.int("shared", 0);
            })
            .nested_list("loadavg", |l| {
                for (period, n) in [(60.0, 1), (300.0, 2), (900.0, 3)] {
                    let load = now.load * (0.8 + 0.4 * smooth(mix(node.key, n), t, period));
                    l.text_item(&format!("{load:.2}"));
                }
            })
            .text("kversion", &format!("Linux {KERNEL} {KERNEL_BUILD}"))
            .text("pveversion", "pve-manager/8.3.0/c1689ccb1065a83b")
            .nested("boot-info", |o| {
                if chance(node.key, 32, 0.6) {
                    o.text("mode", "efi").int("secureboot", 0);
                } else {
                    o.text("mode", "legacy-bios");
                }
            })
            .nested("current-kernel", |o| {
                o.text("machine", "x86_64")
                    .text("release", KERNEL)
                    .text("version", KERNEL_BUILD)
                    .text("sysname", "Linux");
            })
            .nested("cpuinfo", |o| {
                o.text("model", model)
                    .text("mhz", mhz)
                    .text("flags", "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx svm aes avx avx2")
                    .text("hvm", "1")
                    .int("cpus", node.cores)
                    .int("cores", (node.cores / 2 / sockets).max(1))
                    .int("sockets", sockets)
                    .int("user_hz", 100);
            });
    })))
}

pub(crate) fn subscription(request: &Request<'_>, index: usize) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let key = request.cluster.nodes[index].key;
    let server = format!("{:016X}{:016X}", mix(key, 81), mix(key, 82));
    // A cluster is subscribed as a whole or not at all.
    let subscribed = request.cluster.nodes.len() > 6 && chance(request.cluster.key, 83, 0.5);
    Ok(Reply::ok(Json::data_object(|o| {
        o.text("serverid", &server).text(
            "url",
            "https://www.proxmox.com/en/proxmox-virtual-environment/pricing",
        );
        if subscribed {
            o.text("status", "active")
                .text("level", "c")
                .text(
                    "productname",
                    "Proxmox VE Community Subscription 1 CPU/year",
                )
                .text("nextduedate", "2027-06-30")
                .text("regdate", "2024-07-01 00:00:00")
                .text(
                    "key",
                    &format!("pve1c-{:010x}", mix(key, 84) & 0xff_ffff_ffff),
                )
                .shown("checktime", request.now / 1000 - 3600)
                .int("sockets", 1);
        } else {
            o.text("status", "notfound")
                .text("message", "There is no subscription key");
        }
    })))
}

pub(crate) fn certificates(
    request: &Request<'_>,
    state: &State,
    index: usize,
) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let node = &request.cluster.nodes[index];
    let now = &state.nodes[index];
    let ca = crate::guest::uuid(request.cluster.key);
    let issuer = format!("/CN=Proxmox Virtual Environment/OU={ca}/O=PVE Cluster Manager CA");
    // Cluster certificates are renewed two weeks before two years are over.
    let renewed = request.now / 1000 - (between(node.key, 85, 1.0, 715.0) * 86_400.0) as i64;
    let renewed = renewed - renewed % 86_400;
    Ok(Reply::ok(Json::data_list(2048, |l| {
        l.object(|o| {
            o.text("filename", "pve-root-ca.pem")
                .text("subject", &issuer)
                .text("issuer", &issuer)
                .text(
                    "fingerprint",
                    &now.fingerprint.chars().rev().collect::<String>(),
                )
                .text(
                    "pem",
                    "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
                )
                .int("notbefore", renewed)
                .int("notafter", renewed + 3650 * 86_400)
                .int("public-key-bits", 4096)
                .text("public-key-type", "rsaEncryption")
                .nested_list("san", |_| {});
        });
        l.object(|o| {
            o.text("filename", "pve-ssl.pem")
                .shown(
                    "subject",
                    format_args!(
                        "/OU=PVE Cluster Node/O=Proxmox Virtual Environment/CN={}.example.lan",
                        node.name
                    ),
                )
                .text("issuer", &issuer)
                .text("fingerprint", &now.fingerprint)
                .text("pem", &now.pem)
                .int("notbefore", renewed)
                .int("notafter", renewed + 730 * 86_400)
                .int("public-key-bits", 256)
                .text("public-key-type", "id-ecPublicKey")
                .nested_list("san", |l| {
                    l.text_item("127.0.0.1");
                    l.text_item(&node.name);
                    l.text_item(&now.ip.to_string());
                });
        });
    })))
}

pub(crate) fn time(request: &Request<'_>) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let now = request.now / 1000;
    Ok(Reply::ok(Json::data_object(|o| {
        o.int("time", now)
            .int("localtime", now)
            .text("timezone", "Etc/UTC");
    })))
}

pub(crate) fn dns(request: &Request<'_>) -> Result<Reply, Reply> {
    request.allow(&[])?;
    Ok(Reply::ok(Json::data_object(|o| {
        o.text("search", "example.lan").text("dns1", "10.0.0.53");
    })))
}

pub(crate) fn network(request: &Request<'_>, state: &State, index: usize) -> Result<Reply, Reply> {
    request.allow(&["type"])?;
    let ip = state.nodes[index].ip;
    Ok(Reply::ok(Json::data_list(1024, |l| {
        l.object(|o| {
            o.text("iface", "eno1")
                .text("type", "eth")
                .text("method", "manual")
                .text("method6", "manual")
                .int("exists", 1)
                .int("active", 1)
                .int("priority", 3)
                .nested_list("families", |l| l.text_item("inet"));
        });
        l.object(|o| {
            o.text("iface", "vmbr0")
                .text("type", "bridge")
                .text("method", "static")
                .text("method6", "manual")
                .shown("address", ip)
                .shown("cidr", format_args!("{ip}/16"))
                .text("netmask", "16")
                .text("gateway", "10.0.0.1")
                .text("bridge_ports", "eno1")
                .text("bridge_stp", "off")
                .text("bridge_fd", "0")
                .text("comments", "LAN bridge\n")
                .int("active", 1)
                .int("autostart", 1)
                .int("priority", 4)
                .nested_list("families", |l| l.text_item("inet"));
        });
    })))
}

const SERVICES: &[(&str, &str)] = &[
    ("chrony", "chrony, an NTP client/server"),
    ("corosync", "Corosync Cluster Engine"),
    ("cron", "Regular background program processing daemon"),
    ("pve-cluster", "The Proxmox VE cluster filesystem"),
    ("pve-firewall", "Proxmox VE firewall"),
    ("pve-ha-crm", "PVE Cluster HA Resource Manager Daemon"),
    ("pve-ha-lrm", "PVE Local HA Resource Manager Daemon"),
    ("pvedaemon", "PVE API Daemon"),
    ("pveproxy", "PVE API Proxy Server"),
    ("pvestatd", "PVE Status Daemon"),
    ("sshd", "OpenBSD Secure Shell server"),
];

pub(crate) fn services(request: &Request<'_>) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let alone = request.cluster.name.is_none();
    Ok(Reply::ok(Json::data_list(2048, |l| {
        for (name, desc) in SERVICES {
            let up = !(alone && *name == "corosync");
            l.object(|o| {
                o.text("name", name)
                    .text("service", name)
                    .text("desc", desc)
                    .text("state", if up { "running" } else { "dead" })
                    .text("active-state", if up { "active" } else { "inactive" })
                    .text("unit-state", "enabled");
            });
        }
    })))
}

const PACKAGES: &[(&str, &str, &str)] = &[
    ("pve-manager", "8.3.0", "8.3.2"),
    ("qemu-server", "8.3.0", "8.3.3"),
    ("pve-container", "5.2.2", "5.2.3"),
    ("libc6", "2.36-9+deb12u8", "2.36-9+deb12u9"),
    ("openssl", "3.0.14-1~deb12u2", "3.0.15-1~deb12u1"),
];

/// Pending package updates: a few, and more on nodes nobody looks after.
pub(crate) fn updates(request: &Request<'_>, index: usize) -> Result<Reply, Reply> {
    request.allow(&[])?;
    let node = &request.cluster.nodes[index];
    if request.rights != crate::pve::Rights::Full {
        return Err(Reply::forbidden(
            &format!("/nodes/{}", node.name),
            "Sys.Modify",
        ));
    }
    let pending = (mix(node.key, 86) % 6) as usize;
    if pending == 0 {
        return Ok(empty_list());
    }
    Ok(Reply::ok(Json::data_list(2048, |l| {
        for (package, old, new) in &PACKAGES[..pending.min(PACKAGES.len())] {
            l.object(|o| {
                o.text("Package", package)
                    .text("Title", package)
                    .text("OldVersion", old)
                    .text("Version", new)
                    .text("Arch", "amd64")
                    .text("Origin", "Proxmox")
                    .text("Section", "admin")
                    .text("Priority", "optional")
                    .text("Description", "")
                    .text("ChangeLogUrl", "");
            });
        }
    })))
}
