//! Linux software RAID from `/proc/mdstat`, completed from sysfs (state, place of each device) and
//! from udev's database (name, uuid). States read as `mdadm --detail` writes them.

use std::path::Path;

use pulse_wire::host_report::{RaidArray, RaidDevice};

use super::{text, word};

/// The arrays in the kernel's order; empty without software RAID.
pub fn read(proc: &Path, sys: &Path, run: &Path) -> Vec<RaidArray> {
    let Ok(mdstat) = text(&proc.join("mdstat")) else {
        return Vec::new();
    };
    let mut arrays = parse(&mdstat);
    for array in &mut arrays {
        let name = array.device.trim_start_matches("/dev/").to_owned();
        complete(array, &sys.join("block").join(&name));
        if let Some(number) = word(&sys.join("block").join(&name).join("dev")) {
            identify(
                array,
                &text(&run.join("udev/data").join(format!("b{number}"))).unwrap_or_default(),
            );
        }
    }
    arrays
}

/// An array as far as `/proc/mdstat` has been read.
struct Draft {
    array: RaidArray,
    /// How many devices the array should have; 0 when the level has no redundancy.
    wanted: i64,
    action: Option<&'static str>,
}

/// `md1 : active raid5 sdf[5](S) sde[4] sdd[1] sdc[0]` and its indented lines.
fn parse(mdstat: &str) -> Vec<RaidArray> {
    let mut drafts: Vec<Draft> = Vec::new();
    for line in mdstat.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some(draft) = drafts.last_mut() {
                detail(draft, line);
            }
        } else if let Some((name, rest)) = line.split_once(" : ") {
            let array = headline(name.trim(), rest);
            drafts.extend(array.map(|array| Draft {
                array,
                wanted: 0,
                action: None,
            }));
        }
    }
    drafts.into_iter().map(finish).collect()
}

fn headline(name: &str, rest: &str) -> Option<RaidArray> {
    let digits = name.strip_prefix("md")?.trim_start_matches(['_', 'd']);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut array = RaidArray {
        device: format!("/dev/{name}"),
        ..RaidArray::default()
    };
    for word in rest.split_ascii_whitespace() {
        match word.split_once('[') {
            Some((device, tail)) => {
                let (number, flags) = tail.split_once(']')?;
                let state = match flags {
                    _ if flags.contains("(F)") => "faulty",
                    _ if flags.contains("(S)") => "spare",
                    _ => "active sync",
                };
                let placed = state == "active sync";
                array.devices.push(RaidDevice {
                    device: format!("/dev/{device}"),
                    state: state.into(),
                    slot: if placed { number.parse().ok()? } else { -1 },
                });
            }
            // `active` or `inactive`, perhaps `(read-only)`, then the level.
            None if array.state.is_empty() => word.clone_into(&mut array.state),
            None if !word.starts_with('(') => word.clone_into(&mut array.level),
            None => {}
        }
    }
    by_place(&mut array);
    Some(array)
}

fn by_place(array: &mut RaidArray) {
    array.devices.sort_by_key(|device| {
        if device.slot < 0 {
            i64::MAX
        } else {
            device.slot
        }
    });
}

fn detail(draft: &mut Draft, line: &str) {
    const ACTIONS: [(&str, &str); 4] = [
        ("recovery", "recovering"),
        ("resync", "resyncing"),
        ("reshape", "reshaping"),
        ("check", "checking"),
    ];
    let Draft {
        array,
        wanted,
        action,
    } = draft;
    // `… blocks level 5, 512k chunk, algorithm 2 [3/2] [UU_]`
    for word in line.split_ascii_whitespace() {
        let counts = word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']')?.split_once('/'));
        let Some((should, does)) = counts else {
            continue;
        };
        if let (Ok(should), Ok(does)) = (should.parse(), does.parse()) {
            (*wanted, array.active_devices) = (should, does);
        }
    }
    // `[=>....]  recovery =  5.2% (4096/78000) finish=0.5min speed=2752K/sec`
    for (word, state) in ACTIONS {
        let progress = line
            .split_once(word)
            .and_then(|(_, rest)| rest.trim_start().strip_prefix('='));
        let Some(progress) = progress else { continue };
        *action = Some(state);
        let percent = progress
            .split('%')
            .next()
            .and_then(|text| text.trim().parse().ok());
        array.rebuild_percent = percent
            .filter(|percent| (0.0..=100.0).contains(percent))
            .unwrap_or(0.0);
        let speed = progress
            .split_once("speed=")
            .and_then(|(_, text)| text.split(' ').next());
        speed
            .unwrap_or_default()
            .clone_into(&mut array.rebuild_speed);
        return;
    }
}

/// Counts and the state's words, from what the table says.
fn finish(draft: Draft) -> RaidArray {
    let Draft {
        mut array,
        wanted,
        action,
    } = draft;
    let count = |state: &str| {
        array
            .devices
            .iter()
            .filter(|device| device.state == state)
            .count() as i64
    };
    let (failed, in_place) = (count("faulty"), count("active sync"));
    array.total_devices = array.devices.len() as i64;
    array.failed_devices = failed;
    array.working_devices = array.total_devices - failed;
    if wanted == 0 && array.state == "active" {
        array.active_devices = in_place; // raid0 and linear print no [n/m]
    }
    array.spare_devices =
        array.working_devices - array.active_devices.clamp(0, array.working_devices);
    // More devices in place than in sync: the newest one is being rebuilt.
    if action == Some("recovering")
        && in_place > array.active_devices
        && let Some(device) = array
            .devices
            .iter_mut()
            .rev()
            .find(|device| device.state == "active sync")
    {
        "spare rebuilding".clone_into(&mut device.state);
    }
    let first = if array.state == "active" {
        "clean"
    } else {
        array.state.as_str()
    };
    array.state = state(first, wanted > array.active_devices, action);
    array
}

fn state(first: &str, degraded: bool, action: Option<&str>) -> String {
    let words = [Some(first), degraded.then_some("degraded"), action];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What sysfs knows better: dirty or clean, missing devices, each device's place.
fn complete(array: &mut RaidArray, block: &Path) {
    let md = block.join("md");
    if let Some(kernel) = word(&md.join("array_state")) {
        let first = match kernel.as_str() {
            "clean" | "readonly" | "read-auto" => "clean",
            "active" | "active-idle" | "write-pending" => "active",
            other => other,
        };
        let degraded = word(&md.join("degraded")).is_some_and(|missing| missing != "0");
        let action = array
            .state
            .rsplit(", ")
            .next()
            .filter(|last| last.ends_with("ing"));
        array.state = state(first, degraded, action);
    }
    for device in &mut array.devices {
        let folder = md.join(format!("dev-{}", device.device.trim_start_matches("/dev/")));
        let (Some(state), Some(slot)) = (word(&folder.join("state")), word(&folder.join("slot")))
        else {
            continue;
        };
        device.slot = slot.parse().unwrap_or(-1);
        let is = |flag: &str| state.split(',').any(|word| word == flag);
        let written = match device.slot {
            _ if is("faulty") => "faulty",
            _ if is("in_sync") => "active sync",
            -1 => "spare",
            _ => "spare rebuilding",
        };
        written.clone_into(&mut device.state);
        if is("faulty") {
            device.slot = -1;
        }
    }
    by_place(array);
}

/// `E:MD_NAME=host:name` and `E:MD_UUID=…`.
fn identify(array: &mut RaidArray, udev: &str) {
    let value = |name: &str| {
        udev.lines()
            .find_map(|line| {
                line.strip_prefix("E:")?
                    .strip_prefix(name)?
                    .strip_prefix('=')
            })
            .unwrap_or_default()
    };
    value("MD_NAME").clone_into(&mut array.name);
    value("MD_UUID").clone_into(&mut array.uuid);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MDSTAT: &str = "\
Personalities : [raid1] [raid6] [raid5] [raid4]
md1 : active raid5 sdf[5](S) sde[4] sdd[1] sdc[0]
      153600 blocks super 1.2 level 5, 512k chunk, algorithm 2 [3/2] [UU_]
      [=>...................]  recovery =  5.2% (4096/76800) finish=0.5min speed=2752K/sec

md0 : active raid1 sdb[2](F) sda[0]
      76800 blocks super 1.2 [2/1] [U_]

md127 : active (auto-read-only) raid1 nvme0n1p3[0] nvme1n1p3[1]
      1000 blocks super 1.2 [2/2] [UU]
      	resync=PENDING

unused devices: <none>
";

    #[test]
    fn recovery_spare_and_failure() {
        let arrays = parse(MDSTAT);
        let devices = |array: &RaidArray| -> Vec<String> {
            array
                .devices
                .iter()
                .map(|device| format!("{} {} {}", device.device, device.state, device.slot))
                .collect()
        };
        assert_eq!(arrays.len(), 3);
        let five = &arrays[0];
        assert_eq!(
            (five.device.as_str(), five.level.as_str()),
            ("/dev/md1", "raid5")
        );
        assert_eq!(five.state, "clean, degraded, recovering");
        assert_eq!(
            (
                five.total_devices,
                five.active_devices,
                five.working_devices
            ),
            (4, 2, 4)
        );
        assert_eq!((five.failed_devices, five.spare_devices), (0, 2));
        assert_eq!(
            (five.rebuild_percent, five.rebuild_speed.as_str()),
            (5.2, "2752K/sec")
        );
        assert_eq!(
            devices(five),
            [
                "/dev/sdc active sync 0",
                "/dev/sdd active sync 1",
                "/dev/sde spare rebuilding 4",
                "/dev/sdf spare -1"
            ]
        );
        let mirror = &arrays[1];
        assert_eq!(
            (
                mirror.state.as_str(),
                mirror.failed_devices,
                mirror.working_devices
            ),
            ("clean, degraded", 1, 1)
        );
        assert_eq!(
            devices(mirror),
            ["/dev/sda active sync 0", "/dev/sdb faulty -1"]
        );
        assert_eq!(
            (arrays[2].level.as_str(), arrays[2].rebuild_percent),
            ("raid1", 0.0)
        );
    }

    #[test]
    fn names_that_are_arrays() {
        assert!(headline("md_d0", "active raid1 sda[0]").is_some());
        for name in ["Personalities", "md", "mdx", "unused devices"] {
            assert!(headline(name, "active raid1 sda[0]").is_none(), "{name}");
        }
        assert_eq!(parse("md0 : inactive sda[0](S)\n")[0].state, "inactive");
    }

    #[test]
    fn a_removed_device_and_a_level_without_redundancy() {
        let one = &parse("md0 : active raid1 sda[0]\n      1 blocks super 1.2 [2/1] [U_]\n")[0];
        assert_eq!(
            (one.state.as_str(), one.total_devices, one.active_devices),
            ("clean, degraded", 1, 1)
        );
        let stripe =
            &parse("md1 : active raid0 sdb[1] sda[0]\n      1 blocks super 1.2 512k chunks\n")[0];
        assert_eq!(
            (
                stripe.state.as_str(),
                stripe.active_devices,
                stripe.spare_devices
            ),
            ("clean", 2, 0)
        );
    }

    #[test]
    fn udev_names() {
        let mut array = RaidArray::default();
        identify(
            &mut array,
            "S:md/x\nE:MD_NAME=node:mirror\nE:MD_UUID=7789:fc25\n",
        );
        assert_eq!(
            (array.name.as_str(), array.uuid.as_str()),
            ("node:mirror", "7789:fc25")
        );
    }

    proptest! {
        #[test]
        fn never_panics(
            table in r"(md[0-9]{0,2} : (in)?active( raid[0-9])?( sd[a-z]\[[0-9]{0,3}\]?(\([FSR]\))?){0,4}\n( +[a-z0-9%=\[\]/_U. ]{0,40}\n){0,2}){0,3}",
            noise in any::<String>(),
        ) {
            let _ = (parse(&table), parse(&noise));
        }
    }
}
