//! Which series exist: names to ids in memory, mirrored in the database.
//!
//! Bounded by `max_series`: beyond it nothing is added. A series costs about 60 bytes here, a
//! resource about 150 plus its name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::error::CardinalityError;
use crate::scale::Scale;
use crate::tier::BlockId;
use crate::types::{Metric, ResourceKind, SeriesId};

/// Places of one metric that fit into a key.
const MAX_PLACES: u32 = 1 << 26;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Series {
    pub resource: u32,
    pub metric: u16,
    pub place: u32,
    /// Last day with samples, as stored.
    pub seen: u32,
}

impl Series {
    pub(crate) fn block(&self) -> BlockId {
        BlockId::new(self.metric, self.place)
    }
}

#[derive(Debug)]
pub(crate) struct Resource {
    pub kind: u16,
    pub name: Arc<str>,
    pub series: Vec<(u16, u32)>,
}

#[derive(Debug)]
pub(crate) struct MetricInfo {
    pub name: Arc<str>,
    pub scale: Scale,
    pub next_place: u32,
}

/// A resource whose names take most of the places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offender {
    pub kind: ResourceKind,
    /// What the ids of the group have in common.
    pub id_prefix: String,
    pub series: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Registry {
    pub kinds: Vec<Arc<str>>,
    pub metrics: Vec<MetricInfo>,
    pub resources: HashMap<u32, Resource>,
    pub series: HashMap<u32, Series>,
    names: Vec<HashMap<Arc<str>, u32>>,
    pub next_series: u32,
    next_resource: u32,
    /// Not yet in the database.
    pub fresh: Fresh,
}

/// What the next transaction must insert.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fresh {
    pub kinds: Vec<u16>,
    pub metrics: Vec<u16>,
    pub resources: Vec<u32>,
    pub series: Vec<u32>,
}

impl Fresh {
    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty() && self.resources.is_empty() && self.metrics.is_empty()
    }

    /// After a failed write: these still have to be inserted.
    pub(crate) fn put_back(&mut self, failed: Self) {
        self.kinds.extend(failed.kinds);
        self.metrics.extend(failed.metrics);
        self.resources.extend(failed.resources);
        self.series.extend(failed.series);
    }
}

impl Registry {
    /// The database is empty again: everything has to be inserted.
    pub(crate) fn mark_all_fresh(&mut self) {
        self.fresh = Fresh {
            kinds: (0..self.kinds.len() as u16).collect(),
            metrics: (0..self.metrics.len() as u16).collect(),
            resources: self.resources.keys().copied().collect(),
            series: self.series.keys().copied().collect(),
        };
    }

    /// The id of a known series. No allocation, no change.
    pub(crate) fn find(&self, kind: &str, id: &str, metric: &str) -> Option<SeriesId> {
        let kind = self.kind(kind)?;
        let metric = self.metric(metric)?;
        let resource = self.names.get(usize::from(kind))?.get(id)?;
        let series = &self.resources.get(resource)?.series;
        series.iter().find(|s| s.0 == metric).map(|s| SeriesId(s.1))
    }

    /// The id of a series, new or known.
    pub(crate) fn intern(
        &mut self,
        kind: &ResourceKind,
        id: &str,
        metric: &Metric,
        limit: u32,
    ) -> Result<SeriesId, CardinalityError> {
        if let Some(known) = self.find(kind.as_str(), id, metric.as_str()) {
            return Ok(known);
        }
        let refused = || CardinalityError {
            limit,
            kind: kind.clone(),
            resource_id: id.to_owned(),
        };
        let open_sets_full = self.kinds.len() >= 4096 || self.metrics.len() >= 65_535;
        if self.series.len() >= limit as usize || open_sets_full {
            return Err(refused());
        }
        let metric = self.metric_or_new(metric.as_str());
        let slot = self
            .metrics
            .get_mut(usize::from(metric))
            .ok_or_else(refused)?;
        if slot.next_place >= MAX_PLACES || self.next_series == u32::MAX {
            return Err(refused());
        }
        let place = slot.next_place;
        slot.next_place += 1;
        let resource = self.resource_or_new(kind.as_str(), id);
        let series = self.next_series;
        self.next_series += 1;
        self.insert_series(
            series,
            Series {
                resource,
                metric,
                place,
                seen: 0,
            },
        );
        self.fresh.series.push(series);
        Ok(SeriesId(series))
    }

    pub(crate) fn kind(&self, name: &str) -> Option<u16> {
        let at = self.kinds.iter().position(|known| **known == *name)?;
        Some(at as u16)
    }

    pub(crate) fn metric(&self, name: &str) -> Option<u16> {
        let at = self.metrics.iter().position(|known| *known.name == *name)?;
        Some(at as u16)
    }

    pub(crate) fn scale(&self, metric: u16) -> Scale {
        let known = self.metrics.get(usize::from(metric));
        known.map_or(Scale::Exact, |m| m.scale)
    }

    pub(crate) fn resource(&self, kind: u16, id: &str) -> Option<u32> {
        self.names.get(usize::from(kind))?.get(id).copied()
    }

    fn kind_or_new(&mut self, name: &str) -> u16 {
        self.kind(name).unwrap_or_else(|| {
            let id = self.push_kind(name.into());
            self.fresh.kinds.push(id);
            id
        })
    }

    pub(crate) fn push_kind(&mut self, name: Arc<str>) -> u16 {
        self.kinds.push(name);
        self.names.push(HashMap::new());
        (self.kinds.len() - 1) as u16
    }

    fn metric_or_new(&mut self, name: &str) -> u16 {
        self.metric(name).unwrap_or_else(|| {
            let id = self.push_metric(name.into(), Scale::of_metric(name));
            self.fresh.metrics.push(id);
            id
        })
    }

    pub(crate) fn push_metric(&mut self, name: Arc<str>, scale: Scale) -> u16 {
        self.metrics.push(MetricInfo {
            name,
            scale,
            next_place: 0,
        });
        (self.metrics.len() - 1) as u16
    }

    fn resource_or_new(&mut self, kind: &str, id: &str) -> u32 {
        let kind = self.kind_or_new(kind);
        self.resource(kind, id).unwrap_or_else(|| {
            let resource = self.next_resource;
            self.insert_resource(resource, kind, id.into());
            self.fresh.resources.push(resource);
            resource
        })
    }

    /// Also used when loading.
    pub(crate) fn insert_resource(&mut self, resource: u32, kind: u16, name: Arc<str>) {
        self.next_resource = self.next_resource.max(resource.saturating_add(1));
        if let Some(names) = self.names.get_mut(usize::from(kind)) {
            names.insert(Arc::clone(&name), resource);
        }
        let series = Vec::new();
        self.resources
            .insert(resource, Resource { kind, name, series });
    }

    /// Also used when loading.
    pub(crate) fn insert_series(&mut self, id: u32, series: Series) {
        self.next_series = self.next_series.max(id.saturating_add(1));
        if let Some(metric) = self.metrics.get_mut(usize::from(series.metric)) {
            metric.next_place = metric.next_place.max(series.place.saturating_add(1));
        }
        if let Some(resource) = self.resources.get_mut(&series.resource) {
            resource.series.push((series.metric, id));
        }
        self.series.insert(id, series);
    }

    /// Takes series away, and resources that have none left. Answers those resources.
    pub(crate) fn remove_series(&mut self, gone: &HashSet<u32>) -> Vec<u32> {
        let mut touched = HashSet::new();
        for id in gone {
            if let Some(series) = self.series.remove(id) {
                touched.insert(series.resource);
            }
        }
        self.fresh.series.retain(|id| !gone.contains(id));
        let mut empty = Vec::new();
        for id in touched {
            let Some(resource) = self.resources.get_mut(&id) else {
                continue;
            };
            resource.series.retain(|s| !gone.contains(&s.1));
            if resource.series.is_empty() {
                empty.push(id);
                self.drop_resource(id);
            }
        }
        empty
    }

    fn drop_resource(&mut self, id: u32) {
        let Some(resource) = self.resources.remove(&id) else {
            return;
        };
        if let Some(names) = self.names.get_mut(usize::from(resource.kind))
            && names.get(&resource.name) == Some(&id)
        {
            names.remove(&resource.name);
        }
        self.fresh.resources.retain(|known| *known != id);
    }

    /// Gives the history of `old` to `new`. Answers the two resources when `new` existed and takes
    /// the series over, or the one that got the new name; `None` when there is no `old`.
    pub(crate) fn rename(&mut self, kind: &str, old: &str, new: &str) -> Option<Renamed> {
        let kind = self.kind(kind)?;
        let from = self.resource(kind, old)?;
        if old == new {
            return None;
        }
        let new_name: Arc<str> = new.into();
        let Some(to) = self.resource(kind, new) else {
            let names = self.names.get_mut(usize::from(kind))?;
            names.remove(old);
            names.insert(Arc::clone(&new_name), from);
            self.resources.get_mut(&from)?.name = new_name;
            return Some(Renamed::InPlace { resource: from });
        };
        let moved = std::mem::take(&mut self.resources.get_mut(&from)?.series);
        for (_, id) in &moved {
            if let Some(series) = self.series.get_mut(id) {
                series.resource = to;
            }
        }
        self.resources.get_mut(&to)?.series.extend(moved);
        self.drop_resource(from);
        Some(Renamed::Merged { from, to })
    }

    /// Series of each resource that `matching` names.
    pub(crate) fn series_where(&self, matching: &dyn Fn(&str, &str) -> bool) -> HashSet<u32> {
        let kind_of = |r: &Resource| self.kinds.get(usize::from(r.kind)).map_or("", |k| &**k);
        self.resources
            .values()
            .filter(|r| matching(kind_of(r), &r.name))
            .flat_map(|r| r.series.iter().map(|s| s.1))
            .collect()
    }

    /// The group of ids with most series.
    pub(crate) fn offender(&self) -> Option<Offender> {
        let mut groups: HashMap<(u16, &str), u32> = HashMap::new();
        for resource in self.resources.values() {
            let prefix = id_prefix(&resource.name);
            *groups.entry((resource.kind, prefix)).or_default() += resource.series.len() as u32;
        }
        let ((kind, prefix), series) = groups.into_iter().max_by_key(|g| (g.1, g.0))?;
        Some(Offender {
            kind: ResourceKind::from(&**self.kinds.get(usize::from(kind))?),
            id_prefix: prefix.to_owned(),
            series,
        })
    }
}

pub(crate) enum Renamed {
    InPlace { resource: u32 },
    Merged { from: u32, to: u32 },
}

/// Up to the first separator, else the first eight characters.
fn id_prefix(id: &str) -> &str {
    let end = id
        .find([':', '/', '-'])
        .or_else(|| id.char_indices().nth(8).map(|c| c.0));
    end.map_or(id, |end| &id[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intern(registry: &mut Registry, id: &str, metric: &'static str) -> Option<u32> {
        let metric = Metric::new(metric);
        registry
            .intern(&ResourceKind::VM, id, &metric, 5)
            .ok()
            .map(|s| s.0)
    }

    #[test]
    fn ids_are_stable_until_the_limit() {
        let mut registry = Registry::default();
        let first = intern(&mut registry, "pve1-101", "cpu");
        assert_eq!(first, Some(0));
        for metric in ["memory", "disk"] {
            intern(&mut registry, "pve1-101", metric);
        }
        intern(&mut registry, "pve2-7", "cpu");
        intern(&mut registry, "pve1-102", "cpu");
        assert_eq!(intern(&mut registry, "pve3-1", "cpu"), None);
        assert_eq!(intern(&mut registry, "pve1-101", "cpu"), first);
        let offender = registry.offender().unwrap();
        assert_eq!((offender.id_prefix.as_str(), offender.series), ("pve1", 4));
    }

    #[test]
    fn renaming_moves_or_merges() {
        let mut registry = Registry::default();
        let a = intern(&mut registry, "a", "cpu").unwrap();
        assert!(matches!(
            registry.rename("vm", "a", "b"),
            Some(Renamed::InPlace { .. })
        ));
        assert_eq!(intern(&mut registry, "b", "cpu"), Some(a));
        let c = intern(&mut registry, "c", "cpu").unwrap();
        assert!(matches!(
            registry.rename("vm", "b", "c"),
            Some(Renamed::Merged { .. })
        ));
        assert_eq!(intern(&mut registry, "c", "cpu"), Some(c));
        assert_eq!(
            registry.series_where(&|_, id| id == "c"),
            HashSet::from([a, c])
        );
        assert!(registry.rename("vm", "b", "d").is_none());
        assert!(registry.rename("vm", "c", "c").is_none());
    }

    #[test]
    fn removed_ids_are_not_given_again() {
        let mut registry = Registry::default();
        let a = intern(&mut registry, "a", "cpu").unwrap();
        registry.remove_series(&HashSet::from([a]));
        assert!(registry.resources.is_empty());
        assert_ne!(intern(&mut registry, "a", "cpu"), Some(a));
    }
}
