//! A simulated Proxmox datacenter: clusters of Proxmox VE 8.3 over real sockets, and host agents.
//!
//! Purpose: everything of Pulse that talks to Proxmox is tested, measured and demonstrated against
//! this crate, because no real cluster is at hand. The shapes, types and reason phrases are those
//! of recorded answers.
//!
//! - **Nothing runs by itself.** Every value is a pure function of seed, resource and time, counters
//!   included . No task ticks, nothing is stored, and the past can be asked as well.
//! - **Faults** are orders ([`Fault`], [`Order`]), given by a call or over HTTP, now or later.
//! - It fails like Proxmox does: an error is a status and a reason phrase.
//!
//! ```no_run
//! # async fn demo() -> std::io::Result<()> {
//! use pulse_sim::{Clock, Datacenter, Fault, Fleet, Tls};
//!
//! let sim = Datacenter::new(Fleet::M, 1, Clock::real());
//! let server = sim.serve(([127, 0, 0, 1], 0).into(), Tls::SelfSigned).await?;
//! println!("{} {} {}", server.urls[0], server.fingerprint, server.api_token.header());
//! let _ = sim.fault(Fault::NodeDown { node: "pve3".into() });
//! # Ok(()) }
//! ```
//!
//! # The program
//!
//! `pulse-sim --fleet L --port 8006 --seed 1` prints its addresses, fingerprints, an API token and
//! a login, all derived from the seed except the certificates. `--speed 60` lets a minute pass per
//! second, `--http` speaks plain HTTP, `--node-addresses` gives every node an address of its own
//! (127.100.0.1, 127.100.0.2, …) for endpoint failover, `--no-delays` answers 401 and silent guest
//! agents at once, `--agents N --server URL --token T` lets host agents report.
//!
//! # The control port
//!
//! Below `/_sim/` of every address, without authentication:
//!
//! | call | what it does |
//! |---|---|
//! | `POST /_sim/faults` | carries out one order or a list of them; answers `{"ids":[…]}` |
//! | `GET /_sim/faults` | lists orders and how far they got |
//! | `DELETE /_sim/faults` | ends bent answers, heals all nodes, forgets what was scheduled |
//! | `DELETE /_sim/faults/{id}` | ends one |
//! | `GET /_sim/requests` | requests, errors, bytes and microseconds per path template |
//! | `DELETE /_sim/requests` | starts counting anew |
//! | `GET /_sim/clock` | the simulated time, Unix milliseconds |
//! | `POST /_sim/clock` | `{"advance_seconds":60}` moves a manual clock |
//! | `GET /_sim/access` | tokens and login |
//!
//! An order is a fault with, if wanted, `cluster` (index, default 0; bent answers: all),
//! `in_seconds` and `for_seconds` (both simulated time):
//!
//! ```json
//! [{"fault":"node-down","node":"pve03","in_seconds":60,"for_seconds":600},
//!  {"fault":"migrate","vmid":104,"to":"pve02","in_seconds":90},
//!  {"fault":"answer","path":"/nodes/*/qemu/*/agent/*","effect":{"is":"hang"}},
//!  {"fault":"answer","path":"/cluster/resources","times":3,
//!   "effect":{"is":"status","code":595,"reason":"No route to host"}}]
//! ```
//!
//! | `fault` | fields |
//! |---|---|
//! | `node-down`, `node-refused`, `node-hang`, `node-up` | `node` |
//! | `power` | `vmid`, `state`: `running`, `stopped`, `paused` |
//! | `restart`, `reset-counters`, `delete-guest` | `vmid` |
//! | `migrate` | `vmid`, `to` |
//! | `create-guest` | `vmid`, `kind`: `qemu`, `lxc`; `node`, `name` |
//! | `lock` | `vmid`, `lock` (null removes it) |
//! | `agent` | `vmid`, `state`: `disabled`, `silent`, `answers` |
//! | `load` | `vmid`, `cpu`, `memory` (long-term means, 0–1) |
//! | `new-certificate` | `node` (all of the cluster if absent) |
//! | `answer` | `path` (`*` stands for any text), `effect`, `node`, `times` |
//!
//! | `effect.is` | what the client sees |
//! |---|---|
//! | `status` (`code`, `reason`) | that status line; no body for 401, 595, 596 |
//! | `unauthorized`, `forbidden` (`privilege`) | 401, 403 as Proxmox VE says them |
//! | `slow` (`ms`) | the right answer, late |
//! | `hang`, `drop` | no answer; the connection closed |
//! | `broken-json`, `html`, `empty`, `lying-types` | 200 with half a body, a web page, no data, other types |
//! | `huge-body` (`bytes`) | 200 with a body of that size |
//!
//! # What it does not do
//!
//! Writes are refused for lack of rights. Ceph is not set up, PBS and PMG are not served. The
//! certificates are ECDSA, self-signed and not those of a cluster CA.
#![forbid(unsafe_code)]

mod agents;
mod auth;
mod clock;
mod datacenter;
mod fault;
mod fleet;
mod flow;
mod generate;
mod guest;
mod json;
mod model;
mod names;
mod node;
mod noise;
mod pbs;
mod pmg;
mod pve;
mod reply;
mod requests;
mod server;
mod storage;
mod sync;

pub use agents::{AgentStats, HostAgents, HostFleet};
pub use auth::ApiToken;
pub use clock::{Clock, Millis};
pub use datacenter::{Datacenter, GuestInfo};
pub use fault::{
    AgentState, Answer, Effect, Fault, FaultError, FaultId, GuestKind, Order, PowerState, Status,
};
pub use fleet::{Fleet, FleetSpec};
pub use pbs::ServerFault;
pub use reply::Reply;
pub use requests::RequestCount;
pub use server::{Addresses, Appliance, NodeUrl, Product, SimServer, Tls};
