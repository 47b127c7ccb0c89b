//! The `pulse` program.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use pulse_auth::AuthEnv;
use pulse_server::config::{Config, LogFormat};
use pulse_server::settings::SetLogLevel;
use pulse_server::{App, http, openapi, routes};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Monitoring for Proxmox, hosts and containers.
#[derive(Parser)]
#[command(name = "pulse", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Add a simulated datacenter to what is watched.
    #[arg(long)]
    demo: bool,
    /// Keep the token of the agent beside this server in FILE; made when missing.
    #[arg(long, value_name = "FILE")]
    local_agent_token: Option<std::path::PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Print the token that the first-run wizard asks for.
    BootstrapToken,
    /// Make a token for one call of /api/security/recovery, valid for 15 minutes.
    RecoveryToken,
    /// Print the OpenAPI document.
    Openapi,
    /// Print the version.
    Version,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let env = |name: &str| std::env::var(name).ok();
    let mut config = Config::read(&env)?;
    config.start_in_demo |= arguments.demo;
    match arguments.command {
        Some(Command::Openapi) => {
            println!("{}", openapi::document().to_pretty_json()?);
            Ok(())
        }
        Some(Command::Version) => {
            println!("pulse {}", pulse_server::app::VERSION);
            Ok(())
        }
        Some(Command::BootstrapToken) => print_bootstrap_token(&config),
        Some(Command::RecoveryToken) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(print_recovery_token(&config)),
        None => {
            let set_log_level = start_log(&config);
            // Two threads: one slow request must not hold up the polls, and more only cost memory.
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .max_blocking_threads(16)
                .enable_all()
                .build()?
                .block_on(run(
                    config,
                    AuthEnv::read(env),
                    arguments.local_agent_token,
                    set_log_level,
                ))
        }
    }
}

fn print_bootstrap_token(config: &Config) -> anyhow::Result<()> {
    let path = config.data_dir.join(".bootstrap_token");
    match std::fs::read_to_string(&path) {
        Ok(token) => {
            println!("{}", token.trim());
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => anyhow::bail!(
            "there is no bootstrap token in {}: set-up is finished, or the server has not been started yet",
            config.data_dir.display()
        ),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Whoever may open the database is the operator.
async fn print_recovery_token(config: &Config) -> anyhow::Result<()> {
    let store = pulse_store::Store::open(&config.data_dir).await?;
    let token = pulse_auth::issue_recovery_token(&store, 15, jiff::Timestamp::now()).await?;
    store.close().await;
    println!("{}", token.expose());
    Ok(())
}

/// Starts the log and gives the way to change its level later.
fn start_log(config: &Config) -> SetLogLevel {
    let filter = EnvFilter::try_new(&config.log_level).unwrap_or_else(|_| EnvFilter::new("info"));
    let json = match config.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        let builder = builder.json().flatten_event(true).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Box::new(move |level| reload(&handle, level))
    } else {
        let builder = builder.with_target(false).with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Box::new(move |level| reload(&handle, level))
    }
}

fn reload<S>(handle: &tracing_subscriber::reload::Handle<EnvFilter, S>, level: &str) {
    if let Ok(filter) = EnvFilter::try_new(level) {
        // Fails only when the log is gone.
        let _ = handle.reload(filter);
    }
}

/// A token that may only send host reports, for the agent that runs on the same machine.
async fn local_agent_token(app: &App, file: &std::path::Path) -> anyhow::Result<()> {
    let raw = match std::fs::read_to_string(file) {
        Ok(raw) if !raw.trim().is_empty() => raw.trim().to_owned(),
        _ => {
            let raw = format!(
                "{}{}",
                uuid::Uuid::new_v4().simple(),
                uuid::Uuid::new_v4().simple()
            );
            pulse_store::files::write_private(file, raw.as_bytes())
                .with_context(|| file.display().to_string())?;
            raw
        }
    };
    app.auth.ensure_report_token(&raw, "Local agent").await?;
    Ok(())
}

async fn run(
    config: Config,
    auth_env: AuthEnv,
    agent_token: Option<std::path::PathBuf>,
    set_log_level: SetLogLevel,
) -> anyhow::Result<()> {
    let tls = config.tls.as_ref().map(http::listener::tls).transpose()?;
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}; another server may use the port (FRONTEND_PORT)",
                config.listen
            )
        })?;
    let app = App::start(config, auth_env).await?;
    set_log_level(&app.settings.now().settings.log_level);
    app.settings.on_log_level(set_log_level);
    if let Some(file) = agent_token {
        local_agent_token(&app, &file).await?;
    }
    announce(&app, listener.local_addr()?, tls.is_some());
    let router = routes::router(app.clone());
    http::listener::serve(listener, router, tls, stopped(app.clone())).await;
    app.shutdown().await;
    tracing::info!("stopped");
    Ok(())
}

fn announce(app: &App, address: std::net::SocketAddr, tls: bool) {
    let scheme = if tls { "https" } else { "http" };
    tracing::info!(version = pulse_server::app::VERSION, %address, scheme, "listening");
    if let Some(token) = app.auth.bootstrap_token() {
        // The one secret that is meant to be read from the log: it ends with the set-up.
        tracing::info!(
            bootstrap_token = token.expose(),
            file = %app.auth.bootstrap_path().display(),
            "set-up is open: enter this token in the browser"
        );
    }
}

/// Ends on SIGTERM or SIGINT; sockets are told first, so that browsers reconnect elsewhere.
async fn stopped(app: App) {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::error!("no signal handlers; stop the process with SIGKILL");
        std::future::pending::<()>().await;
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    app.live.close();
}
