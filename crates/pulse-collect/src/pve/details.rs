//! What has to be asked guest by guest, refreshed in the background within a request budget.
//!
//! * Filesystems of a VM at most every 60 s, its interfaces every 5 min, operating system and
//!   agent version every 30 min or after a restart; a container's configuration every 30 min,
//!   its addresses every 10 min. With many guests each turn comes later: the budget decides.
//! * A guest agent that does not answer is asked again after 2 min, then less often; the last
//!   good filesystems are kept for 10 min, so that a number does not flicker.
//! * At most 8 requests at a time for an instance and 2 for a node: a hung agent holds one place
//!   for its deadline and nothing else.

mod entry;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulse_core::{Filesystem, InterfaceAddresses, Timestamp, Unknown};
use pulse_proxmox::{ClusterClient, Error, GuestKind, PveApi as _};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use self::entry::{Answer, Entry};
use super::agent;
use super::budget::Budget;
use super::facts::{MemoryHistory, memory_history};
use super::gaps::{Gaps, Need};
use crate::Clock;

/// Facts from the guest agent of a VM.
#[derive(Clone, Debug)]
pub struct AgentFacts {
    /// Filesystems that count, or why they are not known.
    pub filesystems: Result<Vec<Filesystem>, Unknown>,
    pub addresses: (Vec<InterfaceAddresses>, Vec<String>),
    pub os_name: String,
    pub os_version: String,
    pub version: String,
    /// When the agent answered last.
    pub seen: Option<Timestamp>,
}

impl Default for AgentFacts {
    fn default() -> Self {
        Self {
            filesystems: Err(Unknown::NotReported),
            addresses: Default::default(),
            os_name: String::new(),
            os_version: String::new(),
            version: String::new(),
            seen: None,
        }
    }
}

/// Facts from a container's configuration and interfaces.
#[derive(Clone, Debug, Default)]
pub struct ContainerFacts {
    /// As the running container has them.
    pub live: (Vec<InterfaceAddresses>, Vec<String>),
    pub config: ContainerConfig,
    /// None where the version records nothing that the lists do not tell.
    pub(crate) memory: Option<MemoryHistory>,
}

/// What a container's configuration tells.
#[derive(Clone, Debug, Default)]
pub struct ContainerConfig {
    /// Fixed addresses, and the interfaces that have none.
    pub addresses: (Vec<InterfaceAddresses>, Vec<String>),
    pub os_name: String,
    pub template: String,
    pub oci: bool,
    /// Volume of the root filesystem.
    pub rootfs: String,
}

#[derive(Clone, Debug)]
pub enum GuestFacts {
    Vm(AgentFacts),
    Container(ContainerFacts),
}

/// One thing to ask about one guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Filesystems,
    ContainerConfig,
    Interfaces,
    Os,
    AgentVersion,
    /// A container's memory as its history has it, without the page cache.
    Memory,
}

/// What it takes to ask a guest agent.
const AGENT: Need = Need {
    capability: "guest agent",
    privilege: "VM.Monitor (PVE 8) or VM.GuestAgent.Audit (PVE 9)",
};

impl Question {
    const OF_VM: [Self; 4] = [
        Self::Filesystems,
        Self::Interfaces,
        Self::Os,
        Self::AgentVersion,
    ];
    const OF_CONTAINER: [Self; 3] = [Self::ContainerConfig, Self::Interfaces, Self::Memory];

    /// Milliseconds between two askings.
    const fn every(self, vm: bool) -> i64 {
        match self {
            Self::Filesystems | Self::Memory => 60_000,
            Self::Interfaces if vm => 300_000,
            Self::Interfaces => 600_000,
            Self::ContainerConfig | Self::Os | Self::AgentVersion => 1_800_000,
        }
    }
}

/// A guest whose details are wanted: running, and for VMs with the agent enabled.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub vmid: u32,
    pub vm: bool,
    pub node: String,
    pub uptime: u64,
    pub running: bool,
    /// The agent is off in the options.
    pub agent_disabled: bool,
    /// Its node did not list it this time: what is known stays, nothing is asked.
    pub held: bool,
}

/// A question whose turn it is.
#[derive(Debug)]
struct Turn {
    vmid: u32,
    vm: bool,
    node: String,
    question: Question,
    birth: u64,
}

#[derive(Debug, Default)]
struct State {
    guests: HashMap<u32, Entry>,
    births: u64,
}

/// The cache and its refreshing; cheap to clone.
#[derive(Clone, Debug)]
pub struct Details {
    state: Arc<Mutex<State>>,
    budget: Budget,
    gaps: Gaps,
    changed: Arc<Notify>,
}

/// Requests at a time for an instance, and for one of its nodes.
const AT_ONCE: usize = 8;
const AT_ONCE_PER_NODE: usize = 2;

/// The requests under way; dropping it abandons them.
#[derive(Default)]
struct Asking {
    per_node: HashMap<String, Arc<Semaphore>>,
    running: JoinSet<()>,
}

impl Asking {
    /// Sends what is due, as long as there are places.
    fn start_due(&mut self, details: &Details, client: &ClusterClient, clock: &Clock) {
        while self.running.try_join_next().is_some() {}
        while self.running.len() < AT_ONCE {
            let per_node = &self.per_node;
            let busy = |node: &str| {
                per_node
                    .get(node)
                    .is_some_and(|places| places.available_permits() == 0)
            };
            let Some(turn) = details.next(clock(), busy) else {
                return;
            };
            let place = self.place(&turn.node);
            let (details, client, clock) = (details.clone(), client.clone(), Arc::clone(clock));
            self.running.spawn(async move {
                details.ask(&client, turn, &clock).await;
                drop(place);
            });
        }
    }

    /// None cannot happen: the node was not busy.
    fn place(&mut self, node: &str) -> Option<OwnedSemaphorePermit> {
        let places = self
            .per_node
            .entry(node.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE_PER_NODE)));
        Arc::clone(places).try_acquire_owned().ok()
    }
}

impl Details {
    /// Draws from a budget that others share.
    pub(crate) fn new(budget: Budget, gaps: Gaps) -> Self {
        Self {
            state: Arc::default(),
            budget,
            gaps,
            changed: Arc::new(Notify::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn facts(&self, vmid: u32) -> Option<GuestFacts> {
        self.lock()
            .guests
            .get(&vmid)
            .map(|entry| entry.facts.clone())
    }

    /// Tells which guests are there; facts of others are dropped.
    pub(crate) fn want(&self, wanted: &[Wanted], now: Timestamp) {
        let mut state = self.lock();
        let mut old = std::mem::take(&mut state.guests);
        for want in wanted {
            let mut entry = match old.remove(&want.vmid) {
                Some(mut entry)
                    if entry.vm == want.vm
                        && (!want.vm || want.uptime.saturating_add(30) >= entry.uptime)
                        && entry.agent_disabled == want.agent_disabled =>
                {
                    entry.node.clone_from(&want.node);
                    entry.uptime = want.uptime;
                    entry.set_running(want.running, now);
                    entry
                }
                _ => {
                    state.births += 1;
                    Entry::new(want, state.births, now)
                }
            };
            entry.held = want.held;
            entry.forget_old(now);
            state.guests.insert(want.vmid, entry);
        }
        drop(state);
        self.budget.open();
        self.changed.notify_one();
    }

    /// Asks nothing until guests are wanted again. While a poll fails nothing is known of the
    /// guests, and a refused login must not be repeated for each of them.
    pub(crate) fn hold(&self) {
        self.budget.close();
    }

    /// Asks, forever. Drop the future to stop.
    pub(crate) async fn refresh(&self, client: ClusterClient, clock: Clock) {
        let mut asking = Asking::default();
        loop {
            asking.start_due(self, &client, &clock);
            let pause = tokio::time::sleep(std::time::Duration::from_millis(1000));
            tokio::select! {
                () = pause => {}
                () = self.changed.notified() => {}
                Some(_) = asking.running.join_next() => {}
            }
        }
    }

    /// Asks what is due as far as the budget goes, and returns when all of it is answered: for
    /// those who let time pass by hand.
    pub async fn settle(&self, client: &ClusterClient, clock: &Clock) {
        let mut asking = Asking::default();
        loop {
            asking.start_due(self, client, clock);
            if asking.running.join_next().await.is_none() {
                return;
            }
        }
    }

    /// The most overdue question that the budget and the node's places allow.
    fn next(&self, now: Timestamp, busy: impl Fn(&str) -> bool) -> Option<Turn> {
        let mut state = self.lock();
        let (vmid, question) = state
            .guests
            .iter()
            .filter(|(_, entry)| !entry.asking && !entry.held && !busy(&entry.node))
            .filter_map(|(vmid, entry)| {
                let (question, due) = entry
                    .due
                    .iter()
                    .filter(|(question, _)| entry.may_ask(*question))
                    .min_by_key(|(_, due)| *due)?;
                (*due <= now).then_some((*due, *question, *vmid))
            })
            .min()
            .map(|(_, question, vmid)| (vmid, question))?;
        if !self.budget.take(false, now) {
            return None;
        }
        let entry = state.guests.get_mut(&vmid)?;
        entry.asking = true;
        Some(Turn {
            vmid,
            vm: entry.vm,
            node: entry.node.clone(),
            question,
            birth: entry.birth,
        })
    }

    async fn ask(&self, client: &ClusterClient, turn: Turn, clock: &Clock) {
        let Turn {
            vmid,
            vm,
            node,
            question,
            birth,
        } = turn;
        let node = node.as_str();
        let answer = match (question, vm) {
            (Question::Filesystems, _) => client
                .agent_filesystems(node, vmid)
                .await
                .map(|list| Answer::Filesystems(agent::filesystems(list.items))),
            (Question::Interfaces, true) => client
                .agent_interfaces(node, vmid)
                .await
                .map(|list| Answer::Addresses(agent::vm_interfaces(list.items))),
            (Question::Interfaces, false) => client
                .container_interfaces(node, vmid)
                .await
                .map(|list| Answer::Addresses(agent::container_interfaces(list.items))),
            (Question::Os, _) => client
                .agent_os(node, vmid)
                .await
                .map(|os| Answer::Os(agent::os(&os))),
            (Question::AgentVersion, _) => client
                .agent_info(node, vmid)
                .await
                .map(|info| Answer::Version(info.version.unwrap_or_default().trim().to_owned())),
            (Question::ContainerConfig, _) => client
                .guest_config(GuestKind::Lxc, node, vmid, false)
                .await
                .map(|config| Answer::Container(agent::container_config(&config))),
            (Question::Memory, _) => client
                .guest_rrd(GuestKind::Lxc, node, vmid)
                .await
                .map(|points| Answer::Memory(memory_history(&points.items, clock()))),
        };
        let now = clock();
        let mut state = self.lock();
        if answer.as_ref().is_err_and(Error::is_auth) {
            self.budget.close();
        }
        let (mut refused, answered) = (None, answer.is_ok());
        // The guest may have been restarted or moved meanwhile: then this is another one's answer.
        if let Some(entry) = state
            .guests
            .get_mut(&vmid)
            .filter(|entry| entry.birth == birth)
        {
            entry.asking = false;
            match &answer {
                Ok(_) => entry.refused = false,
                Err(error) if vm && error.is_permission() => {
                    entry.refused = true;
                    refused = Some(error.status().unwrap_or(403));
                }
                Err(_) => {}
            }
            match answer {
                Ok(answer) => entry.answered(question, answer, now),
                Err(error) => entry.failed(question, agent::reason(&error), now),
            }
        }
        // Rights can differ from guest to guest.
        let others = || state.guests.values().any(|g| g.refused && g.node == node);
        if let Some(status) = refused {
            self.gaps.refused(node, AGENT, status, now);
        } else if vm && answered && !others() {
            self.gaps.granted(node, AGENT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(vmid: u32) -> Wanted {
        Wanted {
            vmid,
            vm: true,
            node: "pve1".into(),
            uptime: 100,
            running: true,
            agent_disabled: false,
            held: false,
        }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn filesystems_come_first_and_one_question_at_a_time() {
        let details = Details::new(Budget::new(50.0), Gaps::default());
        details.want(&[wanted(1), wanted(2)], at(0));
        let never = |_: &str| false;
        let first = details.next(at(1), never).unwrap();
        let second = details.next(at(1), never).unwrap();
        assert_eq!(
            (first.question, second.question),
            (Question::Filesystems, Question::Filesystems)
        );
        assert_ne!(first.vmid, second.vmid);
        // Both are being asked.
        assert!(details.next(at(1), never).is_none());
    }

    #[test]
    fn the_budget_bounds_the_requests() {
        let details = Details::new(Budget::new(50.0), Gaps::default());
        let many: Vec<_> = (1..=1000).map(wanted).collect();
        details.want(&many, at(0));
        let mut asked = 0;
        for second in 0..100 {
            while details.next(at(second), |_| false).is_some() {
                asked += 1;
            }
        }
        // The burst, and five a second.
        assert!((560..=580).contains(&asked), "{asked}");
    }

    #[test]
    fn a_silent_agent_is_left_alone_for_a_while_and_the_last_good_answer_stays() {
        let mut entry = Entry::new(&wanted(1), 1, at(0));
        let fs = vec![Filesystem::default()];
        entry.answered(Question::Filesystems, Answer::Filesystems(Ok(fs)), at(0));
        entry.failed(Question::Filesystems, Unknown::AgentTimeout, at(60));
        let GuestFacts::Vm(facts) = &entry.facts else {
            panic!()
        };
        assert!(facts.filesystems.is_ok());
        assert!(entry.due.iter().all(|(_, due)| *due >= at(180)));
        entry.failed(Question::Filesystems, Unknown::AgentTimeout, at(700));
        let GuestFacts::Vm(facts) = &entry.facts else {
            panic!()
        };
        assert_eq!(facts.filesystems, Err(Unknown::AgentTimeout));
    }

    #[test]
    fn a_restart_asks_everything_anew() {
        let details = Details::new(Budget::new(50.0), Gaps::default());
        details.want(&[wanted(1)], at(0));
        details.lock().guests.get_mut(&1).unwrap().answered(
            Question::Os,
            Answer::Os(("Debian".into(), "12".into())),
            at(1),
        );
        let restarted = Wanted {
            uptime: 5,
            ..wanted(1)
        };
        details.want(&[restarted], at(200));
        let Some(GuestFacts::Vm(facts)) = details.facts(1) else {
            panic!()
        };
        assert_eq!(facts.os_name, "");
    }

    #[test]
    fn a_disabled_agent_is_not_asked() {
        let details = Details::new(Budget::new(50.0), Gaps::default());
        details.want(
            &[Wanted {
                agent_disabled: true,
                ..wanted(1)
            }],
            at(0),
        );
        assert!(details.next(at(100), |_| false).is_none());
        let Some(GuestFacts::Vm(facts)) = details.facts(1) else {
            panic!()
        };
        assert_eq!(facts.filesystems, Err(Unknown::AgentDisabled));
    }
}
