//! Whose backup is it?
//!
//! A VMID says little: every cluster has a 100. Candidates are the guests with the number and the
//! kind of the group; evidence then narrows them down:
//!
//! | evidence | names |
//! |---|---|
//! | a storage of Proxmox VE is defined as this server, datastore and namespace | its instance |
//! | a step of the namespace is the name of an instance or cluster | it |
//! | the owner's user or token is named like an instance or cluster | it |
//! | the newest note holds the name of a cluster, or of a candidate's guest | it |
//! | the number and kind exist once, and every instance was read | that one |
//!
//! All evidence has to agree. Where it contradicts itself or leaves several, the backup is
//! ambiguous; where it names an instance that has no such guest, the backup is of a guest that is
//! gone. Nothing here guesses: two clusters never mix.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use pulse_core::{Attribution, BackupGroup, BackupKind, Storage, Timestamp};

use crate::inventory::Inventory;

/// A storage of an instance that lies on a backup server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Binding {
    pub instance: Arc<str>,
    pub storage: String,
    /// Host name or address, lower case, without port.
    pub server: String,
    pub datastore: String,
    pub namespace: String,
}

impl Binding {
    /// Reads `server:datastore[/namespace]` of a storage of type `pbs`.
    fn read(instance: &Arc<str>, storage: &Storage) -> Option<Self> {
        if storage.kind != "pbs" {
            return None;
        }
        let (server, place) = storage.backend.rsplit_once(':')?;
        let (datastore, namespace) = place.split_once('/').unwrap_or((place, ""));
        Some(Self {
            instance: Arc::clone(instance),
            storage: storage.name.clone(),
            server: host_of(server),
            datastore: datastore.to_owned(),
            namespace: namespace.to_owned(),
        })
    }
}

/// The bare host of an address or URL, lower case.
pub(crate) fn host_of(address: &str) -> String {
    let text = address.trim().to_ascii_lowercase();
    let text = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default().to_owned();
    }
    match text.rsplit_once(':') {
        // Two colons and no brackets: an IPv6 address without port.
        Some((host, port)) if !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => {
            host.to_owned()
        }
        _ => text.to_owned(),
    }
}

/// A guest as far as its backups are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub instance: Arc<str>,
    pub name: String,
}

/// Everything that backups are compared with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// By kind and vmid.
    pub guests: HashMap<(BackupKind, u32), Vec<Candidate>>,
    pub bindings: Vec<Binding>,
    /// Names of instances and clusters, lower case → instances.
    pub names: BTreeMap<String, BTreeSet<Arc<str>>>,
    /// Hosts of the backup servers that are watched, by instance.
    pub servers: BTreeMap<String, String>,
    /// Every instance told its guests at least once.
    pub complete: bool,
}

type Instances = BTreeSet<Arc<str>>;

/// The words of a note: names have letters, digits, dashes, dots and underscores.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_');
    text.split(move |c| !inside(c))
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
}

impl Evidence {
    /// Whose backups the group holds.
    pub fn attribute(&self, group: &BackupGroup) -> Attribution {
        let Some(vmid) = group.vmid() else {
            return Attribution::None;
        };
        let Some(candidates) = self.guests.get(&(group.kind, vmid)) else {
            return Attribution::None;
        };
        let all: Instances = candidates.iter().map(|c| Arc::clone(&c.instance)).collect();
        let mut left = all.clone();
        let mut reasons: Vec<String> = Vec::new();
        let mut contradiction = false;
        for (instances, reason) in [
            self.by_storage(group),
            self.by_namespace(group),
            self.by_owner(group, &all),
            self.by_note(group, candidates),
        ]
        .into_iter()
        .flatten()
        {
            // What names nobody who has the guest speaks of a guest that is gone.
            if instances.is_disjoint(&all) {
                return Attribution::None;
            }
            let both: Instances = left.intersection(&instances).cloned().collect();
            contradiction |= both.is_empty();
            left = both;
            reasons.push(reason);
        }
        let mut left = left.into_iter();
        match (left.next(), left.next()) {
            (Some(instance), None) if !reasons.is_empty() || self.complete => {
                if reasons.is_empty() {
                    reasons.push("the only guest with this number".to_owned());
                }
                Attribution::Guest {
                    instance,
                    vmid,
                    evidence: reasons.join("; ").into(),
                }
            }
            (Some(first), second) if !contradiction => {
                Attribution::Ambiguous([first].into_iter().chain(second).chain(left).collect())
            }
            _ => Attribution::Ambiguous(all.into_iter().collect()),
        }
    }

    fn by_storage(&self, group: &BackupGroup) -> Option<(Instances, String)> {
        let server = self.servers.get(&*group.instance)?;
        let here = |binding: &&Binding| {
            binding.datastore == *group.datastore && binding.namespace == *group.namespace
        };
        let exact: Vec<&Binding> = (self.bindings.iter().filter(here))
            .filter(|binding| binding.server == *server)
            .collect();
        let storage = exact.first()?.storage.clone();
        // One that names the server by another name may mean this one, too.
        let other = |binding: &&Binding| !self.servers.values().any(|s| *s == binding.server);
        let possible = self.bindings.iter().filter(here).filter(other);
        let instances: Instances = (exact.iter().copied())
            .chain(possible)
            .map(|binding| Arc::clone(&binding.instance))
            .collect();
        let place = if group.namespace.is_empty() {
            group.datastore.to_string()
        } else {
            format!("{}/{}", group.datastore, group.namespace)
        };
        Some((instances, format!("storage {storage} lies on {place}")))
    }

    fn named(&self, word: &str) -> Option<&Instances> {
        self.names.get(&word.to_lowercase())
    }

    fn by_namespace(&self, group: &BackupGroup) -> Option<(Instances, String)> {
        // The innermost step that is a name.
        let step = group.namespace.rsplit('/').find_map(|step| {
            let instances = self.named(step)?;
            Some((instances.clone(), step.to_owned()))
        });
        step.map(|(instances, step)| (instances, format!("namespace {step}")))
    }

    fn by_owner(&self, group: &BackupGroup, all: &Instances) -> Option<(Instances, String)> {
        let (user, token) = group.owner.split_once('!').unwrap_or((&group.owner, ""));
        let user = user.split('@').next().unwrap_or_default();
        let instances = [token, user]
            .into_iter()
            .find_map(|word| self.named(word))
            // Tokens have all sorts of names: one that fits nobody says nothing.
            .filter(|instances| !instances.is_disjoint(all))?;
        Some((instances.clone(), format!("owner {}", group.owner)))
    }

    fn by_note(
        &self,
        group: &BackupGroup,
        candidates: &[Candidate],
    ) -> Option<(Instances, String)> {
        let note = (group.snapshots.iter().map(|s| &*s.comment)).find(|note| !note.is_empty())?;
        let note_words: BTreeSet<String> = words(note).map(str::to_lowercase).collect();
        let mut instances: Option<Instances> = None;
        let clusters: Vec<&Instances> = note_words
            .iter()
            .filter_map(|word| self.names.get(word))
            .collect();
        if let [one] = clusters[..] {
            instances = Some(one.clone());
        }
        let named: Instances = candidates
            .iter()
            .filter(|c| note_words.contains(&c.name.to_lowercase()))
            .map(|c| Arc::clone(&c.instance))
            .collect();
        // A guest may be named like a cluster: only what both mean counts.
        instances = match (instances, named.is_empty()) {
            (Some(clusters), false) => {
                let both: Instances = clusters.intersection(&named).cloned().collect();
                Some(if both.is_empty() { named } else { both })
            }
            (None, false) => Some(named),
            (instances, true) => instances.filter(|clusters| {
                // A note may hold any word: a name in it that has no such guest says nothing.
                candidates.iter().any(|c| clusters.contains(&c.instance))
            }),
        };
        instances.map(|instances| (instances, format!("note “{}”", short(note))))
    }
}

fn short(note: &str) -> String {
    note.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(60)
        .collect()
}

/// What attribution was last made of.
#[derive(Debug, Default)]
pub(crate) struct Attributed {
    evidence: Option<Evidence>,
}

/// Attributes the groups anew where their evidence changed, and tells guests their newest backup.
/// Costs nothing while guests, storages and groups stay what they are.
pub(crate) fn refresh(inventory: &mut Inventory) {
    let dirty = inventory.dirty_mut();
    let groups_changed = dirty.backup_groups;
    if !(groups_changed || dirty.membership || dirty.storages || dirty.pbs || dirty.guests) {
        return;
    }
    if inventory.pbs.is_empty() && inventory.attributed.evidence.is_none() {
        return;
    }
    let evidence = collect(inventory);
    let same = inventory.attributed.evidence.as_ref() == Some(&evidence);
    if same && !groups_changed {
        return;
    }
    let mut changed = false;
    let mut newest: BTreeMap<Arc<str>, BTreeMap<u32, Timestamp>> = BTreeMap::new();
    for server in inventory.pbs.values_mut() {
        for group in server.groups_mut() {
            let attribution = evidence.attribute(group);
            if let Attribution::Guest { instance, vmid, .. } = &attribution
                // An interrupted backup has no size, and restores nothing.
                && let Some(last) = group.snapshots.iter().find(|s| s.size.is_some())
            {
                let slot = newest.entry(Arc::clone(instance)).or_default();
                let known = slot.entry(*vmid).or_insert(last.time);
                *known = (*known).max(last.time);
            }
            if group.attribution != attribution {
                Arc::make_mut(group).attribution = attribution;
                changed = true;
            }
        }
    }
    inventory.attributed.evidence = Some(evidence);
    let (pve, dirty) = inventory.pve_and_dirty();
    dirty.backup_groups |= changed;
    for (name, instance) in pve {
        let newest = newest.remove(name.as_str()).unwrap_or_default();
        instance.set_pbs_backups(newest, dirty);
    }
}

fn collect(inventory: &Inventory) -> Evidence {
    let mut evidence = Evidence {
        complete: true,
        ..Evidence::default()
    };
    for (name, instance) in &inventory.pve {
        let shared: Arc<str> = name.as_str().into();
        evidence.complete &= instance.state.last_success.is_some();
        let clusters = instance
            .nodes
            .values()
            .filter_map(|n| n.node.cluster.clone());
        for word in clusters.chain([name.clone()]) {
            let named = evidence.names.entry(word.to_lowercase()).or_default();
            named.insert(Arc::clone(&shared));
        }
        for guest in instance.guests() {
            let kind = if guest.kind.is_vm() {
                BackupKind::Vm
            } else {
                BackupKind::Ct
            };
            let slot = evidence.guests.entry((kind, guest.vmid)).or_default();
            slot.push(Candidate {
                instance: Arc::clone(&shared),
                name: guest.name.clone(),
            });
        }
        let bindings = (instance.storages.iter()).filter_map(|s| Binding::read(&shared, s));
        evidence.bindings.extend(bindings);
    }
    evidence.bindings.sort();
    for (name, server) in &inventory.pbs {
        if let Some(shown) = server.shown() {
            evidence.servers.insert(name.clone(), host_of(&shown.host));
        }
    }
    evidence
}
