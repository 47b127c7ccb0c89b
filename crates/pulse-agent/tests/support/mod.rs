//! A Pulse server of a few lines that says what it is told to say, and the real agent against it.
//!
//! The sink records every request. It can go away (connections cut, port closed) and come back on
//! the same port.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, dead_code)] // test support

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Value,
    pub at: Instant,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn timestamp(&self) -> &str {
        self.body["timestamp"].as_str().expect("a timestamp")
    }
}

/// Status, extra header lines, body.
pub type Answer = (u16, String, String);

pub fn accepted(request: &Request) -> Answer {
    let body = json!({"success": true, "hostId": "host-1", "lastSeen": request.body["timestamp"],
        "platform": "", "osName": "", "osVersion": ""});
    (200, String::new(), body.to_string())
}

pub fn status(code: u16, headers: &str, body: &str) -> Answer {
    (code, headers.to_owned(), body.to_owned())
}

/// The usual server: knows no host, accepts reports as `post` says for the n-th report.
pub fn server(post: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) -> Sink {
    let reports = AtomicUsize::new(0);
    Sink::start(move |request| match request.method.as_str() {
        "POST" => post(reports.fetch_add(1, Ordering::SeqCst), request),
        _ => status(404, "", r#"{"error":"unknown","code":"host_not_found"}"#),
    })
}

struct Shared {
    answer: Box<dyn Fn(&Request) -> Answer + Send + Sync>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    connections: AtomicUsize,
    tls: Option<Arc<rustls::ServerConfig>>,
}

pub struct Sink {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    running: Option<Running>,
}

struct Running {
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    thread: JoinHandle<()>,
}

impl Sink {
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::start_with(answer, None)
    }

    pub fn start_with(
        answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let shared = Shared {
            answer: Box::new(answer),
            requests: Mutex::default(),
            arrived: Condvar::new(),
            connections: AtomicUsize::new(0),
            tls,
        };
        let mut sink = Self {
            address: listener.local_addr().expect("an address"),
            shared: Arc::new(shared),
            running: None,
        };
        sink.listen(listener);
        sink
    }

    fn listen(&mut self, listener: TcpListener) {
        let stop = Arc::new(AtomicBool::new(false));
        let open = Arc::new(Mutex::new(Vec::new()));
        let (shared, stopping, connections) = (
            Arc::clone(&self.shared),
            Arc::clone(&stop),
            Arc::clone(&open),
        );
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                shared.connections.fetch_add(1, Ordering::SeqCst);
                connections
                    .lock()
                    .unwrap()
                    .push(connection.try_clone().expect("clone"));
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(connection, &shared));
            }
        });
        self.running = Some(Running { stop, open, thread });
    }

    /// Closes the port and cuts every connection.
    pub fn go_away(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        running.thread.join().expect("the listener ends");
        for connection in running.open.lock().unwrap().drain(..) {
            let _ = connection.shutdown(std::net::Shutdown::Both);
        }
    }

    pub fn come_back(&mut self) {
        self.listen(TcpListener::bind(self.address).expect("the same port"));
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        let scheme = if self.shared.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://localhost:{}", self.address.port())
    }

    /// The reports so far, once there are at least so many.
    pub fn reports(&self, least: usize) -> Vec<Request> {
        self.wait(|request| request.method == "POST", least)
    }

    pub fn wait(&self, wanted: impl Fn(&Request) -> bool, least: usize) -> Vec<Request> {
        let end = Instant::now() + PATIENCE;
        let mut requests = self.shared.requests.lock().unwrap();
        loop {
            let found: Vec<Request> = requests
                .iter()
                .filter(|request| wanted(request))
                .cloned()
                .collect();
            if found.len() >= least {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "only {} of {least} requests came",
                found.len()
            );
            requests = self.shared.arrived.wait_timeout(requests, left).unwrap().0;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.go_away();
    }
}

fn serve(connection: TcpStream, shared: &Shared) {
    match &shared.tls {
        None => talk(connection, shared),
        Some(config) => {
            let tls = rustls::ServerConnection::new(Arc::clone(config)).expect("a TLS session");
            talk(rustls::StreamOwned::new(tls, connection), shared);
        }
    }
}

fn talk(stream: impl std::io::Read + Write, shared: &Shared) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream) {
        let (code, headers, body) = (shared.answer)(&request);
        shared.requests.lock().unwrap().push(request);
        shared.arrived.notify_all();
        let head = format!(
            "HTTP/1.1 {code} X\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        if stream
            .get_mut()
            .write_all((head + &body).as_bytes())
            .is_err()
        {
            return;
        }
        let _ = stream.get_mut().flush();
    }
}

fn read(stream: &mut BufReader<impl std::io::Read>) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        stream
            .read_line(&mut line)
            .ok()
            .filter(|length| *length > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = line()?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().expect("a length"))];
    stream.read_exact(&mut body).ok()?;
    let body = serde_json::from_slice(&body).unwrap_or_default();
    Some(Request {
        method,
        path,
        headers,
        body,
        at: Instant::now(),
    })
}

/// The real program, stopped when the value goes.
pub struct Agent {
    child: Child,
    state: tempfile::TempDir,
}

impl Agent {
    pub fn start(url: &str, arguments: &[&str]) -> Self {
        Self::start_with(url, arguments, &[])
    }

    pub fn start_with(url: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let state = tempfile::tempdir().expect("a folder");
        std::fs::write(state.path().join("token"), "secret-token\n").expect("the token file");
        let log = std::fs::File::create(state.path().join("log")).expect("a log");
        let child = Command::new(env!("CARGO_BIN_EXE_pulse-agent"))
            .args(["--url", url, "--interval", "200ms", "--health-addr="])
            .args(arguments)
            .env_clear()
            .env("PATH", "/nowhere")
            .env("PULSE_STATE_DIR", state.path())
            .envs(environment.iter().copied())
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .expect("the agent starts");
        Self { child, state }
    }

    pub fn id(&self) -> i32 {
        self.child.id() as i32
    }

    /// The messages of the log so far.
    pub fn log(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.state.path().join("log")).expect("the log");
        text.lines()
            .map(|line| match serde_json::from_str::<Value>(line) {
                Ok(line) => line["message"].as_str().expect("a message").to_owned(),
                Err(_) => line.to_owned(),
            })
            .collect()
    }

    /// Waits for a message that contains a text.
    pub fn wait_for_log(&self, part: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            if let Some(message) = log.iter().find(|message| message.contains(part)) {
                return message.clone();
            }
            assert!(Instant::now() < end, "no {part:?} in {log:#?}");
            std::thread::sleep(Duration::from_millis(20)); // another process writes it
        }
    }

    pub fn state_file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.state.path().join(name)).ok()
    }

    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().expect("the agent ends")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
