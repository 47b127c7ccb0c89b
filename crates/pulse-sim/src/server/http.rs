//! One HTTP request: who asks, what is asked, and whether a fault bends the answer.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;

use crate::datacenter::Datacenter;
use crate::fault::Effect;
use crate::pve::{Method, Reject, pairs};
use crate::reply::Reply;
use crate::server::{bend, control};

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(crate) struct Hangup;

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the simulation hung up")
    }
}

impl std::error::Error for Hangup {}

/// One listening address.
#[derive(Debug)]
pub(crate) struct Server {
    pub datacenter: Datacenter,
    pub cluster: usize,
    /// The node that answers; the first where one address speaks for the cluster.
    pub node: usize,
    /// Speaks for that node alone.
    pub alone: bool,
}

impl Server {
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Hangup> {
        if request.uri().path().starts_with("/_sim/") {
            return Ok(control::answer(&self.datacenter, request).await);
        }
        // Open connections end with the node or its proxy.
        if self.refuses() {
            return Err(Hangup);
        }
        if self.hangs() {
            std::future::pending::<()>().await;
        }
        let begun = Instant::now();
        let uri = request.uri().clone();
        let Some((path, wrapped)) = api_path(uri.path()) else {
            return Ok(page());
        };
        let path = path.to_owned();
        let method = match *request.method() {
            http::Method::GET => Method::Get,
            http::Method::POST => Method::Post,
            http::Method::PUT => Method::Put,
            http::Method::DELETE => Method::Delete,
            _ => {
                return Ok(respond(Reply::not_implemented(
                    request.method().as_str(),
                    &path,
                )));
            }
        };
        let node = &self.datacenter.0.clusters[self.cluster].nodes[self.node].name;
        let effect = self
            .datacenter
            .0
            .faults
            .effect_on(self.cluster, node, &path);
        let replaced = effect.as_ref().and_then(|e| bend::replacement(e, &path));
        let mut reply = match replaced {
            Some(reply) => reply,
            None => self.reply(request, method, &path, uri.query()).await,
        };
        let micros = begun.elapsed().as_micros() as u64;
        let delays = &self.datacenter.0.spec;
        let clock = &self.datacenter.0.clock;
        if reply.status == 401 {
            pause(clock.real_span(delays.auth_delay)).await;
        } else if reply.after_agent_wait {
            pause(clock.real_span(delays.agent_delay)).await;
        }
        if let Some(effect) = &effect {
            if matches!(effect, Effect::Hang | Effect::Drop) {
                let log = &self.datacenter.0.requests;
                log.note(method.word(), &path, false, 0, micros);
            }
            reply = bend::bend(effect, reply).await?;
        }
        self.datacenter.0.requests.note(
            method.word(),
            &path,
            reply.status < 400,
            reply.body.len(),
            micros,
        );
        if let Some(bytes) = effect.as_ref().and_then(bend::huge) {
            return Ok(bend::huge_response(bytes));
        }
        Ok(if wrapped {
            respond(extjs(reply))
        } else {
            respond(reply)
        })
    }

    async fn reply(
        &self,
        request: Request<Incoming>,
        method: Method,
        path: &str,
        query: Option<&str>,
    ) -> Reply {
        let now = self.datacenter.0.clock.now();
        let auth = &self.datacenter.0.auth;
        if method == Method::Post && path == "/access/ticket" {
            let name = self.datacenter.cluster_name(self.cluster);
            let fields = match fields(request).await {
                Ok(fields) => fields,
                Err(reply) => return reply,
            };
            return auth
                .login(&fields, name, now)
                .unwrap_or_else(Reject::into_reply);
        }
        let headers = request.headers();
        let who = auth.check(
            text(headers, AUTHORIZATION.as_str()),
            text(headers, COOKIE.as_str()),
            text(headers, "csrfpreventiontoken"),
            method,
            now,
        );
        match who {
            Err(reject) => reject.into_reply(),
            Ok(who) => {
                let asked = match query {
                    Some(query) => format!("{path}?{query}"),
                    None => path.to_owned(),
                };
                self.datacenter
                    .ask(self.cluster, self.node, method, &asked, who.rights)
            }
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// The path below `/api2/json` or `/api2/extjs`, and whether it is the latter.
fn api_path(path: &str) -> Option<(&str, bool)> {
    let (rest, wrapped) = match path.strip_prefix("/api2/json") {
        Some(rest) => (rest, false),
        None => (path.strip_prefix("/api2/extjs")?, true),
    };
    (rest.is_empty() || rest.starts_with('/')).then_some((rest, wrapped))
}

/// Form or JSON fields of a login.
pub(crate) async fn fields(request: Request<Incoming>) -> Result<Vec<(String, String)>, Reply> {
    let json = text(request.headers(), CONTENT_TYPE.as_str())
        .is_some_and(|t| t.starts_with("application/json"));
    let body = Limited::new(request.into_body(), 64 * 1024)
        .collect()
        .await
        .map_err(|_| Reply::error(400, "unable to read body"))?
        .to_bytes();
    let text = String::from_utf8_lossy(&body);
    if !json {
        return Ok(pairs(&text));
    }
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|_| Reply::error(400, "malformed JSON string"))?;
    Ok(fields
        .into_iter()
        .map(|(k, v)| {
            (
                k,
                v.as_str().map_or_else(|| v.to_string(), ToOwned::to_owned),
            )
        })
        .collect())
}

/// As `/api2/extjs` has it: always 200, the error in the body.
fn extjs(reply: Reply) -> Reply {
    let mut body = reply.json();
    if !body.is_object() {
        return reply;
    }
    body["success"] = u8::from(reply.status < 400).into();
    if reply.status >= 400 {
        body["status"] = reply.status.into();
        body["message"] = format!("{}\n", reply.reason).into();
    }
    Reply::ok(body.to_string().into_bytes())
}

pub(crate) fn respond(reply: Reply) -> Response<Body> {
    let empty = reply.body.is_empty();
    let mut response = Response::new(if empty {
        Empty::new().boxed()
    } else {
        Full::new(reply.body).boxed()
    });
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(reason) = ReasonPhrase::try_from(reply.reason.into_bytes()) {
        response.extensions_mut().insert(reason);
    }
    let headers = response.headers_mut();
    headers.insert("server", HeaderValue::from_static("pve-api-daemon/3.0"));
    headers.insert("cache-control", HeaderValue::from_static("max-age=0"));
    headers.insert("pragma", HeaderValue::from_static("no-cache"));
    if !empty {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json;charset=UTF-8"),
        );
    }
    if reply.status >= 400 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The web interface, as far as it goes here.
fn page() -> Response<Body> {
    let html = "<!DOCTYPE html><html><head><title>Proxmox Virtual Environment</title></head><body>simulated</body></html>";
    let mut response = Response::new(Full::new(Bytes::from_static(html.as_bytes())).boxed());
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    response
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}
