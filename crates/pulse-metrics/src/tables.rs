//! Rows of the small tables and of chunks: the SQL that sealing, forgetting and loading share.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use crate::codec::BlobLoss;
use crate::registry::{Fresh, Registry, Series};
use crate::scale::Scale;
use crate::tier::Tier;

type Sql<T> = Result<T, rusqlite::Error>;

pub(crate) fn meta(connection: &Connection, key: &str) -> Sql<Option<i64>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

pub(crate) fn set_meta(connection: &Connection, key: &str, value: i64) -> Sql<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?
        .execute(params![key, value])?;
    Ok(())
}

pub(crate) fn clear_meta(connection: &Connection, key: &str) -> Sql<()> {
    connection
        .prepare_cached("DELETE FROM meta WHERE key = ?1")?
        .execute([key])?;
    Ok(())
}

pub(crate) fn add_meta(connection: &Connection, key: &str, delta: i64) -> Sql<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = value + ?2",
        )?
        .execute(params![key, delta])?;
    Ok(())
}

/// Name of the counter of a tier.
pub(crate) fn count_key(tier: Tier) -> &'static str {
    match tier {
        Tier::Raw => "count_1",
        Tier::Minute => "count_2",
        Tier::Hour => "count_3",
        Tier::Day => "count_4",
    }
}

/// A chunk's entry count and bytes.
pub(crate) fn chunk(connection: &Connection, key: i64) -> Sql<Option<(i64, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT n, data FROM chunk WHERE id = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Writes or, when there are no entries, deletes a chunk and keeps the tier's counter right.
pub(crate) fn put_chunk(
    connection: &Connection,
    tier: Tier,
    key: i64,
    before: i64,
    entries: usize,
    blob: &[u8],
) -> Sql<()> {
    if entries == 0 {
        connection
            .prepare_cached("DELETE FROM chunk WHERE id = ?1")?
            .execute([key])?;
    } else {
        connection
            .prepare_cached("INSERT OR REPLACE INTO chunk VALUES (?1, ?2, ?3)")?
            .execute(params![key, entries as i64, blob])?;
    }
    let delta = entries as i64 - before;
    if delta != 0 {
        add_meta(connection, count_key(tier), delta)?;
    }
    Ok(())
}

/// New names as rows, so that no lock is held while they are written.
#[derive(Default)]
pub(crate) struct FreshRows {
    kinds: Vec<(u16, Arc<str>)>,
    metrics: Vec<(u16, Arc<str>, u8)>,
    resources: Vec<(u32, u16, Arc<str>)>,
    series: Vec<(u32, Series)>,
}

impl FreshRows {
    pub(crate) fn collect(registry: &Registry, fresh: &Fresh) -> Self {
        let kind = |id: &u16| Some((*id, Arc::clone(registry.kinds.get(usize::from(*id))?)));
        let metric = |id: &u16| {
            let metric = registry.metrics.get(usize::from(*id))?;
            Some((*id, Arc::clone(&metric.name), metric.scale.code()))
        };
        let resource = |id: &u32| {
            let resource = registry.resources.get(id)?;
            Some((*id, resource.kind, Arc::clone(&resource.name)))
        };
        let series = |id: &u32| Some((*id, *registry.series.get(id)?));
        Self {
            kinds: fresh.kinds.iter().filter_map(kind).collect(),
            metrics: fresh.metrics.iter().filter_map(metric).collect(),
            resources: fresh.resources.iter().filter_map(resource).collect(),
            series: fresh.series.iter().filter_map(series).collect(),
        }
    }

    pub(crate) fn insert(&self, connection: &Connection) -> Sql<()> {
        for (id, name) in &self.kinds {
            connection.execute(
                "INSERT OR REPLACE INTO kind VALUES (?1, ?2)",
                params![id, &**name],
            )?;
        }
        for (id, name, scale) in &self.metrics {
            connection.execute(
                "INSERT OR REPLACE INTO metric VALUES (?1, ?2, ?3)",
                params![id, &**name, scale],
            )?;
        }
        let mut insert =
            connection.prepare_cached("INSERT OR REPLACE INTO resource VALUES (?1, ?2, ?3)")?;
        for (id, kind, name) in &self.resources {
            insert.execute(params![id, kind, &**name])?;
        }
        let mut insert = connection
            .prepare_cached("INSERT OR REPLACE INTO series VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for (id, s) in &self.series {
            insert.execute(params![id, s.resource, s.metric, s.place, s.seen])?;
        }
        Ok(())
    }
}

/// Reads the names back. Rows that fit nothing are left out.
pub(crate) fn load_registry(connection: &Connection) -> Sql<Registry> {
    let mut registry = Registry::default();
    let mut query = connection.prepare("SELECT id, name FROM kind ORDER BY id")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (id, name): (u16, String) = (row.get(0)?, row.get(1)?);
        while registry.kinds.len() < usize::from(id) {
            registry.push_kind("".into());
        }
        registry.push_kind(name.into());
    }
    let mut query = connection.prepare("SELECT id, name, scale FROM metric ORDER BY id")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (id, name, scale): (u16, String, u8) = (row.get(0)?, row.get(1)?, row.get(2)?);
        while registry.metrics.len() < usize::from(id) {
            registry.push_metric("".into(), Scale::Exact);
        }
        registry.push_metric(name.into(), Scale::from_code(scale).unwrap_or(Scale::Exact));
    }
    let mut query = connection.prepare("SELECT id, kind, name FROM resource")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(2)?;
        registry.insert_resource(row.get(0)?, row.get(1)?, name.into());
    }
    let mut query = connection.prepare("SELECT id, resource, metric, place, seen FROM series")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let series = Series {
            resource: row.get(1)?,
            metric: row.get(2)?,
            place: row.get(3)?,
            seen: row.get(4)?,
        };
        registry.insert_series(row.get(0)?, series);
    }
    if let Some(next) = meta(connection, "next_series")? {
        registry.next_series = registry.next_series.max(u32::try_from(next).unwrap_or(0));
    }
    Ok(registry)
}

/// Counts a blob that could not be read; the first of a kind is logged by the caller.
pub(crate) fn readable<T>(
    decoded: Result<T, crate::error::BlobError>,
    loss: &BlobLoss,
    table: &'static str,
    key: i64,
) -> Option<T> {
    match decoded {
        Ok(value) => Some(value),
        Err(error) => {
            loss.note(table, key, error);
            None
        }
    }
}
