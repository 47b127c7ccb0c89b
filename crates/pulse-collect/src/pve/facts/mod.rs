//! What is asked of an instance more seldom than its lists: disks, jobs, backups, upkeep.
//!
//! A list of questions, each with its own period ([`question`]); the poll tells what there is to
//! ask about ([`world`]), one task asks what is due within the instance's request budget
//! ([`agenda`], [`ask`]), and answers leave as facts. How a question fails decides what happens:
//! * refused (401, 403): a permission gap, asked again after 10 min;
//! * not offered (501, 404): there is nothing of it;
//! * anything else: what was known stays and gets older; asked again soon, then less often.

mod agenda;
mod ask;
mod ask_cluster;
mod backups;
mod ceph;
mod cluster;
mod disks;
mod jobs;
mod question;
mod upkeep;
mod world;

pub use agenda::{Facts, Topic};
pub(crate) use upkeep::{MemoryHistory, NEWEST_WITHIN_SECONDS, memory_history};
pub(crate) use world::{World, WorldGuest, WorldNode, WorldStorage};
