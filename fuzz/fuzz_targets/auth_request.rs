//! Everything of a request that the authenticator reads before anybody is known: cookies,
//! credentials, query, forwarding headers, JSON bodies, and the texts that settings are made of.
#![no_main]

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use pulse_auth::lenient::Fields;
use pulse_auth::net::{Cidr, client_ip};
use pulse_auth::{Class, RequestFacts, tokens};
use pulse_store::{NodeRef, RawSystemSettings};

const HEADERS: [&str; 7] = [
    "cookie",
    "authorization",
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "host",
    "x-api-token",
];

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for (name, part) in HEADERS.into_iter().zip(data.split(|b| *b == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(part) {
            headers.append(name, value);
        }
    }
    let text = String::from_utf8_lossy(data);
    let facts = RequestFacts {
        method: &Method::POST,
        path: &text,
        query: Some(&text),
        headers: &headers,
        peer: IpAddr::from([127, 0, 0, 1]),
        tls: false,
    };
    let _ = facts.cookie("pulse_session");
    let _ = facts.bearer();
    let _ = facts.basic();
    let _ = facts.query_value("token");
    let _ = facts.is_direct_loopback();
    let _ = facts.is_https();
    let _ = Class::of(&facts);
    let loopback = Cidr::parse("127.0.0.0/8").into_iter().collect::<Vec<_>>();
    let _ = client_ip(&facts, &loopback);
    let _ = Cidr::parse_list(&text);
    let _ = NodeRef::parse(&text);
    if let Ok(fields) = Fields::parse(data) {
        let _ = fields.string("username");
        if let Ok(scopes) = fields.optional_strings("scopes") {
            let _ = tokens::requested_scopes(scopes);
        }
    }
    if let Ok(serde_json::Value::Object(change)) = serde_json::from_slice(data)
        && let Ok(raw) = RawSystemSettings::default().changed_by(&change)
    {
        // What was accepted holds.
        assert!(raw.resolve().is_ok());
    }
});
