//! `pulse-sim`: serves a simulated Proxmox datacenter.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use pulse_sim::{Addresses, Clock, Datacenter, Fleet, FleetSpec, HostAgents, HostFleet, Tls};

/// A simulated Proxmox datacenter over real sockets.
#[derive(Debug, Parser)]
#[command(name = "pulse-sim", version)]
struct Arguments {
    /// S (1 node, 15 guests), M (4, 150), L (20, 800), XL (10 × 10, 5,000) or XXL (40 × 10, 20,000)
    #[arg(long, default_value = "M")]
    fleet: Fleet,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Port of the first cluster; the others follow
    #[arg(long, default_value_t = 8006)]
    port: u16,
    /// Also run the fleet's backup servers and its mail gateway, from this port on
    #[arg(long)]
    appliances_port: Option<u16>,
    /// The same seed gives the same datacenter
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much faster than real time it runs
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Plain HTTP instead of HTTPS
    #[arg(long)]
    http: bool,
    /// Give every node its own address: 127.100.0.1, 127.100.0.2, …
    #[arg(long)]
    node_addresses: bool,
    /// Answer 401 and silent guest agents at once instead of after three seconds
    #[arg(long)]
    no_delays: bool,
    /// Also run so many host agents; needs --server and --token
    #[arg(long, default_value_t = 0)]
    agents: usize,
    /// The Pulse server the agents report to
    #[arg(long)]
    server: Option<String>,
    /// The agents' API token
    #[arg(long)]
    token: Option<String>,
    /// Seconds between two reports of an agent
    #[arg(long, default_value_t = 30.0)]
    interval: f64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime.map(|runtime| runtime.block_on(run(arguments))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) | Err(error) => {
            eprintln!("pulse-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> std::io::Result<()> {
    let mut spec = FleetSpec::from(arguments.fleet);
    if !arguments.no_delays {
        spec = spec.with_real_delays();
    }
    let datacenter = Datacenter::new(spec, arguments.seed, Clock::fast(arguments.speed));
    let tls = if arguments.http {
        Tls::None
    } else {
        Tls::SelfSigned
    };
    let addresses = if arguments.node_addresses {
        Addresses::PerNode
    } else {
        Addresses::PerCluster
    };
    let addr = SocketAddr::new(arguments.bind, arguments.port);
    let server = datacenter.serve_at(addr, tls, addresses).await?;
    for node in &server.nodes {
        println!("{} {} {}", node.url, node.node, node.fingerprint);
    }
    let appliances = match arguments.appliances_port {
        None => Vec::new(),
        Some(port) => {
            let addr = SocketAddr::new(arguments.bind, port);
            datacenter.serve_appliances(addr).await?
        }
    };
    for appliance in &appliances {
        println!(
            "{} {} {}",
            appliance.url, appliance.name, appliance.fingerprint
        );
    }
    println!(
        "token    {}={}",
        server.api_token.id, server.api_token.secret
    );
    println!("login    {} {}", server.user, server.password);
    println!(
        "control  {}/_sim/faults",
        server.urls.first().map_or("", String::as_str)
    );
    let _agents = match (arguments.agents, arguments.server, arguments.token) {
        (0, ..) => None,
        (n, Some(url), Some(token)) => {
            let interval = Duration::from_secs_f64(arguments.interval.clamp(0.1, 86_400.0));
            let fleet = HostFleet::of(&datacenter, n);
            println!("agents   {n} reporting to {url}");
            let clock = datacenter.clock();
            Some(HostAgents::drive(fleet, &url, &token, clock, interval)?)
        }
        _ => return Err(std::io::Error::other("--agents needs --server and --token")),
    };
    tokio::signal::ctrl_c().await
}
