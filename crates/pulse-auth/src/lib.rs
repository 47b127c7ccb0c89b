//! Who is asking, and may they.
//!
//! [`Auth`] is the one handle: the server asks it to limit and gate each request
//! ([`Auth::limit_request`], [`Auth::gate`]) and lets its security handlers call the flows
//! ([`Auth::login`], [`Auth::quick_setup`] …), which take a request and give an [`Answer`].
//! [`policy`] has the vocabulary of the route table.
//!
//! Until set-up is finished nothing is authenticated; only public routes and the wizard work.
//! Everything that grows with what strangers send has a cap: sessions, lockouts, rate windows,
//! cached credentials, password checks in flight.

mod account;
mod answer;
mod auth;
mod authenticate;
mod basic_cache;
mod bootstrap;
mod clock;
pub mod cookies;
mod denied;
mod env;
pub mod facts;
mod flows;
mod gate;
pub mod lenient;
mod limiter;
mod lockout;
pub mod net;
pub mod password;
pub mod policy;
mod principal;
mod proxy;
mod random;
mod recovery_mode;
mod sessions;
mod sync;
pub mod tokens;
mod watch;

pub use account::Account;
pub use answer::{Answer, Body};
pub use auth::{Auth, AuthError, OidcState, SetupState};
pub use bootstrap::Bootstrap;
pub use clock::{Clock, ManualClock, SystemClock};
pub use denied::{Denied, UPGRADE_URL};
pub use env::{AuthEnv, ProxyConfig};
pub use facts::RequestFacts;
pub use flows::{SecurityStatus, StatusContext, issue_recovery_token};
pub use gate::Admission;
pub use limiter::{Class, RateLimiter};
pub use lockout::{Failure, LockoutTable};
pub use policy::{Access, Feature, Licence, RouteRule, Scope, authorize, check_licence};
pub use principal::{AuthMethod, Grant, Principal, ScopeSet};
pub use proxy::ProxyIdentity;
pub use sessions::SessionKind;
