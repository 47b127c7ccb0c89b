//! Reports what a Linux host is doing to a Pulse server.
//!
//! One thread collects, sends and waits. `cli` turns arguments and environment into [`Settings`];
//! `collect` reads `/proc` and `/sys` into a report; `client` sends it; `outbox` keeps what could
//! not be sent; `agent` is the loop around them. A second, small thread exists only while the
//! health endpoint is on.
//!
//! [`Settings`]: cli::Settings

mod agent;
pub mod cli;
pub mod client;
pub mod collect;
mod health;
pub mod identity;
mod journal;
mod outbox;
mod remote;
mod signals;

use std::process::ExitCode;

use cli::{Command, Environment};

/// Runs the program with the arguments and the environment of this process.
pub fn main() -> ExitCode {
    let environment = Environment::of_this_process();
    let command = match cli::parse(std::env::args().skip(1), &environment) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("Error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match command {
        Command::Help => print!("{}", cli::help()),
        Command::Version => println!("pulse-agent {}", env!("CARGO_PKG_VERSION")),
        Command::SelfTest(settings) => journal::start(settings.log_level),
        Command::Run(settings) => {
            journal::start(settings.log_level);
            for notice in &settings.notices {
                log::warn!("{notice}");
            }
            if let Err(error) = agent::run(*settings) {
                eprintln!("Error: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
