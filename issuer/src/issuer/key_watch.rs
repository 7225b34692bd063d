//! What an issuer does every second: takes over signing keys and settings that another process
//! changed, such as the command line in an emergency, or another server.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::{Inner, Issuer};

/// How often the store is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Takes over changed keys and settings, time and again, until the issuer is gone.
pub(super) async fn run(issuer: Weak<Inner>) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(issuer) = issuer.upgrade().map(Issuer) else {
            return;
        };
        if let Err(error) = issuer.keys().reload(&**issuer.store()).await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the signing keys cannot be read again");
        }
        if let Err(error) = issuer.reload_tenant_settings().await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the settings cannot be read again");
        }
    }
}
