//! What an issuer does every few seconds: ends sessions whose time has come, forgets
//! those that ended long ago, and takes over signing keys that another process changed.

use std::sync::Weak;

use tokio::time::{Instant, MissedTickBehavior};

use super::{Inner, Issuer};
use crate::logout::expiry::{ClockWatch, SWEEP_INTERVAL};

/// Ends expired sessions and takes over keys that another process changed, time and again, until
/// the issuer is gone.
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
        if let Err(error) = issuer.keys().reload(&**issuer.store()).await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the signing keys cannot be read again");
        }
        if !watch.trusts(issuer.now(), begun.elapsed()) {
            tracing::warn!("the clock has jumped, expired sessions are not ended for now");
            continue;
        }
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
