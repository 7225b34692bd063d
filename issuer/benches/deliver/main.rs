//! What telling clients costs, beside what the machine can do at all, in the same run.
//!
//! `cargo bench -p logout-issuer --bench deliver` measures throughput and the end of sessions and
//! ends within three minutes; `-- rs256`, `es256`, `end`, `latency`, `isolation`, `growth` or `all` for
//! one part or the rest. Ratios
//! hold on a noisy machine, rates do not: every line says both. `raw.rs` has the raw limits.

mod growth;
mod isolation;
mod latency;
mod raw;
mod receivers;
mod session_end;
mod stage;
mod throughput;

use std::fmt;
use std::time::Duration;

use logout_shared::SigningAlgorithm;

/// What the server uses.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many deliveries are under way, with us and in the bare loop.
const IN_FLIGHT: usize = 256;

fn main() -> anyhow::Result<()> {
    if receivers::serve_if_asked() {
        return Ok(());
    }
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(&wanted))
}

async fn measure(wanted: &[String]) -> anyhow::Result<()> {
    let is_wanted = |part: &str, by_default: bool| {
        wanted.iter().any(|one| one == part || one == "all") || (wanted.is_empty() && by_default)
    };
    if is_wanted("rs256", true) {
        throughput::compare(SigningAlgorithm::Rs256).await?;
    }
    if is_wanted("es256", true) {
        throughput::compare(SigningAlgorithm::Es256).await?;
    }
    if is_wanted("end", true) {
        session_end::measure().await?;
    }
    if is_wanted("latency", false) {
        latency::measure().await?;
    }
    if is_wanted("isolation", false) {
        isolation::measure().await?;
    }
    if is_wanted("growth", false) {
        growth::measure().await?;
    }
    Ok(())
}

/// Where half and where 95 of a hundred values lie, in milliseconds.
struct Percentiles {
    p50: f64,
    p95: f64,
    count: usize,
}

impl Percentiles {
    fn of(mut values: Vec<f64>) -> Percentiles {
        values.sort_unstable_by(f64::total_cmp);
        let at = |percent: usize| values.get(values.len() * percent / 100).copied();
        Percentiles {
            p50: at(50).unwrap_or(f64::NAN),
            p95: at(95).unwrap_or(f64::NAN),
            count: values.len(),
        }
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Percentiles { p50, p95, count } = self;
        write!(f, "p50 {p50:.2} ms, p95 {p95:.2} ms, n {count}")
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What the process's threads have run so far.
fn processor_micros(process: u32) -> anyhow::Result<f64> {
    // Threads that have ended are counted too: hundredths of a second are fine enough here.
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|field| field.parse::<f64>().ok())
    };
    let (user, system) = (ticks(11).unwrap_or(0.0), ticks(12).unwrap_or(0.0));
    Ok((user + system) * 10_000.0)
}
