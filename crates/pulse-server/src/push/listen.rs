//! Listeners without a login for what cannot send one: InfluxDB over UDP, Graphite over UDP and
//! TCP. Off unless an address is configured; whoever reaches it can move the numbers of known
//! guests and nodes, so it belongs on the management network.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::mpsc;

use super::sample::Batch;
use super::{graphite, influx};
use crate::app::{App, Parts, now};

/// Pieces that wait while a batch is worked on; more are dropped, as UDP would.
const QUEUE: usize = 1024;
/// Pieces that come within this make one batch.
const GATHER: Duration = Duration::from_millis(250);
const CONNECTIONS: usize = 32;
/// A connection that is silent for so long is closed.
const SILENT: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Influx,
    Graphite,
}

/// Starts what is configured. The tasks end with the server.
pub async fn start(app: &App) -> anyhow::Result<()> {
    if let Some(address) = app.config.push_influx {
        let socket = UdpSocket::bind(address)
            .await
            .with_context(|| format!("cannot listen on UDP {address} (PULSE_PUSH_INFLUX)"))?;
        tracing::info!(%address, "taking InfluxDB lines over UDP");
        tokio::spawn(datagrams(socket, batches(app, Format::Influx)));
    }
    if let Some(address) = app.config.push_graphite {
        let unable = || format!("cannot listen on {address} (PULSE_PUSH_GRAPHITE)");
        let listener = TcpListener::bind(address).await.with_context(unable)?;
        let socket = UdpSocket::bind(address).await.with_context(unable)?;
        tracing::info!(%address, "taking Graphite lines over TCP and UDP");
        let pieces = batches(app, Format::Graphite);
        tokio::spawn(datagrams(socket, pieces.clone()));
        tokio::spawn(connections(listener, pieces));
    }
    Ok(())
}

/// Takes pieces, gathers them, and hands them on.
fn batches(app: &App, format: Format) -> mpsc::Sender<Vec<u8>> {
    let (pieces, mut inbox) = mpsc::channel::<Vec<u8>>(QUEUE);
    let weak: std::sync::Weak<Parts> = app.downgrade();
    tokio::spawn(async move {
        while let Some(first) = inbox.recv().await {
            let received = now();
            let mut batch = Batch::default();
            let read = |piece: &[u8], batch: &mut Batch| match format {
                Format::Influx => influx::read(piece, received, batch),
                Format::Graphite => graphite::read(piece, batch),
            };
            read(&first, &mut batch);
            let end = tokio::time::Instant::now() + GATHER;
            while let Ok(Some(piece)) = tokio::time::timeout_at(end, inbox.recv()).await {
                read(&piece, &mut batch);
            }
            let Some(app) = weak.upgrade().map(App::of) else {
                return;
            };
            app.push.metrics(&app, batch, None, now()).await;
        }
    });
    pieces
}

async fn datagrams(socket: UdpSocket, pieces: mpsc::Sender<Vec<u8>>) {
    let mut buffer = vec![0; 64 << 10];
    while !pieces.is_closed() {
        match socket.recv_from(&mut buffer).await {
            // What the queue does not take is lost, as it might be on the way.
            Ok((length, _)) => drop(pieces.try_send(buffer[..length].to_vec())),
            Err(error) => {
                tracing::debug!(%error, "datagram not received");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connections(listener: TcpListener, pieces: mpsc::Sender<Vec<u8>>) {
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    while !pieces.is_closed() {
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = std::sync::Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%peer, "too many Graphite connections; closed");
            continue;
        };
        let pieces = pieces.clone();
        tokio::spawn(async move {
            lines(stream, &pieces, peer).await;
            drop(place);
        });
    }
}

/// Passes whole lines on; gives a connection up that sends a line without end.
async fn lines(
    mut stream: tokio::net::TcpStream,
    pieces: &mpsc::Sender<Vec<u8>>,
    peer: SocketAddr,
) {
    let mut kept: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::time::timeout(SILENT, stream.read(&mut buffer)).await;
        let Ok(Ok(length @ 1..)) = read else {
            break;
        };
        kept.extend_from_slice(&buffer[..length]);
        if let Some(end) = kept.iter().rposition(|byte| *byte == b'\n') {
            let rest = kept.split_off(end + 1);
            let whole = std::mem::replace(&mut kept, rest);
            if pieces.send(whole).await.is_err() {
                return;
            }
        }
        if kept.len() > graphite::LONGEST_LINE {
            tracing::warn!(%peer, "a Graphite line without end; connection closed");
            return;
        }
    }
    if !kept.is_empty() {
        let _ = pieces.send(kept).await;
    }
}
