//! `GET /api/push/setup`: what to enter in Proxmox, word for word.

use axum::extract::{Request, State};
use pulse_collect::InstanceKey;
use pulse_core::InstanceKind;
use pulse_wire::time::rfc3339_or_never;
use serde_json::{Value, json};

use super::routes::LARGEST_WRITE;
use crate::app::{App, now};
use crate::http::{Reply, json as json_body};

/// The body that the webhook target sends. `escape` makes a text safe inside JSON, `json` prints
/// an object.
const TEMPLATE: &str = r#"{"title":"{{ escape title }}","message":"{{ escape message }}","severity":"{{ severity }}","timestamp":"{{ timestamp }}","fields":{{ json fields }}}"#;

/// What stands in the lines where the token belongs.
const TOKEN: &str = "TOKEN";

/// Single quotes for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// `GET /api/push/setup`
pub async fn setup(State(app): State<App>, request: Request) -> Reply {
    let base = base_url(&app, &request);
    let keys: Vec<InstanceKey> = app
        .runner
        .keys()
        .into_iter()
        .filter(|key| !crate::demo::is_demo_id(&key.name))
        .collect();
    Ok(json_body(&document(&app, &base, &keys)))
}

fn document(app: &App, base: &str, keys: &[InstanceKey]) -> Value {
    let metrics: Vec<Value> = keys
        .iter()
        .filter(|key| key.kind == InstanceKind::Pve)
        .map(|key| metric_server(base, &key.name))
        .collect();
    let webhooks: Vec<Value> = keys
        .iter()
        .filter(|key| key.kind != InstanceKind::Pmg)
        .map(|key| webhook(base, key))
        .collect();
    json!({
        "generatedAt": rfc3339_or_never(Some(now())),
        "baseURL": base,
        "token": {
            "placeholder": TOKEN,
            "scope": pulse_auth::Scope::PushReport.as_str(),
            "hint": "make an API token with this scope only and put it in the place of the placeholder",
        },
        "metricServers": metrics,
        "webhooks": webhooks,
        "bodyTemplate": TEMPLATE,
        "listeners": {
            "influxUDP": app.config.push_influx.map(|address| address.to_string()),
            "graphite": app.config.push_graphite.map(|address| address.to_string()),
            "hint": "without a login: off unless PULSE_PUSH_INFLUX or PULSE_PUSH_GRAPHITE names an address",
        },
    })
}

/// Host, port and whether it is TLS.
fn parts(base: &str) -> (String, u16, &'static str) {
    let url = url::Url::parse(base).ok();
    let tls = base.starts_with("https:");
    let host = url.as_ref().and_then(url::Url::host_str).unwrap_or("pulse");
    let port = url.as_ref().and_then(url::Url::port_or_known_default);
    let scheme = if tls { "https" } else { "http" };
    (host.to_owned(), port.unwrap_or(7655), scheme)
}

fn metric_server(base: &str, instance: &str) -> Value {
    let (host, port, scheme) = parts(base);
    let path = url::Url::parse(base).map(|url| url.path().trim_matches('/').to_owned());
    let prefix = match path {
        Ok(path) if !path.is_empty() => format!("{path}/api/push/influx"),
        _ => "api/push/influx".to_owned(),
    };
    let bucket = encoded(instance);
    let command = format!(
        "pvesh create /cluster/metrics/server/pulse --type influxdb --server {} --port {port} --influxdbproto {scheme} --api-path-prefix {} --organization proxmox --bucket {} --max-body-size {LARGEST_WRITE} --token {TOKEN}",
        quoted(&host),
        quoted(&prefix),
        quoted(&bucket),
    );
    let field = |name: &str, value: &str| json!({"field": name, "value": value});
    json!({
        "instance": instance,
        "commands": [command],
        "gui": {
            "path": "Datacenter → Metric Server → Add → InfluxDB",
            "fields": [
                field("Name", "pulse"),
                field("Server", &host),
                field("Port", &port.to_string()),
                field("Protocol", &scheme.to_uppercase()),
                field("Organization", "proxmox"),
                field("Bucket", &bucket),
                field("Token", TOKEN),
                field("API Path Prefix", &prefix),
                field("Batch Size (b)", &LARGEST_WRITE.to_string()),
            ],
        },
    })
}

fn webhook(base: &str, key: &InstanceKey) -> Value {
    let kind = key.kind.as_str();
    let url = format!(
        "{}/api/push/events?source={kind}&instance={}",
        base.trim_end_matches('/'),
        encoded(&key.name)
    );
    let encode = |text: &str| format!("\"$(printf %s {} | base64 -w0)\"", quoted(text));
    let create = match key.kind {
        InstanceKind::Pve => "pvesh create /cluster/notifications/endpoints/webhook --name pulse",
        InstanceKind::Pbs | InstanceKind::Pmg => {
            "proxmox-backup-manager notification endpoint webhook create pulse"
        }
    };
    let matcher = match key.kind {
        InstanceKind::Pve => {
            "pvesh create /cluster/notifications/matchers --name pulse --target pulse"
        }
        InstanceKind::Pbs | InstanceKind::Pmg => {
            "proxmox-backup-manager notification matcher create pulse --target pulse"
        }
    };
    let target = format!(
        "{create} --method post --url {} --header name=Content-Type,value={} --header name=X-API-Token,value={} --secret name=token,value={} --body {}",
        quoted(&url),
        encode("application/json"),
        encode("{{ secrets.token }}"),
        encode(TOKEN),
        encode(TEMPLATE),
    );
    json!({
        "instance": key.name,
        "type": kind,
        "url": url,
        "commands": [target, matcher],
        "gui": {
            "path": match key.kind {
                InstanceKind::Pve => "Datacenter → Notifications → Add → Webhook",
                InstanceKind::Pbs | InstanceKind::Pmg => "Configuration → Notifications → Add → Webhook",
            },
            "fields": [
                {"field": "Endpoint Name", "value": "pulse"},
                {"field": "Method/URL", "value": format!("POST {url}")},
                {"field": "Header", "value": "Content-Type: application/json"},
                {"field": "Header", "value": "X-API-Token: {{ secrets.token }}"},
                {"field": "Secret", "value": format!("token: {TOKEN}")},
                {"field": "Body", "value": TEMPLATE},
            ],
        },
    })
}

/// The configured public URL, else what the browser asked.
fn base_url(app: &App, request: &Request) -> String {
    if !app.config.public_url.is_empty() {
        return app.config.public_url.trim_end_matches('/').to_owned();
    }
    let host = request
        .headers()
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("pulse:7655");
    let scheme = if app.config.tls.is_some() {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_one_word_in_the_lines() {
        let key = InstanceKey::new(InstanceKind::Pve, "it's north & co");
        let hook = webhook("https://pulse.lan:7655", &key);
        let url = hook["url"].as_str().unwrap();
        assert_eq!(
            url,
            "https://pulse.lan:7655/api/push/events?source=pve&instance=it%27s%20north%20%26%20co"
        );
        let server = metric_server("https://pulse.lan/base", "north");
        let line = server["commands"][0].as_str().unwrap();
        assert!(
            line.contains("--server 'pulse.lan' --port 443 --influxdbproto https"),
            "{line}"
        );
        assert!(
            line.contains("--api-path-prefix 'base/api/push/influx'"),
            "{line}"
        );
        assert_eq!(quoted("a'b"), r"'a'\''b'");
    }
}
