//! How long the end of a session takes until it is durable, on an idle machine, beside the time in
//! which the disk itself makes four kilobytes durable.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use logout_shared::SigningAlgorithm;

use crate::receivers::Receivers;
use crate::stage::Stage;
use crate::{Percentiles, millis};

const ENDPOINTS: usize = 100;
const SESSIONS: usize = 100;

pub(crate) async fn measure() -> anyhow::Result<()> {
    let mut receivers = Receivers::start(ENDPOINTS)?;
    let mut stage = Stage::new(&receivers.urls(), SigningAlgorithm::Es256).await?;
    let disk = fdatasync(&stage)?;
    println!("disk: write and fdatasync of 4 KiB {disk} ratio 1.00");
    for (participants, limit_ms) in [(1, 1.5), (10, 2.0), (100, 5.0)] {
        let seeded = stage.seed(SESSIONS, participants).await?;
        let mut took = Vec::new();
        for sid in &seeded {
            let told = receivers.told();
            let begun = Instant::now();
            let caused = stage.end(sid).await? as u64;
            took.push(millis(begun.elapsed()));
            while receivers.told() < told + caused {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stage.until_recorded().await?;
        }
        let took = Percentiles::of(took);
        println!(
            "end of a session with {participants} participants: {took}, asked p95 {limit_ms:.1} ms \
             ratio {:.2}",
            limit_ms / took.p95
        );
    }
    stage.issuer.shutdown(Duration::from_secs(5)).await;
    Ok(())
}

fn fdatasync(stage: &Stage) -> anyhow::Result<Percentiles> {
    let mut file = std::fs::File::create(stage.folder.path().join("raw"))?;
    let block = [7; 4096];
    file.write_all(&block)?;
    let mut took = Vec::new();
    for _ in 0..SESSIONS {
        let begun = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        file.sync_data()?;
        took.push(millis(begun.elapsed()));
    }
    Ok(Percentiles::of(took))
}
