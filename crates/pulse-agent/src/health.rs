//! `/healthz`, `/readyz` and `/metrics`, answered by one small thread that exists only when an
//! address is set. A connection gets one answer and is closed.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// What the loop tells about itself.
#[derive(Default)]
pub struct Status {
    pub ready: AtomicBool,
    pub delivered: AtomicU64,
    pub failed: AtomicU64,
    pub waiting: AtomicU64,
}

const PATIENCE: Duration = Duration::from_secs(2);
const STACK: usize = 64 * 1024;

/// Starts answering; a port that is taken is the caller's to log.
pub fn serve(address: &str, status: Arc<Status>) -> io::Result<std::net::SocketAddr> {
    // `:9191` means every address, as in v5.
    let listener = match address.strip_prefix(':') {
        Some(port) => TcpListener::bind(format!("[::]:{port}"))
            .or_else(|_| TcpListener::bind(format!("0.0.0.0:{port}")))?,
        None => TcpListener::bind(address)?,
    };
    let bound = listener.local_addr()?;
    std::thread::Builder::new()
        .name("health".into())
        .stack_size(STACK)
        .spawn(move || {
            for connection in listener.incoming() {
                match connection {
                    // A client that hangs up early is its own business.
                    Ok(connection) => drop(answer(connection, &status)),
                    // Out of descriptors, for example: do not spin.
                    Err(_) => std::thread::sleep(PATIENCE),
                }
            }
        })?;
    Ok(bound)
}

fn answer(mut connection: TcpStream, status: &Status) -> io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    // To the end of the head: closing with unread bytes would reset the connection.
    let mut request = [0; 2048];
    let mut length = 0;
    while let Some(rest) = request.get_mut(length..).filter(|rest| !rest.is_empty()) {
        let read = connection.read(rest)?;
        length += read;
        let head = request.get(..length).unwrap_or_default();
        if read == 0 || head.windows(4).any(|end| end == b"\r\n\r\n") {
            break;
        }
    }
    let line = String::from_utf8_lossy(request.get(..length).unwrap_or_default());
    let mut words = line.split_ascii_whitespace();
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let (code, body) = match (method, path.split('?').next().unwrap_or_default()) {
        ("GET" | "HEAD", "/healthz") => ("200 OK", "ok".to_owned()),
        ("GET" | "HEAD", "/readyz") if status.ready.load(Ordering::Relaxed) => {
            ("200 OK", "ok".to_owned())
        }
        ("GET" | "HEAD", "/readyz") => ("503 Service Unavailable", "not ready".to_owned()),
        ("GET" | "HEAD", "/metrics") => ("200 OK", metrics(status)),
        ("GET" | "HEAD", _) => ("404 Not Found", "not found".to_owned()),
        _ => ("405 Method Not Allowed", "method not allowed".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {code}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes())?;
    if method != "HEAD" {
        connection.write_all(body.as_bytes())?;
    }
    Ok(())
}

fn metrics(status: &Status) -> String {
    let count = |value: &AtomicU64| value.load(Ordering::Relaxed);
    let resident = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.split_ascii_whitespace().next()?.parse::<u64>().ok()
        })
        .unwrap_or_default();
    format!(
        "# TYPE pulse_agent_info gauge\n\
         pulse_agent_info{{version=\"{}\",host_enabled=\"true\",docker_enabled=\"false\",kubernetes_enabled=\"false\"}} 1\n\
         # TYPE pulse_agent_up gauge\n\
         pulse_agent_up {}\n\
         # HELP pulse_agent_reports_delivered_total Reports the server accepted.\n\
         # TYPE pulse_agent_reports_delivered_total counter\n\
         pulse_agent_reports_delivered_total {}\n\
         # HELP pulse_agent_send_failures_total Attempts that did not deliver a report.\n\
         # TYPE pulse_agent_send_failures_total counter\n\
         pulse_agent_send_failures_total {}\n\
         # HELP pulse_agent_reports_waiting Reports kept until the server is back.\n\
         # TYPE pulse_agent_reports_waiting gauge\n\
         pulse_agent_reports_waiting {}\n\
         # TYPE process_resident_memory_bytes gauge\n\
         process_resident_memory_bytes {}\n",
        env!("CARGO_PKG_VERSION"),
        u8::from(status.ready.load(Ordering::Relaxed)),
        count(&status.delivered),
        count(&status.failed),
        count(&status.waiting),
        resident * 1024,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(address: std::net::SocketAddr, request: &str) -> String {
        let mut connection = TcpStream::connect(address).expect("connect");
        write!(connection, "{request} HTTP/1.1\r\nHost: x\r\n\r\n").expect("write");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("read");
        answer
    }

    #[test]
    fn paths_and_readiness() {
        let status = Arc::new(Status::default());
        let address = serve("127.0.0.1:0", Arc::clone(&status)).expect("bound");
        assert!(get(address, "GET /healthz").ends_with("\r\n\r\nok"));
        assert!(get(address, "GET /readyz").starts_with("HTTP/1.1 503"));
        status.ready.store(true, Ordering::Relaxed);
        assert!(get(address, "GET /readyz?x").starts_with("HTTP/1.1 200"));
        assert!(get(address, "HEAD /healthz").ends_with("\r\n\r\n"));
        assert!(get(address, "GET /nothing").starts_with("HTTP/1.1 404"));
        assert!(get(address, "POST /healthz").starts_with("HTTP/1.1 405"));
        assert!(get(address, "\0\0").starts_with("HTTP/1.1 405"));
        let metrics = get(address, "GET /metrics");
        assert!(metrics.contains("pulse_agent_up 1") && metrics.contains("host_enabled=\"true\""));
    }
}
