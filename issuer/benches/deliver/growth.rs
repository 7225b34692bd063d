//! Whether cost grows with what waits and with what lives: a million rows beside a thousand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logout_issuer::domain::delivery::{About, Delivery, DeliveryId, DeliveryState};
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_issuer::storage::StorageError;
use logout_shared::{
    ClientId, SessionId, SessionMetadata, SigningAlgorithm, SystemRandom, TraceId,
};

use crate::receivers::Receivers;
use crate::stage::Stage;
use crate::throughput::end_all;
use crate::{Percentiles, median, millis};

const ENDPOINTS: usize = 100;
const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
const WINDOWS: usize = 5;
const DELIVERIES: usize = 10_000;
const PARTICIPANTS: usize = 10;
const ENDS: usize = 200;

pub(crate) async fn measure() -> anyhow::Result<()> {
    waiting_rows().await?;
    live_sessions().await
}

async fn waiting_rows() -> anyhow::Result<()> {
    let (mut few, mut many) = (Side::new().await?, Side::new().await?);
    few.fill(FEW).await?;
    many.fill(MANY).await?;
    let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        with_few.push(few.window().await?);
        with_many.push(many.window().await?);
    }
    let (few, many) = (median(with_few), median(with_many));
    println!(
        "a delivery with {MANY} rows waiting: {many:.1} us, with {FEW} {few:.1} us, asked 1.2 times \
         ratio {:.2}",
        1.2 * few / many
    );
    Ok(())
}

struct Side {
    receivers: Receivers,
    stage: Stage,
}

impl Side {
    async fn new() -> anyhow::Result<Side> {
        let receivers = Receivers::start(ENDPOINTS)?;
        let stage = Stage::new(&receivers.urls(), SigningAlgorithm::Es256).await?;
        Ok(Side { receivers, stage })
    }

    /// Half of what waits waits for a time, half is queued for an endpoint.
    async fn fill(&self, count: usize) -> anyhow::Result<()> {
        let now = self.stage.issuer.now();
        let later = now + Duration::from_hours(12);
        let client = self.stage.clients[0].clone();
        for chunk in 0..count.div_ceil(1_000) {
            let deliveries: Vec<Delivery> = (0..1_000.min(count))
                .map(|number| Delivery {
                    id: DeliveryId::generate(now, &SystemRandom),
                    client: client.clone(),
                    user: format!("auth0|waiting-{chunk}-{number}")
                        .parse()
                        .expect("a subject"),
                    about: About::Session(SessionId::generate(&SystemRandom)),
                    initiator: Initiator::SessionRevoked,
                    url: LogoutUrl::from_stored("http://127.0.0.1:9/elsewhere".into()),
                    trace_id: TraceId::generate(&SystemRandom),
                    metadata: SessionMetadata::new(),
                    event_at: now,
                    state: DeliveryState::Pending,
                    attempts: 1,
                    next_attempt_at: (number % 2 == 0).then_some(later),
                    queued_at: (number % 2 == 1).then_some(now),
                    give_up_at: now + Duration::from_hours(72),
                    finished_at: None,
                    last: None,
                    follow_up: false,
                })
                .collect();
            let work = self.stage.issuer.store().write(move |tx| {
                Box::pin(async move {
                    tx.insert_deliveries(&deliveries).await?;
                    Ok::<(), StorageError>(())
                })
            });
            work.await?;
        }
        Ok(())
    }

    /// Microseconds a delivery.
    async fn window(&mut self) -> anyhow::Result<f64> {
        let sessions = self
            .stage
            .seed(DELIVERIES / PARTICIPANTS, PARTICIPANTS)
            .await?;
        let took = end_all(&self.stage, &mut self.receivers, &sessions, DELIVERIES).await?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let count = DELIVERIES as f64;
        Ok(took.as_secs_f64() * 1e6 / count)
    }
}

async fn live_sessions() -> anyhow::Result<()> {
    let (mut few, mut many) = (Side::new().await?, Side::new().await?);
    let clients = Arc::new(few.stage.clients.clone());
    let mut small = few.settle(FEW, &clients).await?;
    let mut large = many.settle(MANY, &clients).await?;
    let (mut with_few, mut with_many) = (Vec::new(), Vec::new());
    for _ in 0..ENDS {
        with_few.push(few.end_one(&mut small).await?);
        with_many.push(many.end_one(&mut large).await?);
    }
    let (few, many) = (Percentiles::of(with_few), Percentiles::of(with_many));
    println!(
        "end of one of {MANY} live sessions: {many}, of {FEW}: {few}, asked 1.2 times ratio {:.2}",
        1.2 * few.p50 / many.p50
    );
    let resident = resident_mib()?;
    println!(
        "resident memory with both stores: {resident:.0} MiB, asked 200 MiB ratio {:.2}",
        200.0 / resident
    );
    Ok(())
}

impl Side {
    /// Begins that many sessions; gives the latest, since a million ids would count as memory.
    async fn settle(
        &mut self,
        sessions: usize,
        clients: &Arc<Vec<ClientId>>,
    ) -> anyhow::Result<Vec<SessionId>> {
        let mut latest = Vec::new();
        for _ in 0..sessions / FEW {
            latest = self.stage.seed_with(FEW, 1, Arc::clone(clients)).await?;
        }
        Ok(latest)
    }

    async fn end_one(&mut self, sessions: &mut Vec<SessionId>) -> anyhow::Result<f64> {
        let sid = sessions.pop().expect("enough are seeded");
        let told = self.receivers.told();
        let begun = Instant::now();
        self.stage.end(&sid).await?;
        let took = millis(begun.elapsed());
        while self.receivers.told() == told {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(took)
    }
}

fn resident_mib() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.unwrap_or_default().parse::<f64>()? / 1024.0)
}
