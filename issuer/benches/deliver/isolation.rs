//! What endpoints that hang for ever cost the others.
//!
//! Two issuers with the same load take turns; a third of one's endpoints hang, with a hundred
//! thousand deliveries parked for them. Then the onset: a third of the endpoints begin to hang
//! under load.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use logout_shared::{ClientId, SessionId, SigningAlgorithm};
use tokio::time::{Instant, sleep_until};

use crate::receivers::{Receivers, wall};
use crate::stage::Stage;
use crate::{Percentiles, median, millis};

const ENDPOINTS: usize = 99;
const HANGING: usize = ENDPOINTS / 3;
const PARKED: usize = 100_000;
const PER_SECOND: u32 = 100;
const WINDOW_SECS: u32 = 8;
const WINDOWS: usize = 5;

struct Side {
    receivers: Receivers,
    stage: Stage,
    /// Those whose endpoints do not hang.
    healthy: Arc<Vec<ClientId>>,
}

impl Side {
    async fn new() -> anyhow::Result<Side> {
        let mut receivers = Receivers::start(ENDPOINTS)?;
        let stage = Stage::new(&receivers.urls(), SigningAlgorithm::Es256).await?;
        receivers.note_arrivals(true);
        let healthy = Arc::new(stage.clients[HANGING..].to_vec());
        Ok(Side {
            receivers,
            stage,
            healthy,
        })
    }

    /// Ends a session of three healthy clients so often a second; gives the waits for the first byte.
    async fn window(&mut self, also_hanging: bool) -> anyhow::Result<Vec<f64>> {
        let count = (PER_SECOND * WINDOW_SECS) as usize;
        let clients = if also_hanging {
            Arc::new(self.stage.clients.clone())
        } else {
            Arc::clone(&self.healthy)
        };
        let sessions = self.stage.seed_with(count, 3, clients).await?;
        self.receivers.arrivals();
        let committed = self.end_at_pace(&sessions).await?;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let healthy: HashSet<&str> = self.healthy.iter().map(ClientId::as_str).collect();
        let arrivals = self.receivers.arrivals();
        let waits = arrivals.iter().filter_map(|arrival| {
            let waited = arrival.at.saturating_sub(*committed.get(&arrival.sid)?);
            let is_healthy = healthy.contains(&*arrival.client);
            is_healthy.then(|| millis(waited))
        });
        Ok(waits.collect())
    }

    async fn end_at_pace(
        &self,
        sessions: &[SessionId],
    ) -> anyhow::Result<HashMap<String, Duration>> {
        let begun = Instant::now();
        let mut committed = HashMap::new();
        for (number, sid) in (0_u32..).zip(sessions) {
            sleep_until(begun + Duration::from_secs(1) / PER_SECOND * number).await;
            self.stage.end(sid).await?;
            committed.insert(sid.to_string(), wall());
        }
        Ok(committed)
    }

    /// Lets a third hang and parks deliveries for them.
    async fn park(&mut self) -> anyhow::Result<()> {
        self.receivers.hang(HANGING);
        let hanging = Arc::new(self.stage.clients[..HANGING].to_vec());
        let sessions = self.stage.seed_with(PARKED / 10, 10, hanging).await?;
        for group in sessions.chunks(64) {
            let ends = group.iter().map(|sid| self.stage.end(sid));
            futures_util::future::try_join_all(ends).await?;
        }
        // Until every attempt has run into its time limit and the endpoints are down.
        loop {
            let windows = self.stage.issuer.endpoint_windows();
            let down = windows.iter().filter(|(_, one)| one.down_since.is_some());
            if down.count() == HANGING {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

pub(crate) async fn measure() -> anyhow::Result<()> {
    let (mut alone, mut beside) = (Side::new().await?, Side::new().await?);
    beside.park().await?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        without.push(Percentiles::of(alone.window(false).await?).p95);
        with.push(Percentiles::of(beside.window(false).await?).p95);
    }
    let (without, with) = (median(without), median(with));
    println!(
        "p95 of the healthy beside {PARKED} parked for {HANGING} that hang: {with:.2} ms, alone \
         {without:.2} ms, asked {:.2} ms ratio {:.2}",
        allowed(without),
        allowed(without) / with
    );
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        before.push(Percentiles::of(alone.window(true).await?).p95);
    }
    for _ in 0..3 {
        let mut onset = Side::new().await?;
        onset.window(true).await?;
        onset.receivers.hang(HANGING);
        after.push(Percentiles::of(onset.window(true).await?).p95);
    }
    let (before, after) = (median(before), median(after));
    println!(
        "p95 of the healthy while {HANGING} begin to hang: {after:.2} ms, before {before:.2} ms, \
         asked {:.2} ms ratio {:.2}",
        allowed(before),
        allowed(before) / after
    );
    Ok(())
}

/// 1.2 times as much, or two milliseconds more.
fn allowed(without: f64) -> f64 {
    (without * 1.2).max(without + 2.0)
}
