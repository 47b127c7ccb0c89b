//! What is known of one guest, and when it is asked what.

use pulse_core::{Filesystem, InterfaceAddresses, Timestamp, Unknown};

use super::{AgentFacts, ContainerConfig, ContainerFacts, GuestFacts, Question, Wanted};
use crate::pve::facts::MemoryHistory;

const KEEP_FILESYSTEMS_MS: i64 = 600_000;
const RETRY_MS: i64 = 120_000;
const SLOWEST_RETRY_MS: i64 = 900_000;
/// An agent that refuses to name its system this often is not asked again until the VM restarts.
const GIVE_UP_OS: u32 = 3;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) vm: bool,
    pub(super) node: String,
    pub(super) uptime: u64,
    pub(super) facts: GuestFacts,
    pub(super) due: Vec<(Question, Timestamp)>,
    pub(super) failures: u32,
    pub(super) os_failures: u32,
    /// Its agent may not be asked.
    pub(super) refused: bool,
    pub(super) asking: bool,
    pub(super) agent_disabled: bool,
    pub(super) filesystems_seen: Option<Timestamp>,
    /// Tells this entry from later ones of the same guest.
    pub(super) birth: u64,
    /// Nothing is to be asked now.
    pub(super) held: bool,
    pub(super) running: bool,
}

pub(super) enum Answer {
    Filesystems(Result<Vec<Filesystem>, Unknown>),
    Addresses((Vec<InterfaceAddresses>, Vec<String>)),
    Os((String, String)),
    Version(String),
    Container(ContainerConfig),
    Memory(Option<MemoryHistory>),
}

/// A version that records nothing of use is asked again this much later: it may be upgraded.
const NO_HISTORY_MS: i64 = 3_600_000;

impl Entry {
    pub(super) fn new(want: &Wanted, birth: u64, now: Timestamp) -> Self {
        let facts = if want.vm {
            GuestFacts::Vm(AgentFacts {
                filesystems: Err(if want.agent_disabled {
                    Unknown::AgentDisabled
                } else {
                    Unknown::NotReported
                }),
                ..AgentFacts::default()
            })
        } else {
            GuestFacts::Container(ContainerFacts::default())
        };
        let questions: &[Question] = match (want.vm, want.agent_disabled) {
            (true, true) => &[],
            (true, false) => &Question::OF_VM,
            (false, _) => &Question::OF_CONTAINER,
        };
        // The first askings of many guests are spread by their order of importance.
        let due = questions
            .iter()
            .enumerate()
            .map(|(rank, question)| (*question, now.plus_millis(rank as i64)))
            .collect();
        Self {
            vm: want.vm,
            node: want.node.clone(),
            uptime: want.uptime,
            facts,
            due,
            failures: 0,
            os_failures: 0,
            refused: false,
            asking: false,
            filesystems_seen: None,
            agent_disabled: want.agent_disabled,
            birth,
            held: false,
            running: want.running,
        }
    }

    /// The addresses of a container that stops are gone; one that starts is asked at once.
    pub(super) fn set_running(&mut self, running: bool, now: Timestamp) {
        if self.running == running {
            return;
        }
        self.running = running;
        if let GuestFacts::Container(facts) = &mut self.facts {
            facts.live = Default::default();
            facts.memory = None;
        }
        self.set_due(Question::Interfaces, now);
    }

    /// Whether a question makes sense now.
    pub(super) fn may_ask(&self, question: Question) -> bool {
        self.running || question == Question::ContainerConfig
    }

    /// Filesystems that nobody could ask about for long are not shown any more.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        let old = self
            .filesystems_seen
            .is_some_and(|seen| now.since(seen) >= KEEP_FILESYSTEMS_MS);
        if let GuestFacts::Vm(facts) = &mut self.facts
            && self.held
            && old
        {
            facts.filesystems = Err(Unknown::NoStatus);
        }
    }

    pub(super) fn answered(&mut self, question: Question, answer: Answer, now: Timestamp) {
        self.failures = 0;
        self.set_due(question, now.plus_millis(question.every(self.vm)));
        match (&mut self.facts, answer) {
            (GuestFacts::Vm(facts), answer) => {
                facts.seen = Some(now);
                match answer {
                    Answer::Filesystems(list) => {
                        if list.is_ok() {
                            self.filesystems_seen = Some(now);
                        }
                        facts.filesystems = list;
                    }
                    Answer::Addresses(addresses) => facts.addresses = addresses,
                    Answer::Os((name, version)) => {
                        facts.os_name = name;
                        facts.os_version = version;
                    }
                    Answer::Version(version) => facts.version = version,
                    Answer::Container(..) | Answer::Memory(..) => {}
                }
            }
            (GuestFacts::Container(facts), Answer::Addresses(addresses)) => {
                facts.live = addresses;
            }
            (GuestFacts::Container(facts), Answer::Container(config)) => {
                // Once known to be an OCI container, always one.
                let oci = facts.config.oci || config.oci;
                facts.config = ContainerConfig { oci, ..config };
            }
            (GuestFacts::Container(facts), Answer::Memory(memory)) => {
                facts.memory = memory;
                if memory.is_none() {
                    self.set_due(question, now.plus_millis(NO_HISTORY_MS));
                }
            }
            (GuestFacts::Container(_), _) => {}
        }
    }

    pub(super) fn failed(&mut self, question: Question, why: Unknown, now: Timestamp) {
        self.failures += 1;
        let wait = (RETRY_MS << (self.failures - 1).min(3)).min(SLOWEST_RETRY_MS);
        if let GuestFacts::Vm(facts) = &mut self.facts
            && question == Question::Filesystems
        {
            let kept = self
                .filesystems_seen
                .is_some_and(|seen| now.since(seen) < KEEP_FILESYSTEMS_MS);
            if !(kept && why == Unknown::AgentTimeout) {
                facts.filesystems = Err(why);
            }
        }
        if question == Question::Os {
            self.os_failures += 1;
            if self.os_failures >= GIVE_UP_OS {
                self.due.retain(|(q, _)| *q != Question::Os);
                return;
            }
        }
        // An agent that is silent is silent for every question.
        if self.vm
            && matches!(
                why,
                Unknown::AgentDisabled
                    | Unknown::AgentNotRunning
                    | Unknown::AgentTimeout
                    | Unknown::PermissionDenied
            )
        {
            for (_, due) in &mut self.due {
                *due = (*due).max(now.plus_millis(wait));
            }
        }
        self.set_due(question, now.plus_millis(wait));
    }

    pub(super) fn set_due(&mut self, question: Question, at: Timestamp) {
        if let Some((_, due)) = self.due.iter_mut().find(|(q, _)| *q == question) {
            *due = at;
        }
    }
}
