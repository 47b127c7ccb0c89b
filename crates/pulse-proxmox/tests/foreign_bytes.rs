//! Whatever a server sends, decoding ends in a value or an error, never in a panic.
// Helpers of tests are tests: the lint only knows functions marked as such.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use pulse_proxmox::decode;
use pulse_proxmox::types as t;
use serde_json::{Map, Value, json};

/// Every decoder there is.
fn decode_all(body: &[u8]) {
    macro_rules! all {
        ($($name:ident),* $(,)?) => {$(
            let _ = decode::list::<t::$name>(body);
            let _ = decode::object::<t::$name>(body);
            let _ = decode::agent_list::<t::$name>(body);
            let _ = decode::agent_object::<t::$name>(body);
        )*};
    }
    all!(
        Version,
        Permissions,
        NodeEntry,
        NodeStatus,
        ClusterStatus,
        Resource,
        HaStatus,
        GuestStatus,
        GuestConfig,
        Snapshot,
        AgentInterface,
        AgentFilesystem,
        AgentOs,
        AgentInfo,
        LxcInterface,
        RrdPoint,
        StorageDefinition,
        NodeStorage,
        StorageContent,
        Task,
        Disk,
        ZfsPool,
        ZfsPoolDetail,
        NetworkInterface,
        AptUpdate,
        Replication,
        BackupJob,
        Unprotected,
        CephStatus,
        CephPoolRow,
        CephOsdTree,
        CephDf,
        HaManagerStatus,
        HaResource,
        ClusterConfigNode,
        QDeviceStatus,
        AptVersion,
        Certificate,
        LvmThin,
    );
}

/// Keys that the decoders look for, so that values meet fields.
const KEYS: &[&str] = &[
    "node",
    "status",
    "cpu",
    "maxcpu",
    "mem",
    "maxmem",
    "vmid",
    "type",
    "id",
    "name",
    "template",
    "tags",
    "agent",
    "blockstat",
    "nics",
    "ballooninfo",
    "memory",
    "loadavg",
    "cpuinfo",
    "wearout",
    "rpm",
    "children",
    "result",
    "data",
    "ip-addresses",
    "statistics",
    "time",
    "storage",
    "upid",
    "volid",
    "devpath",
    "health",
    "checks",
    "prune-backups",
];

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "N/A",
            "1",
            "-1",
            "NaN",
            "1e999",
            "0x",
            "0xffffffffffffffffff",
            "1,,",
            "12.5%",
            "."
        ])
        .prop_map(Value::from),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(KEYS), inner), 0..8).prop_map(|entries| {
                entries
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect::<Map<_, _>>()
                    .into()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        decode_all(&bytes);
    }

    #[test]
    fn any_value(value in any_json()) {
        decode_all(value.to_string().as_bytes());
        decode_all(json!({ "data": value }).to_string().as_bytes());
        decode_all(json!({ "data": { "result": value } }).to_string().as_bytes());
    }

    #[test]
    fn elements_are_kept_or_reported(elements in prop::collection::vec(any_json(), 0..8)) {
        let body = json!({ "data": elements }).to_string();
        let decoded = decode::list::<t::Resource>(body.as_bytes()).unwrap();
        prop_assert_eq!(decoded.items.len() + decoded.skipped.len(), elements.len());
    }

    #[test]
    fn a_good_element_survives_bad_company(before in any_json(), after in any_json()) {
        let body = json!({ "data": [before, { "node": "pve1", "cpu": 0.5 }, after] }).to_string();
        let decoded = decode::list::<t::NodeEntry>(body.as_bytes()).unwrap();
        prop_assert!(decoded.items.iter().any(|node| node.node == "pve1" && node.cpu == Some(0.5)));
    }
}

#[test]
fn nesting_without_end_is_an_error() {
    for (open, close) in [("[", "]"), ("{\"children\":[", "]}"), ("{\"data\":", "}")] {
        let deep = open.repeat(20_000) + "1" + &close.repeat(20_000);
        decode_all(deep.as_bytes());
        decode_all(format!("{{\"data\":{deep}}}").as_bytes());
        decode_all(format!("{{\"data\":{{\"name\":\"x\",\"children\":{deep}}}}}").as_bytes());
    }
}

#[test]
fn bytes_that_are_not_utf8_cost_a_replacement_character() {
    let decoded = decode::list::<t::NodeEntry>(b"{\"data\":[{\"node\":\"pve\xfc\"}]}").unwrap();
    assert_eq!(decoded.items[0].node, "pve\u{fffd}");
}
