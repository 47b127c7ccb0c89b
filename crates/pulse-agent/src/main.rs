//! The `pulse-agent` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    pulse_agent::main()
}
