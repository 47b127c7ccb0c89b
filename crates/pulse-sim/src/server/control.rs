//! The control port: faults, request counts and the clock, below `/_sim/` of every address.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::datacenter::Datacenter;
use crate::fault::Order;
use crate::pbs::ServerFault;
use crate::server::Known;
use crate::server::http::Body;
use crate::sync::lock;

#[derive(Deserialize)]
#[serde(untagged)]
enum Orders {
    One(Box<Order>),
    Many(Vec<Order>),
}

pub(crate) async fn answer(datacenter: &Datacenter, request: Request<Incoming>) -> Response<Body> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let body = Limited::new(request.into_body(), 1 << 20).collect().await;
    let Ok(body) = body else {
        return respond(
            StatusCode::PAYLOAD_TOO_LARGE,
            &json!({"error": "body too large"}),
        );
    };
    let (status, value) = handle(datacenter, &method, &path, &body.to_bytes());
    respond(status, &value)
}

fn handle(sim: &Datacenter, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
    sim.settle();
    match (method, path.trim_start_matches("/_sim/")) {
        (&Method::POST, "faults") => order(sim, body),
        (&Method::GET, "faults") => (StatusCode::OK, json!(sim.0.faults.list())),
        (&Method::DELETE, "faults") => {
            sim.heal();
            (StatusCode::OK, json!({"healed": true}))
        }
        (&Method::DELETE, path) if path.starts_with("faults/") => {
            let id = path["faults/".len()..].parse();
            let ended = id.is_ok_and(|id| sim.0.faults.cancel(&sim.0, id));
            let status = if ended {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            (status, json!({"ended": ended}))
        }
        (&Method::GET, "requests") => {
            let counts = sim.requests();
            let total: u64 = counts.iter().map(|c| c.count).sum();
            (StatusCode::OK, json!({"total": total, "requests": counts}))
        }
        (&Method::DELETE, "requests") => {
            sim.reset_requests();
            (StatusCode::OK, json!({"total": 0}))
        }
        (&Method::GET, "clock") => (StatusCode::OK, json!({"now": sim.clock().now()})),
        (&Method::POST, "clock") => {
            let seconds = serde_json::from_slice::<Value>(body)
                .ok()
                .and_then(|v| v["advance_seconds"].as_f64())
                .unwrap_or(0.0);
            sim.clock()
                .advance(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)));
            (StatusCode::OK, json!({"now": sim.clock().now()}))
        }
        (&Method::GET, "access") => (
            StatusCode::OK,
            json!({
                "token": {"id": sim.api_token().id, "secret": sim.api_token().secret},
                "auditor": {"id": sim.auditor_token().id, "secret": sim.auditor_token().secret},
                "noacl": {"id": sim.no_acl_token().id, "secret": sim.no_acl_token().secret},
                "user": sim.user(),
                "password": sim.password(),
                "appliances": lock(&sim.0.appliances).iter().map(Known::json).collect::<Vec<_>>(),
            }),
        ),
        (&Method::POST, path) if path.starts_with("appliances/") => {
            let name = &path["appliances/".len()..];
            match serde_json::from_slice::<ServerFault>(body) {
                Err(error) => (StatusCode::BAD_REQUEST, json!({"error": error.to_string()})),
                Ok(fault) => {
                    let known = lock(&sim.0.appliances);
                    let Some(one) = known.iter().find(|a| a.name == name) else {
                        return (
                            StatusCode::NOT_FOUND,
                            json!({"error": "no such backup server or mail gateway"}),
                        );
                    };
                    *lock(&one.fault) = fault;
                    (StatusCode::OK, json!({"name": name}))
                }
            }
        }
        _ => (
            StatusCode::NOT_FOUND,
            json!({"error": "unknown control path"}),
        ),
    }
}

fn order(sim: &Datacenter, body: &[u8]) -> (StatusCode, Value) {
    let orders = match serde_json::from_slice(body) {
        Ok(Orders::One(order)) => vec![*order],
        Ok(Orders::Many(orders)) => orders,
        Err(_) => {
            // The untagged form hides what is wrong; the plain one says it.
            let error = serde_json::from_slice::<Order>(body).err();
            let error = error.map_or_else(|| "not understood".into(), |e| e.to_string());
            return (StatusCode::BAD_REQUEST, json!({"error": error}));
        }
    };
    let mut ids = Vec::new();
    for order in orders {
        match sim.order(order) {
            Ok(id) => ids.push(id),
            Err(error) => {
                let body = json!({"error": error.to_string(), "ids": ids});
                return (StatusCode::BAD_REQUEST, body);
            }
        }
    }
    (StatusCode::OK, json!({"ids": ids}))
}

fn respond(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    response
}
