//! Sealing one block of one span: raw chunk, then each coarser tier from the finer one.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::bucket::{Bucket, Buckets, replace, roll_up};
use crate::codec::{Members, RollupChunk, SampleChunk};
use crate::scale::Scale;
use crate::seal::{Samples, in_order};
use crate::tables::{chunk, put_chunk, readable};
use crate::tier::{BlockId, SPAN_MS, Tier};
use crate::writer::Shared;

/// Answers the bytes of chunks written.
pub(crate) fn seal_block(
    shared: &Shared,
    connection: &Connection,
    span: i64,
    block: BlockId,
    scale: Scale,
    mut series: BTreeMap<u32, Samples>,
) -> Result<u64, rusqlite::Error> {
    let retention = &shared.config.retention;
    let known = |id: u32| shared.registry().series.contains_key(&id);
    let mut bytes = 0;

    let key = Tier::Raw.key(span, block);
    let old = chunk(connection, key)?;
    let before = old.as_ref().map_or(0, |o| o.0);
    let old =
        old.and_then(|(_, blob)| readable(SampleChunk::decode(&blob), &shared.loss, "chunk", key));
    if let Some(old) = old {
        for (id, offsets, values) in old.each().filter(|s| known(s.0)) {
            let older = offsets.iter().copied().zip(values.iter().copied());
            let list = series.entry(id).or_default();
            list.splice(0..0, older);
            in_order(list);
        }
    }
    let members = Members::gather(
        series
            .iter()
            .map(|(id, list)| (*id, list.iter().map(|s| s.0).collect())),
    );
    let raw = SampleChunk {
        scale,
        members,
        values: series
            .values()
            .flat_map(|list| list.iter().map(|s| s.1))
            .collect(),
    };
    let blob = raw.encode();
    bytes += blob.len() as u64;
    put_chunk(connection, Tier::Raw, key, before, raw.values.len(), &blob)?;
    drop((raw, blob));

    let start = span * SPAN_MS;
    let mut fresh: BTreeMap<u32, Buckets> = BTreeMap::new();
    for (id, list) in series {
        let entries = list.into_iter().map(|(at, value)| (at, Bucket::one(value)));
        fresh.insert(id, roll_up(entries, scale, |at| at / 60_000));
    }
    if Tier::Minute.kept_ms(retention) > 0 {
        let put = merge_rollups(
            shared,
            connection,
            Tier::Minute,
            start,
            block,
            scale,
            &fresh,
        )?;
        bytes += put.bytes;
        fresh = put.buckets;
    }

    if Tier::Hour.kept_ms(retention) == 0 {
        return Ok(bytes);
    }
    let shift = (start.rem_euclid(Tier::Hour.window_ms()) / 3_600_000) as u32;
    let hours = coarser(&fresh, scale, |minute| shift + minute / 60);
    let put = merge_rollups(shared, connection, Tier::Hour, start, block, scale, &hours)?;
    bytes += put.bytes;

    if Tier::Day.kept_ms(retention) == 0 {
        return Ok(bytes);
    }
    let today = shift / 24;
    let mut whole_day = put.buckets;
    for list in whole_day.values_mut() {
        list.retain(|(hour, _)| hour / 24 == today);
    }
    whole_day.retain(|_, list| !list.is_empty());
    let day = (start.rem_euclid(Tier::Day.window_ms()) / 86_400_000) as u32;
    let days = coarser(&whole_day, scale, |_| day);
    let put = merge_rollups(shared, connection, Tier::Day, start, block, scale, &days)?;
    Ok(bytes + put.bytes)
}

fn coarser(
    finer: &BTreeMap<u32, Buckets>,
    scale: Scale,
    number: impl Fn(u32) -> u32,
) -> BTreeMap<u32, Buckets> {
    let roll = |list: &Buckets| roll_up(list.iter().copied(), scale, &number);
    finer.iter().map(|(id, list)| (*id, roll(list))).collect()
}

struct Put {
    bytes: u64,
    /// Everything in the chunk now.
    buckets: BTreeMap<u32, Buckets>,
}

fn merge_rollups(
    shared: &Shared,
    connection: &Connection,
    tier: Tier,
    at: i64,
    block: BlockId,
    scale: Scale,
    fresh: &BTreeMap<u32, Buckets>,
) -> Result<Put, rusqlite::Error> {
    let key = tier.key(tier.window_of(at), block);
    let old = chunk(connection, key)?;
    let before = old.as_ref().map_or(0, |o| o.0);
    let old =
        old.and_then(|(_, blob)| readable(RollupChunk::decode(&blob), &shared.loss, "chunk", key));
    let mut buckets = fresh.clone();
    if let Some(old) = old {
        let registry = shared.registry();
        for (id, numbers, list) in old.each() {
            if registry.series.contains_key(&id) {
                let old: Buckets = numbers.iter().copied().zip(list.iter().copied()).collect();
                let merged = replace(&old, buckets.get(&id).map_or(&[], Vec::as_slice));
                buckets.insert(id, merged);
            }
        }
    }
    let chunk = rollup_chunk(scale, &buckets);
    let blob = chunk.encode();
    put_chunk(connection, tier, key, before, chunk.buckets.len(), &blob)?;
    Ok(Put {
        bytes: blob.len() as u64,
        buckets,
    })
}

pub(crate) fn rollup_chunk(scale: Scale, buckets: &BTreeMap<u32, Buckets>) -> RollupChunk {
    let axis = |list: &Buckets| list.iter().map(|entry| entry.0).collect();
    RollupChunk {
        scale,
        members: Members::gather(buckets.iter().map(|(id, list)| (*id, axis(list)))),
        buckets: buckets
            .values()
            .flat_map(|list| list.iter().map(|entry| entry.1))
            .collect(),
    }
}
