//! What a selector means at this moment: lines, the series they are made of, the blocks to read.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Query, Selector};
use crate::registry::{Registry, Resource};
use crate::scale::Scale;
use crate::tier::BlockId;
use crate::types::ResourceKind;

/// A line being drawn.
pub(super) struct Output {
    pub(super) kind: Arc<str>,
    pub(super) resource_id: Arc<str>,
    pub(super) metric: Arc<str>,
    pub(super) scale: Scale,
}

/// A series that is part of a line.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) output: usize,
    pub(super) block: BlockId,
}

/// What the selector means at this moment.
pub(super) struct Wanted {
    pub(super) outputs: Vec<Output>,
    pub(super) first_id: u32,
    /// By id, from `first_id`.
    pub(super) sources: Vec<Option<Source>>,
    pub(super) blocks: BTreeSet<BlockId>,
    pub(super) metrics: BTreeSet<u16>,
}

impl Wanted {
    pub(super) fn resolve(registry: &Registry, query: &Query) -> Self {
        let mut resources: Vec<&Resource> = match &query.selector {
            Selector::One(kind, id) => find(registry, kind, id).into_iter().collect(),
            Selector::Many(list) => list
                .iter()
                .filter_map(|(kind, id)| find(registry, kind, id))
                .collect(),
            Selector::Kinds(kinds) => {
                let kinds: Vec<u16> = kinds
                    .iter()
                    .filter_map(|kind| registry.kind(kind.as_str()))
                    .collect();
                registry
                    .resources
                    .values()
                    .filter(|r| kinds.contains(&r.kind))
                    .collect()
            }
            Selector::All => registry.resources.values().collect(),
        };
        let kind_of = |r: &Resource| registry.kinds.get(usize::from(r.kind)).cloned();
        resources.sort_by(|a, b| (kind_of(a), &a.name).cmp(&(kind_of(b), &b.name)));
        resources.dedup_by(|a, b| a.kind == b.kind && a.name == b.name);
        let metrics: Option<Vec<u16>> = query.metrics.as_ref().map(|names| {
            names
                .iter()
                .filter_map(|name| registry.metric(name.as_str()))
                .collect()
        });
        let mut outputs = Vec::new();
        let mut found: Vec<(u32, Source)> = Vec::new();
        for resource in resources {
            let name_of = |metric: u16| registry.metrics.get(usize::from(metric));
            let mut series: Vec<(u16, u32)> = resource.series.clone();
            series.retain(|s| metrics.as_ref().is_none_or(|wanted| wanted.contains(&s.0)));
            series.sort_by_key(|s| (name_of(s.0).map(|m| Arc::clone(&m.name)), s.0, s.1));
            for same in series.chunk_by(|a, b| a.0 == b.0) {
                let Some(metric) = same.first().and_then(|s| name_of(s.0)) else {
                    continue;
                };
                for (_, id) in same {
                    if let Some(series) = registry.series.get(id) {
                        let source = Source {
                            output: outputs.len(),
                            block: series.block(),
                        };
                        found.push((*id, source));
                    }
                }
                outputs.push(Output {
                    kind: kind_of(resource).unwrap_or_else(|| "".into()),
                    resource_id: Arc::clone(&resource.name),
                    metric: Arc::clone(&metric.name),
                    scale: metric.scale,
                });
            }
        }
        let first_id = found.iter().map(|f| f.0).min().unwrap_or(0);
        let last_id = found.iter().map(|f| f.0).max().unwrap_or(0);
        let mut sources = vec![None; (last_id - first_id) as usize + 1];
        for (id, source) in &found {
            if let Some(slot) = sources.get_mut((id - first_id) as usize) {
                *slot = Some(*source);
            }
        }
        let blocks: BTreeSet<BlockId> = found.iter().map(|f| f.1.block).collect();
        let metrics = blocks.iter().map(|block| block.metric()).collect();
        Self {
            outputs,
            first_id,
            sources,
            blocks,
            metrics,
        }
    }

    pub(super) fn source(&self, id: i64) -> Option<Source> {
        let index = usize::try_from(id - i64::from(self.first_id)).ok()?;
        *self.sources.get(index)?
    }

    /// Ranges of neighbouring blocks, first and last.
    pub(super) fn runs(&self) -> Vec<(BlockId, BlockId)> {
        let mut runs: Vec<(BlockId, BlockId)> = Vec::new();
        for &block in &self.blocks {
            match runs.last_mut() {
                Some(run) if run.1.0 + 1 == block.0 => run.1 = block,
                _ => runs.push((block, block)),
            }
        }
        runs
    }
}

pub(super) fn find<'a>(
    registry: &'a Registry,
    kind: &ResourceKind,
    id: &str,
) -> Option<&'a Resource> {
    let resource = registry.resource(registry.kind(kind.as_str())?, id)?;
    registry.resources.get(&resource)
}
