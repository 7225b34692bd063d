//! What an issuer does every few seconds: ends sessions whose time has come, forgets those that
//! ended long ago, and replaces signing keys whose time has come.

use std::sync::Weak;

use tokio::time::{Instant, MissedTickBehavior};

use super::{Inner, Issuer};
use crate::logout::expiry::{ClockWatch, SWEEP_INTERVAL};

/// Ends expired sessions and replaces old keys, time and again, until the issuer is gone.
pub(super) async fn run(issuer: Weak<Inner>) {
    let mut watch = ClockWatch::default();
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(issuer) = issuer.upgrade().map(Issuer) else {
            return;
        };
        issuer.0.windows.forget_quiet(issuer.now());
        if !watch.trusts(issuer.now(), begun.elapsed()) {
            tracing::warn!("the clock has jumped, nothing is ended for now");
            continue;
        }
        turn_keys(&issuer).await;
        if let Err(error) = issuer.end_expired_sessions().await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "expired sessions could not be ended");
        }
        if let Err(error) = issuer.forget_ended_sessions().await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "sessions that ended long ago could not be forgotten");
        }
    }
}

async fn turn_keys(issuer: &Issuer) {
    match issuer.turn_keys().await {
        Ok(done) => {
            for algorithm in done.announce {
                tracing::info!("made the next signing key for {algorithm}");
            }
            for kid in done.activate {
                tracing::info!("the signing key {kid} signs from now on");
            }
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "signing keys could not be replaced");
        }
    }
}
