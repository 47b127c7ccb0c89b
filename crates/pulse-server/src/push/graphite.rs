//! Graphite's plaintext protocol as Proxmox VE's metric server writes it: `path value seconds`.
//! Paths are `<prefix>.nodes.<node>…`, `<prefix>.qemu.<vmid>…` and `<prefix>.lxc.<vmid>…`; the
//! prefix is set by the operator and may hold dots.

use pulse_core::Timestamp;

use super::sample::{Batch, Object};

/// No line of Proxmox is longer.
pub const LONGEST_LINE: usize = 4 << 10;

/// Reads all lines.
pub fn read(bytes: &[u8], batch: &mut Batch) {
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        batch.lines += 1;
        let text = (line.len() <= LONGEST_LINE)
            .then(|| std::str::from_utf8(line).ok())
            .flatten();
        if text.and_then(|text| read_line(text, batch)).is_none() {
            batch.broken += 1;
        }
    }
}

fn read_line(line: &str, batch: &mut Batch) -> Option<()> {
    let mut words = line.split_ascii_whitespace();
    let (path, mut value, mut time) = (words.next()?, words.next()?, words.next()?);
    // A text with spaces is not a number, whatever its words are.
    let mut is_text = false;
    for word in words {
        is_text = true;
        (value, time) = (time, word);
    }
    let at: i64 = time.parse().ok().filter(|at: &i64| *at >= 0)?;
    let Some((object, group, name)) = place(path) else {
        batch.other += 1;
        return Some(());
    };
    let Ok(value) = value.parse::<f64>() else {
        return Some(());
    };
    if !is_text && let Some(fields) = batch.entry(&object, Timestamp::from_secs(at)) {
        fields.set(&object, group, name, value);
    }
    Some(())
}

/// What a path is about, and which of its fields.
fn place(path: &str) -> Option<(Object, &str, &str)> {
    let steps: Vec<&str> = path.split('.').collect();
    // The last place that fits: words of the prefix may look alike.
    (1..steps.len()).rev().find_map(|start| {
        let rest = steps.get(start + 1..)?;
        let object = match steps[start] {
            "nodes" => Object::Node((*rest.first()?).to_owned()),
            kind @ ("qemu" | "lxc") => Object::Guest {
                vm: kind == "qemu",
                vmid: rest.first()?.parse().ok()?,
                node: None,
            },
            _ => return None,
        };
        match rest.get(1..)? {
            [name] => Some((object, "", *name)),
            [group, name] => Some((object, *group, *name)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(text: &str) -> Batch {
        let mut batch = Batch::default();
        read(text.as_bytes(), &mut batch);
        batch
    }

    #[test]
    fn lines_as_the_metric_server_writes_them() {
        let text = "proxmox.my.qemu.101.cpu 0.5 1790000000\nproxmox.my.qemu.101.mem 1024 1790000000\n\
            proxmox.my.qemu.101.name web 1 1790000000\nproxmox.my.qemu.101.blockstat.scsi0.rd_bytes 4 1790000000\n\
            proxmox.my.nodes.pve1.cpustat.cpu 0.25 1790000000\nproxmox.my.nodes.pve1.memory.memused 5 1790000000\n\
            proxmox.my.storages.pve1.local.used 1 1790000000\n";
        let batch = batch(text);
        assert_eq!((batch.lines, batch.broken, batch.other), (7, 0, 2));
        let guest = Object::Guest {
            vm: true,
            vmid: 101,
            node: None,
        };
        let fields = &batch.objects[&guest].1;
        assert_eq!((fields.cpu, fields.mem), (Some(0.5), Some(1024)));
        let node = &batch.objects[&Object::Node("pve1".to_owned())].1;
        assert_eq!((node.cpu, node.mem), (Some(0.25), Some(5)));
    }

    #[test]
    fn what_is_not_a_line_is_counted() {
        let batch = batch("x\na.qemu.1.cpu 1 soon\na.qemu.1.cpu 1\n");
        assert_eq!((batch.lines, batch.broken), (3, 3));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let mut batch = Batch::default();
            read(&bytes, &mut batch);
            proptest::prop_assert!(batch.broken <= batch.lines);
        }

        #[test]
        fn any_path_is_placed(path in "[a-z0-9.]{0,30}", value in "[0-9eE.+-]{0,8}", at in proptest::num::i64::ANY) {
            let _ = batch(&format!("{path}.qemu.{path} {value} {at}\n"));
        }
    }
}
