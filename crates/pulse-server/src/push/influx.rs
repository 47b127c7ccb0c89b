//! InfluxDB's line protocol as Proxmox VE's metric server writes it:
//! `measurement,tag=value,… field=value,… nanoseconds`, a line each.
//!
//! Spaces, commas and equal signs of names are escaped by a backslash; texts stand in quotes.

use pulse_core::Timestamp;

use super::sample::{Batch, Object};

/// No line of Proxmox is longer.
const LONGEST_LINE: usize = 64 << 10;

/// Reads all lines. `received` stands for times that a line does not tell.
pub fn read(body: &[u8], received: Timestamp, batch: &mut Batch) {
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        batch.lines += 1;
        let text = (line.len() <= LONGEST_LINE)
            .then(|| std::str::from_utf8(line).ok())
            .flatten();
        if text
            .and_then(|text| read_line(text, received, batch))
            .is_none()
        {
            batch.broken += 1;
        }
    }
}

/// Splits at `separator` where it is neither escaped nor (for values) quoted.
fn split(text: &str, separator: char, quotes: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped, mut quoted) = (0, false, false);
    for (place, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '"' && quotes {
            quoted = !quoted;
        } else if c == separator && !quoted {
            parts.push(&text[start..place]);
            start = place + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or(c)
        } else {
            c
        });
    }
    out
}

/// `key=value`, cut at the first equal sign that is not escaped.
fn pair(text: &str) -> Option<(&str, &str)> {
    let key = split(text, '=', false).first().copied()?;
    let value = text.get(key.len() + 1..)?;
    (!key.is_empty()).then_some((key, value))
}

fn read_line(line: &str, received: Timestamp, batch: &mut Batch) -> Option<()> {
    let parts: Vec<&str> = split(line, ' ', true)
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let (head, fields, time) = match parts[..] {
        [head, fields] => (head, fields, None),
        [head, fields, time] => (head, fields, Some(time)),
        _ => return None,
    };
    let at = match time {
        None => received,
        Some(time) => moment(time)?,
    };
    let mut tags = split(head, ',', false).into_iter();
    let measurement = tags.next().filter(|name| !name.is_empty())?;
    let (mut kind, mut host, mut node, mut vmid, mut instance) = (None, None, None, None, false);
    for tag in tags {
        let (key, value) = pair(tag)?;
        match key {
            "object" => kind = Some(value),
            "host" => host = Some(plain(value)),
            "nodename" => node = Some(plain(value)),
            "vmid" => vmid = Some(value.parse().ok()?),
            "instance" => instance = true,
            _ => {}
        }
    }
    let object = match kind {
        Some("nodes") => Object::Node(host?),
        Some(kind @ ("qemu" | "lxc")) => Object::Guest {
            vm: kind == "qemu",
            vmid: vmid?,
            node,
        },
        _ => {
            batch.other += 1;
            return Some(());
        }
    };
    if instance {
        // One network card or block device of several.
        batch.other += 1;
        return Some(());
    }
    let pairs = split(fields, ',', true)
        .into_iter()
        .map(pair)
        .collect::<Option<Vec<_>>>()?;
    let Some(slot) = batch.entry(&object, at) else {
        return Some(());
    };
    for (key, value) in pairs {
        if let Some(value) = number(value) {
            slot.set(&object, measurement, key, value);
        }
    }
    Some(())
}

/// Numbers, with `i` or `u` when whole. Texts and truths are none.
fn number(text: &str) -> Option<f64> {
    text.strip_suffix(['i', 'u'])
        .unwrap_or(text)
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}

/// A time of any unit that Influx knows, told by its size.
fn moment(text: &str) -> Option<Timestamp> {
    // Perl prints large numbers as 1.7e+18.
    let value = text
        .parse::<i64>()
        .map(|whole| whole as f64)
        .or_else(|_| text.parse::<f64>())
        .ok()
        .filter(|value| value.is_finite() && *value >= 0.0)?;
    let millis = match value {
        v if v >= 1e17 => v / 1e6,
        v if v >= 1e14 => v / 1e3,
        v if v >= 1e11 => v,
        v => v * 1e3,
    };
    Some(Timestamp(millis as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"system,object=qemu,vmid=101,nodename=pve1,host=web\ 1 cpu=0.25,cpus=4,disk=0,diskread=1000,diskwrite=2000,maxmem=4294967296,mem=1073741824,name="web, \"1\" x=y",netin=5,netout=6,status="running",uptime=77 1790000000000000000
ballooninfo,object=qemu,vmid=101,nodename=pve1,host=web\ 1 actual=1 1790000000000000000
blockstat,object=qemu,vmid=101,nodename=pve1,host=web\ 1,instance=scsi0 rd_bytes=9 1790000000000000000
system,object=nodes,host=pve1 uptime=1234 1790000000000000000
cpustat,object=nodes,host=pve1 avg1=0.5,avg15=0.7,avg5=0.6,cpu=0.125,cpus=8 1790000000000000000
memory,object=nodes,host=pve1 memfree=1,memtotal=64,memused=33 1790000000000000000
nics,object=nodes,host=pve1,instance=eth0 receive=1,transmit=2 1790000000000000000
system,object=storages,nodename=pve1,host=local,type=dir avail=1,total=2,used=1 1.79e+18
"#;

    fn batch(text: &str) -> Batch {
        let mut batch = Batch::default();
        read(text.as_bytes(), Timestamp(7), &mut batch);
        batch
    }

    #[test]
    fn lines_as_the_metric_server_writes_them() {
        let batch = batch(BODY);
        assert_eq!((batch.lines, batch.broken, batch.other), (8, 0, 3));
        let guest = Object::Guest {
            vm: true,
            vmid: 101,
            node: Some("pve1".to_owned()),
        };
        let (at, fields) = &batch.objects[&guest];
        assert_eq!(*at, Timestamp(1_790_000_000_000));
        assert_eq!(
            (fields.cpu, fields.mem, fields.uptime),
            (Some(0.25), Some(1 << 30), Some(77))
        );
        assert_eq!(fields.counters().unwrap().disk_write, 2000);
        let (_, node) = &batch.objects[&Object::Node("pve1".to_owned())];
        assert_eq!(
            (node.cpu, node.mem, node.uptime),
            (Some(0.125), Some(33), Some(1234))
        );
        assert_eq!(node.load, [Some(0.5), Some(0.6), Some(0.7)]);
    }

    #[test]
    fn what_is_not_a_line_is_counted() {
        let batch = batch(
            "nonsense\nsystem,object=qemu cpu=1 5\nsystem,object=nodes,host=a cpu 5\n=,= =\n\n# note\n",
        );
        assert_eq!((batch.lines, batch.broken), (4, 4));
        assert!(batch.objects.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let mut batch = Batch::default();
            read(&bytes, Timestamp(0), &mut batch);
            proptest::prop_assert!(batch.broken <= batch.lines);
        }

        #[test]
        fn torn_and_mixed_lines_are_read(cut in 0usize..1500, insert in "[ ,=\\\\\"\n0-9a-z]{0,6}") {
            let cut = cut.min(BODY.len());
            if BODY.is_char_boundary(cut) {
                let text = format!("{}{insert}{}", &BODY[..cut], &BODY[cut..]);
                let _ = batch(&text);
            }
        }
    }
}
