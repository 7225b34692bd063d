//! Deliveries a second from the end of sessions to "heard" in the store, beside the bare loop.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use logout_shared::{SessionId, SigningAlgorithm};

use crate::receivers::Receivers;
use crate::stage::Stage;
use crate::{median, processor_micros, raw};

const ENDPOINTS: usize = 100;
const PARTICIPANTS: usize = 10;
const DELIVERIES: usize = 20_000;
const WINDOWS: usize = 5;
/// How many people end their sessions at the same time.
const CALLERS: usize = 64;
/// How many deliveries may be owed until callers wait: what is durable has a longer way to go.
const OWED: u64 = 512;

pub(crate) async fn compare(algorithm: SigningAlgorithm) -> anyhow::Result<()> {
    let limit_a = raw::signatures(algorithm, Duration::from_secs(2))?;
    let mut receivers = Receivers::start(ENDPOINTS)?;
    let urls = receivers.urls();
    let mut stage = Stage::new(&urls, algorithm).await?;
    // Connections and pages are warm for both.
    raw::bare_loop(&stage, &urls, algorithm, 1_000).await?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (mut our_cost, mut bare_cost, mut their_cost) = (Vec::new(), Vec::new(), Vec::new());
    for window in 0..WINDOWS {
        for turn in 0..2 {
            let process = std::process::id();
            let theirs = receivers.process_id();
            let seeded = stage.seed(DELIVERIES / PARTICIPANTS, PARTICIPANTS).await?;
            let before = (processor_micros(process)?, processor_micros(theirs)?);
            let is_ours = (window + turn) % 2 == 0;
            let took = if is_ours {
                end_all(&stage, &mut receivers, &seeded, DELIVERIES).await?
            } else {
                raw::bare_loop(&stage, &urls, algorithm, DELIVERIES).await?
            };
            let spent = processor_micros(process)? - before.0;
            let rate = per_second(took);
            if is_ours {
                ours.push(rate);
                our_cost.push(spent / count());
                their_cost.push((processor_micros(theirs)? - before.1) / count());
            } else {
                bare.push(rate);
                bare_cost.push(spent / count());
            }
        }
    }
    let (ours, bare) = (median(ours), median(bare));
    println!(
        "deliver {algorithm}: ours {ours:.0}/s bare loop {bare:.0}/s OpenSSL alone {limit_a:.0}/s, \
         CPU per delivery {:.0} us, bare {:.0} us, receivers {:.0} us ratio {:.2}",
        median(our_cost),
        median(bare_cost),
        median(their_cost),
        ours / bare
    );
    stage.issuer.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

/// Ends the sessions as fast as their clients are told, many callers at a time, and waits until
/// all is recorded.
pub(crate) async fn end_all(
    stage: &Stage,
    receivers: &mut Receivers,
    sessions: &[SessionId],
    expected: usize,
) -> anyhow::Result<Duration> {
    let told_before = receivers.told();
    let (next, caused, told) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    let caller = || async {
        while let Some(sid) = sessions.get(next.fetch_add(1, Ordering::Relaxed)) {
            while caused.load(Ordering::Relaxed) > told.load(Ordering::Relaxed) + OWED {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            caused.fetch_add(stage.end(sid).await? as u64, Ordering::Relaxed);
        }
        anyhow::Ok(())
    };
    let watch = async {
        loop {
            let now = receivers.told() - told_before;
            told.store(now, Ordering::Relaxed);
            if now == expected as u64 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let callers = futures_util::future::try_join_all((0..CALLERS).map(|_| caller()));
    let (ended, ()) = tokio::join!(callers, watch);
    ended?;
    stage.until_recorded().await?;
    let took = begun.elapsed();
    let caused = caused.into_inner();
    anyhow::ensure!(caused == expected as u64, "{caused} deliveries");
    Ok(took)
}

fn count() -> f64 {
    f64::from(u32::try_from(DELIVERIES).expect("a few thousand"))
}

fn per_second(took: Duration) -> f64 {
    count() / took.as_secs_f64()
}
