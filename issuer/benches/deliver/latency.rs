//! How long after the commit a client has the first byte, at 200 logouts a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use logout_shared::SigningAlgorithm;
use tokio::time::{Instant, sleep_until};

use crate::receivers::{Receivers, wall};
use crate::stage::Stage;
use crate::{Percentiles, millis};

const ENDPOINTS: usize = 100;
const PER_SECOND: u32 = 200;
const SECONDS: u32 = 60;

pub(crate) async fn measure() -> anyhow::Result<()> {
    let mut receivers = Receivers::start(ENDPOINTS)?;
    let mut stage = Stage::new(&receivers.urls(), SigningAlgorithm::Rs256).await?;
    let sessions = stage.seed((PER_SECOND * SECONDS) as usize, 1).await?;
    let stage = Arc::new(stage);
    receivers.note_arrivals(true);
    let begun = Instant::now();
    let mut ends = Vec::new();
    for (number, sid) in (0_u32..).zip(sessions) {
        sleep_until(begun + Duration::from_secs(1) / PER_SECOND * number).await;
        let stage = Arc::clone(&stage);
        ends.push(tokio::spawn(async move {
            stage.end(&sid).await?;
            anyhow::Ok((sid.to_string(), wall()))
        }));
    }
    let mut committed = HashMap::new();
    for end in ends {
        committed.extend([end.await??]);
    }
    stage.until_recorded().await?;
    let arrivals = receivers.arrivals();
    anyhow::ensure!(arrivals.len() == committed.len(), "some were not told");
    let waited = arrivals.into_iter().filter_map(|arrival| {
        // A client may have the token before the caller has its answer.
        let waited = arrival.at.saturating_sub(*committed.get(&arrival.sid)?);
        Some(millis(waited))
    });
    let waited = Percentiles::of(waited.collect());
    println!(
        "first byte after the commit at {PER_SECOND} logouts/s: {waited}, asked p50 1.5 ms, p95 5 ms \
         ratio {:.2}",
        (1.5 / waited.p50).min(5.0 / waited.p95)
    );
    stage.issuer.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
