//! A whole server on a port of its own, spoken to over HTTP, and recordings of version 5 to send.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::HashMap;
use std::net::SocketAddr;

use pulse_auth::AuthEnv;
use pulse_server::http::listener;
use pulse_server::{App, Config, routes};
use reqwest::Method;
use serde_json::Value;

pub const PASSWORD: &str = "first-password-1";
pub const TOKEN: &str = "6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a6a";

pub struct Server {
    _dir: tempfile::TempDir,
    pub app: App,
    pub address: SocketAddr,
    client: reqwest::Client,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::String(self.text.clone()))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Server {
    /// Fresh: set-up is open.
    pub async fn fresh() -> Self {
        Self::fresh_with(&[], None).await
    }

    /// Fresh, with more of the environment, and sockets that are checked and given up sooner.
    pub async fn fresh_with(
        environment: &[(&str, &str)],
        sockets: Option<std::time::Duration>,
    ) -> Self {
        let environment: HashMap<String, String> = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let dir = tempfile::tempdir().unwrap();
        let auth = AuthEnv::read(|name| environment.get(name).cloned());
        let data_dir = dir.path().to_string_lossy().into_owned();
        let mut config = Config::read(&move |name| match name {
            "PULSE_DATA_DIR" => Some(data_dir.clone()),
            "PULSE_HISTORY" => Some("memory".to_owned()),
            other => environment.get(other).cloned(),
        })
        .unwrap();
        config.socket_check = sockets.unwrap_or(config.socket_check);
        config.socket_write = sockets.unwrap_or(config.socket_write);
        let app = App::start(config, auth).await.unwrap();
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let router = routes::router(app.clone());
        tokio::spawn(listener::serve(socket, router, None, async {
            let _ = stopped.await;
        }));
        Self {
            _dir: dir,
            app,
            address,
            client: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            stop: Some(stop),
        }
    }

    /// Set up with account `op` and [`TOKEN`].
    pub async fn ready() -> Self {
        Self::fresh().await.set_up().await
    }

    pub async fn set_up(self) -> Self {
        let server = self;
        let bootstrap = server.app.auth.bootstrap_token().unwrap();
        let body = serde_json::json!({
            "username": "op",
            "password": PASSWORD,
            "apiToken": TOKEN,
            "setupToken": bootstrap.expose(),
        });
        let answer = server
            .send(
                "POST",
                "/api/security/quick-setup",
                &[],
                Some(body.to_string()),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        server
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Answer {
        let url = format!("http://{}{path}", self.address);
        let method: Method = method.parse().unwrap();
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// With the token of the set-up.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        self.send(method, path, &[("x-api-token", TOKEN)], body)
            .await
    }

    /// A new token with these scopes.
    pub async fn token(&self, scopes: &[&str]) -> String {
        let body = serde_json::json!({"name": scopes.join(" "), "scopes": scopes});
        let answer = self.call("POST", "/api/security/tokens", Some(body)).await;
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.app.shutdown().await;
    }
}

/// Recorded placeholders such as `<token-6>`, and what they stand for here.
#[derive(Default)]
pub struct Names(pub HashMap<String, String>);

impl Names {
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.to_owned();
        // Some names begin with others.
        let mut pairs: Vec<(&String, &String)> = self.0.iter().collect();
        pairs.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, value) in pairs {
            filled = filled.replace(name, value);
        }
        filled
    }

    /// Sends a recorded request.
    pub async fn send(&self, server: &Server, recorded: &Value) -> Answer {
        let headers: Vec<(String, String)> = recorded["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), self.fill(value.as_str().unwrap())))
            .collect();
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let body = match &recorded["body"] {
            Value::Null => None,
            Value::String(raw) => Some(self.fill(raw)),
            json => Some(self.fill(&json.to_string())),
        };
        let path = self.fill(recorded["path"].as_str().unwrap());
        server
            .send(recorded["method"].as_str().unwrap(), &path, &headers, body)
            .await
    }
}
