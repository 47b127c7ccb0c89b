//! Backup servers and mail gateways on sockets of their own.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::auth::ApiToken;
use crate::datacenter::Datacenter;
use crate::guest::uuid;
use crate::noise::mix;
use crate::pbs::{self, Ask, ServerFault};
use crate::pmg;
use crate::pve::pairs;
use crate::server::certificates::Certificate;
use crate::server::http::{Body, Hangup, fields};
use crate::server::listen::{Site, accept, acceptor};
use crate::sync::lock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    BackupServer,
    MailGateway,
}

/// What the control port tells and changes of an appliance.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub product: Product,
    pub name: String,
    pub url: String,
    pub fingerprint: String,
    pub user: String,
    pub token: Option<ApiToken>,
    pub fault: Arc<Mutex<ServerFault>>,
}

impl Known {
    pub(crate) fn json(&self) -> serde_json::Value {
        json!({
            "type": if self.product == Product::BackupServer { "pbs" } else { "pmg" },
            "name": self.name, "url": self.url, "fingerprint": self.fingerprint, "user": self.user,
            "token": self.token.as_ref().map(|t| json!({"id": t.id, "secret": t.secret})),
        })
    }
}

/// A running backup server or mail gateway; stops when it is dropped.
#[derive(Debug)]
pub struct Appliance {
    pub product: Product,
    /// `pbs1`, `pbs2`, … or `pmg1`.
    pub name: String,
    pub url: String,
    /// SHA-256 of the certificate, lower-case hex.
    pub fingerprint: String,
    /// A token that may audit everything. Mail gateways have none.
    pub api_token: Option<ApiToken>,
    pub user: String,
    pub password: String,
    fault: Arc<Mutex<ServerFault>>,
    task: AbortHandle,
}

impl Drop for Appliance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Appliance {
    /// Replaces what is wrong with the server; the default is nothing.
    pub fn break_with(&self, fault: ServerFault) {
        *lock(&self.fault) = fault;
    }
}

impl Datacenter {
    /// Starts the backup servers and the mail gateway, at this port and the following ones (0: any).
    pub async fn serve_appliances(&self, addr: SocketAddr) -> io::Result<Vec<Appliance>> {
        let servers = pbs::servers(self.clusters());
        let mut all = Vec::new();
        for place in 0..=servers {
            let port = if addr.port() == 0 {
                0
            } else {
                addr.port() + place as u16
            };
            let product = if place < servers {
                Product::BackupServer
            } else {
                Product::MailGateway
            };
            let at = SocketAddr::new(addr.ip(), port);
            all.push(self.serve_appliance(at, product, place).await?);
        }
        Ok(all)
    }

    async fn serve_appliance(
        &self,
        at: SocketAddr,
        product: Product,
        place: usize,
    ) -> io::Result<Appliance> {
        let listener = TcpListener::bind(at).await?;
        let bound = listener.local_addr()?;
        let certificate = Certificate::new(usize::MAX, None, bound.ip())?;
        let fingerprint = certificate.fingerprint().replace(':', "").to_lowercase();
        let key = mix(self.seed(), 0xA991 + place as u64);
        let (name, user) = match product {
            Product::BackupServer => (format!("pbs{}", place + 1), "monitor@pbs"),
            Product::MailGateway => ("pmg1".to_owned(), "monitor@pmg"),
        };
        let token = ApiToken {
            id: format!("{user}!pulse"),
            secret: uuid(mix(key, 1)),
        };
        let fault = Arc::new(Mutex::new(ServerFault::default()));
        let desk = Arc::new(Desk {
            sim: self.clone(),
            product,
            place,
            key,
            user,
            token: token.clone(),
            fault: Arc::clone(&fault),
        });
        let url = format!("https://{bound}");
        lock(&self.0.appliances).push(Known {
            product,
            name: name.clone(),
            url: url.clone(),
            fingerprint: fingerprint.clone(),
            user: user.to_owned(),
            token: (product == Product::BackupServer).then(|| token.clone()),
            fault: Arc::clone(&fault),
        });
        let task = tokio::spawn(accept(listener, Some(acceptor(certificate)?), desk));
        Ok(Appliance {
            product,
            name,
            url,
            fingerprint,
            api_token: (product == Product::BackupServer).then_some(token),
            user: user.to_owned(),
            password: self.password().to_owned(),
            fault,
            task: task.abort_handle(),
        })
    }
}

/// Answers for one appliance.
struct Desk {
    sim: Datacenter,
    product: Product,
    place: usize,
    key: u64,
    user: &'static str,
    token: ApiToken,
    fault: Arc<Mutex<ServerFault>>,
}

const TICKET_LIFE: i64 = 7_200;

impl Desk {
    fn product_word(&self) -> &'static str {
        match self.product {
            Product::BackupServer => "PBS",
            Product::MailGateway => "PMG",
        }
    }

    fn ticket(&self, seconds: i64) -> String {
        let sign = mix(mix(self.key, 5), seconds as u64);
        format!(
            "{}:{}:{seconds:08X}::{sign:016x}",
            self.product_word(),
            self.user
        )
    }

    fn is_valid(&self, ticket: &str) -> bool {
        let stamp = ticket.split(':').nth(2).unwrap_or_default();
        let now = self.sim.clock().now() / 1000;
        i64::from_str_radix(stamp, 16).is_ok_and(|made| {
            (-300..TICKET_LIFE).contains(&(now - made)) && ticket == self.ticket(made)
        })
    }

    fn knows(&self, request: &Request<Incoming>) -> bool {
        let header = |name: http::HeaderName| {
            let value = request.headers().get(name)?;
            value.to_str().ok()
        };
        let word = self.product_word();
        if self.product == Product::BackupServer
            && let Some(token) = header(AUTHORIZATION)
        {
            let given = token
                .strip_prefix("PBSAPIToken")
                .map(|t| t.trim_start_matches(['=', ' ']));
            return given.and_then(|t| t.rsplit_once(':'))
                == Some((self.token.id.as_str(), self.token.secret.as_str()));
        }
        let cookie = format!("{word}AuthCookie=");
        header(COOKIE).is_some_and(|cookies| {
            cookies
                .split(';')
                .filter_map(|part| part.trim().strip_prefix(cookie.as_str()))
                .any(|ticket| self.is_valid(&crate::pve::decode(&ticket.replace('+', "%2B"))))
        })
    }

    async fn log_in(&self, request: Request<Incoming>) -> (u16, Vec<u8>) {
        let Ok(fields) = fields(request).await else {
            return (400, b"unable to read body".to_vec());
        };
        let field = |name: &str| {
            fields
                .iter()
                .find(|(k, _)| k == name)
                .map(|(_, v)| v.as_str())
        };
        let user = match (field("username"), field("realm")) {
            (Some(name), Some(realm)) => format!("{name}@{realm}"),
            (Some(name), None) => name.to_owned(),
            (None, _) => String::new(),
        };
        if user != self.user || field("password") != Some(self.sim.password()) {
            return (401, b"permission check failed.".to_vec());
        }
        let ticket = self.ticket(self.sim.clock().now() / 1000);
        let csrf = format!("{:016x}", mix(self.key, 9));
        let body =
            json!({"data": {"username": user, "ticket": ticket, "CSRFPreventionToken": csrf}});
        (200, body.to_string().into_bytes())
    }

    async fn reply(&self, request: Request<Incoming>, path: &str, offline: bool) -> (u16, Vec<u8>) {
        if request.method() == http::Method::POST && path == "/access/ticket" {
            return self.log_in(request).await;
        }
        if !self.knows(&request) {
            return (401, b"authentication failed - invalid credentials".to_vec());
        }
        let query = pairs(request.uri().query().unwrap_or_default());
        match self.product {
            Product::BackupServer => Ask {
                sim: &self.sim,
                server: self.place,
                path,
                query: &query,
                offline,
            }
            .answer(),
            Product::MailGateway => pmg::answer(&self.sim, path, &query),
        }
    }
}

impl Site for Desk {
    fn refuses(&self) -> bool {
        self.sim.settle();
        lock(&self.fault).down
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Hangup> {
        let fault = lock(&self.fault).clone();
        if fault.down {
            return Err(Hangup);
        }
        if fault.slow_ms > 0 {
            tokio::time::sleep(Duration::from_millis(fault.slow_ms)).await;
        }
        let path = request.uri().path();
        let path = path.strip_prefix("/api2/json").unwrap_or(path).to_owned();
        let (status, body) = match fault.status {
            Some(status) => (status, b"refused by order".to_vec()),
            None => self.reply(request, &path, fault.offline).await,
        };
        let mut response = Response::new(Full::new(Bytes::from(body)).boxed());
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json;charset=UTF-8"),
        );
        Ok(response)
    }
}
