//! The task that owns the inventory, and the handle that others talk to it through.

use std::sync::Arc;
use std::time::Duration;

use pulse_core::{InstanceKind, Snapshot, SourceReport, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use crate::inventory::{Applied, Inventory};

/// Is told of every applied report, in order, on the inventory's task. Must not block.
pub trait Observer: Send + 'static {
    fn applied(&mut self, applied: &Applied);
}

impl<F: FnMut(&Applied) + Send + 'static> Observer for F {
    fn applied(&mut self, applied: &Applied) {
        self(applied);
    }
}

enum Command {
    Apply(Box<SourceReport>, Option<oneshot::Sender<()>>),
    AddInstance(String, InstanceKind, bool),
    RemoveInstance(InstanceKind, String, oneshot::Sender<()>),
    RemoveHost(String, oneshot::Sender<bool>),
    UnlinkHost(String, oneshot::Sender<bool>),
    ForgetDemo(oneshot::Sender<()>),
}

/// Talks to the inventory's task. Cheap to clone; the task ends when the last handle is dropped.
#[derive(Clone)]
pub struct InventoryHandle {
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// Reports that wait while the inventory works; senders wait beyond it.
const QUEUE: usize = 256;
const TICK: Duration = Duration::from_secs(5);

/// Starts the inventory's task.
pub fn spawn(
    clock: impl Fn() -> Timestamp + Send + 'static,
    mut observer: impl Observer,
) -> InventoryHandle {
    let (commands, mut inbox) = mpsc::channel(QUEUE);
    let mut inventory = Inventory::default();
    let (publish, snapshots) = watch::channel(inventory.snapshot());
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut acknowledge = Vec::new();
            tokio::select! {
                command = inbox.recv() => {
                    let Some(command) = command else { break };
                    run(&mut inventory, command, &mut observer, &mut acknowledge);
                    // A burst becomes one version, but a steady stream must not keep readers waiting.
                    for _ in 0..QUEUE {
                        let Ok(command) = inbox.try_recv() else { break };
                        run(&mut inventory, command, &mut observer, &mut acknowledge);
                    }
                }
                _ = ticks.tick() => inventory.tick(clock()),
            }
            let snapshot = inventory.snapshot();
            publish.send_if_modified(|current| {
                let newer = current.version != snapshot.version;
                if newer {
                    *current = snapshot;
                }
                newer
            });
            for done in acknowledge {
                done();
            }
        }
    });
    InventoryHandle {
        commands,
        snapshots,
    }
}

type Done = Box<dyn FnOnce() + Send>;

fn run(
    inventory: &mut Inventory,
    command: Command,
    observer: &mut impl Observer,
    acknowledge: &mut Vec<Done>,
) {
    fn reply<T: Send + 'static>(to: oneshot::Sender<T>, value: T) -> Done {
        Box::new(move || {
            // The caller may have gone away; the change stands.
            let _ = to.send(value);
        })
    }
    match command {
        Command::Apply(report, done) => {
            let applied = inventory.apply(*report);
            observer.applied(&applied);
            if let Some(done) = done {
                acknowledge.push(reply(done, ()));
            }
        }
        Command::AddInstance(name, kind, demo) => inventory.add_instance(&name, kind, demo),
        Command::RemoveInstance(kind, name, done) => {
            inventory.remove_instance(kind, &name);
            acknowledge.push(reply(done, ()));
        }
        Command::RemoveHost(id, done) => {
            let removed = inventory.remove_host(&id);
            acknowledge.push(reply(done, removed));
        }
        Command::UnlinkHost(id, done) => {
            let unlinked = inventory.unlink_host(&id);
            acknowledge.push(reply(done, unlinked));
        }
        Command::ForgetDemo(done) => {
            inventory.forget_demo();
            acknowledge.push(reply(done, ()));
        }
    }
}

impl InventoryHandle {
    /// Hands a report over; waits only while the queue is full.
    pub async fn report(&self, report: SourceReport) {
        let _ = self
            .commands
            .send(Command::Apply(Box::new(report), None))
            .await;
    }

    /// Hands a report over and waits until a snapshot contains it.
    pub async fn report_and_wait(&self, report: SourceReport) {
        let (done, wait) = oneshot::channel();
        let _ = self
            .commands
            .send(Command::Apply(Box::new(report), Some(done)))
            .await;
        let _ = wait.await;
    }

    pub async fn add_instance(&self, name: &str, kind: InstanceKind, demo: bool) {
        let _ = self
            .commands
            .send(Command::AddInstance(name.to_owned(), kind, demo))
            .await;
    }

    /// Removes an instance; on return no snapshot shows it any more.
    pub async fn remove_instance(&self, kind: InstanceKind, name: &str) {
        let (done, wait) = oneshot::channel();
        let _ = self
            .commands
            .send(Command::RemoveInstance(kind, name.to_owned(), done))
            .await;
        let _ = wait.await;
    }

    /// Removes a host; tells whether it was known.
    pub async fn remove_host(&self, id: &str) -> bool {
        let (done, wait) = oneshot::channel();
        let _ = self
            .commands
            .send(Command::RemoveHost(id.to_owned(), done))
            .await;
        wait.await.unwrap_or(false)
    }

    /// Unlinks a host from its node; false when it is unknown or not linked.
    pub async fn unlink_host(&self, id: &str) -> bool {
        let (done, wait) = oneshot::channel();
        let _ = self
            .commands
            .send(Command::UnlinkHost(id.to_owned(), done))
            .await;
        wait.await.unwrap_or(false)
    }

    /// Removes all demo data.
    pub async fn forget_demo(&self) {
        let (done, wait) = oneshot::channel();
        let _ = self.commands.send(Command::ForgetDemo(done)).await;
        let _ = wait.await;
    }

    /// The latest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Follows the snapshots; intermediate versions may be skipped.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }
}
