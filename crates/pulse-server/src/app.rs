//! Everything that handlers share.

use std::sync::Arc;
use std::time::Instant;

use pulse_auth::Auth;
use pulse_collect::Runner;
use pulse_core::{SourceReport, Timestamp};
use pulse_inventory::InventoryHandle;
use pulse_metrics::HistoryStore;
use pulse_store::Store;

use crate::config::Config;
use crate::demo::Demo;
use crate::http::metrics::HttpMetrics;
use crate::live::{Live, StateCache};
use crate::recorder::{self, Recorder};
use crate::sources::Sources;

/// The version that clients see.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

pub struct Parts {
    pub config: Config,
    pub started: Instant,
    pub store: Store,
    pub auth: Auth,
    pub inventory: InventoryHandle,
    pub history: HistoryStore,
    pub runner: Arc<Runner<InventorySink>>,
    pub sources: Sources,
    pub settings: crate::settings::Settings,
    pub setup_tokens: crate::api::setup::SetupTokens,
    pub state: StateCache,
    pub backup_table: crate::api::backups::table::TableCache,
    pub live: Live,
    pub demo: Demo,
    pub http_metrics: HttpMetrics,
    pub ingest: crate::ingest::HostIngest,
    pub push: crate::push::Push,
    recorder: Recorder,
    started_id: u64,
}

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Hands polls to the inventory.
#[derive(Clone)]
pub struct InventorySink(InventoryHandle);

impl pulse_collect::Sink for InventorySink {
    async fn report(&self, report: SourceReport) {
        self.0.report(report).await;
    }
}

/// The machine's clock.
pub fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

impl App {
    /// Opens the data directory and starts all tasks, without listening yet.
    pub async fn start(config: Config, auth_env: pulse_auth::AuthEnv) -> anyhow::Result<Self> {
        use anyhow::Context as _;
        // Both TLS users ask for the process's provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let store = Store::open(&config.data_dir)
            .await
            .with_context(|| format!("data directory {}", config.data_dir.display()))?;
        let auth = Auth::start(
            store.clone(),
            Arc::new(pulse_auth::SystemClock),
            auth_env,
            pulse_auth::OidcState::default(),
        )
        .await?;
        let settings = crate::settings::Settings::load(&store, &config).await?;
        let history = {
            let mut config = config.clone();
            config.retention = crate::settings::retention(&config, &settings.now().raw);
            let config = recorder::history_config(&config);
            tokio::task::spawn_blocking(move || HistoryStore::open(config)).await??
        };
        let (recorder, observer) = Recorder::start(history.clone());
        let inventory = pulse_inventory::spawn(now, observer);
        let runner = Arc::new(Runner::new(InventorySink(inventory.clone()), Arc::new(now)));
        runner.set_timing(crate::settings::timing(&settings.now().settings));
        let state = StateCache::default();
        let live = Live::start(inventory.subscribe());
        let ingest = {
            let auth = auth.clone();
            crate::ingest::HostIngest::new(move |id| auth.token(id).is_some())
        };
        let app = Self(Arc::new(Parts {
            sources: Sources::new(&config),
            settings,
            setup_tokens: crate::api::setup::SetupTokens::default(),
            config,
            started: Instant::now(),
            store,
            auth,
            inventory,
            history,
            runner,
            state,
            backup_table: crate::api::backups::table::TableCache::default(),
            live,
            demo: Demo::default(),
            http_metrics: HttpMetrics::default(),
            ingest,
            push: crate::push::Push::default(),
            recorder,
            started_id: now().millis() as u64,
        }));
        app.sources.load(&app).await?;
        app.spawn_housekeeping();
        crate::push::listen::start(&app).await?;
        let remembered = app
            .store
            .settings()
            .get::<bool>(crate::demo::SETTING)
            .await?
            .unwrap_or(false);
        if app.config.start_in_demo || remembered {
            crate::demo::switch(&app, true).await?;
        }
        Ok(app)
    }

    pub(crate) fn of(parts: Arc<Parts>) -> Self {
        Self(parts)
    }

    /// For tasks that must not keep the server alive.
    pub fn downgrade(&self) -> std::sync::Weak<Parts> {
        Arc::downgrade(&self.0)
    }

    /// Tells two runs of the server apart: versions start anew with each.
    pub fn started_id(&self) -> u64 {
        self.started_id
    }

    /// Removes the history of what `matching` names, also of what is still on its way there.
    pub async fn forget_history(
        &self,
        matching: fn(&str) -> bool,
    ) -> Result<usize, pulse_metrics::HistoryError> {
        let app = self.clone();
        tokio::task::spawn_blocking(move || app.recorder.forget(matching))
            .await
            .unwrap_or(Err(pulse_metrics::HistoryError::Closed))
    }

    pub fn recorder_dropped(&self) -> u64 {
        self.recorder.dropped()
    }

    fn spawn_housekeeping(&self) {
        let weak = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let mut minute = tokio::time::interval(std::time::Duration::from_secs(60));
            minute.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                minute.tick().await;
                let Some(parts) = weak.upgrade() else { return };
                if let Err(error) = parts.auth.flush().await {
                    tracing::warn!(%error, "use of tokens and sessions not saved");
                }
                let history = parts.history.clone();
                let at = now().millis();
                let done = tokio::task::spawn_blocking(move || history.maintain(at.into())).await;
                if let Ok(Err(error)) = done {
                    tracing::error!(%error, "history maintenance failed");
                }
            }
        });
    }

    /// Stops sources and writes what is buffered.
    pub async fn shutdown(&self) {
        for key in self.runner.keys() {
            self.runner.stop(&key).await;
        }
        self.live.close();
        if let Err(error) = self.auth.flush().await {
            tracing::warn!(%error, "use of tokens and sessions not saved");
        }
        let history = self.history.clone();
        let _ = tokio::task::spawn_blocking(move || history.shutdown()).await;
        self.store.close().await;
    }
}
