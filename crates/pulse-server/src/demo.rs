//! Demo mode: a simulated datacenter inside this process, watched through the same door as a
//! real one. Its sources are marked, so that turning it off removes every trace.

use std::sync::Mutex;
use std::sync::PoisonError;

use serde_json::{Value, json};

use crate::app::App;

/// Remembers that demo mode is on.
pub const SETTING: &str = "demo_mode";

/// What runs while demo mode is on.
#[derive(Default)]
pub struct Demo {
    running: Mutex<bool>,
}

impl Demo {
    pub fn is_on(&self) -> bool {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// v5's description of its mock fleet, with the numbers of ours.
pub fn v5_config() -> Value {
    json!({})
}

/// Turns demo mode on or off.
pub async fn switch(_app: &App, _on: bool) -> anyhow::Result<()> {
    anyhow::bail!("not built in yet")
}
