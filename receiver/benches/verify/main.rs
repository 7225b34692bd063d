//! What checking a logout token costs over what OpenSSL alone takes, in the same run.
//!
//! `cargo bench -p logout-receiver --bench verify`. Every line ends in `ratio R`. For `verify` and
//! `receive` R is our rate through the raw rate (1.0 would be free), in processor time and from
//! interleaved windows, so that whatever else the machine does meets both alike. `http.rs` measures the server's processor
//! time a request, `memory.rs` what the replay cache holds on to.

mod http;
mod memory;
mod tokens;

use std::fs;
use std::hint::black_box;

use logout_receiver::replay::{MemoryReplayCache, ReplayCache, ReservationOwner, TokenKey};
use logout_receiver::{BackchannelLogout, KeySource, SigningAlgorithm, Verifier};
use logout_shared::jwks::JwkSet;
use logout_shared::{ManualClock, SystemRandom};
use tokio::runtime::{Builder, Runtime};

use self::tokens::{CLIENT, ISSUER, Tokens, start};

const TOKENS: usize = 20_000;
const WINDOWS: usize = 30;
/// How long a window is, in processor time.
const WINDOW_MICROS: f64 = 100_000.0;

fn main() -> anyhow::Result<()> {
    if let Some(server) = http::Server::asked_for() {
        return server.run();
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    for algorithm in [
        SigningAlgorithm::Rs256,
        SigningAlgorithm::Es256,
        SigningAlgorithm::EdDsa,
    ] {
        let tokens = Tokens::sign(algorithm, TOKENS)?;
        compare("verify", &runtime, &tokens, &mut Verify::new(&tokens)?)?;
        if algorithm == SigningAlgorithm::Rs256 {
            compare("receive", &runtime, &tokens, &mut Receive::new(&tokens)?)?;
            http::compare(&tokens)?;
        }
    }
    memory::report(&runtime);
    Ok(())
}

/// One way of dealing with a token.
trait Check {
    /// Forgets the tokens seen so far; not measured.
    fn reset(&mut self) -> anyhow::Result<()>;
    /// Deals with one token.
    async fn check(&self, token: &str) -> anyhow::Result<()>;
}

/// The whole check: parse, key choice, signature, rules, reservation and commit in memory.
struct Verify {
    verifier: Verifier,
    replay: MemoryReplayCache,
}

impl Verify {
    fn new(tokens: &Tokens) -> anyhow::Result<Verify> {
        let verifier = builder(tokens)?.build_verifier()?;
        Ok(Verify {
            verifier,
            replay: MemoryReplayCache::new(&SystemRandom),
        })
    }
}

impl Check for Verify {
    fn reset(&mut self) -> anyhow::Result<()> {
        self.replay = MemoryReplayCache::new(&SystemRandom);
        Ok(())
    }

    async fn check(&self, token: &str) -> anyhow::Result<()> {
        let token = self.verifier.verify(token).await?;
        let scope = self.verifier.scope();
        let (issuer, client_id) = (&scope.issuer, &*scope.client_id);
        let key = TokenKey {
            issuer,
            client_id,
            jti: token.jti(),
        };
        let (owner, until) = (ReservationOwner::from_bits(1), token.expires_at());
        let outcome = self.replay.reserve(&key, owner, start(), until).await?;
        anyhow::ensure!(
            outcome == logout_receiver::replay::Reserved::Taken,
            "{outcome:?}"
        );
        self.replay.commit(&key, owner, start(), until).await?;
        Ok(())
    }
}

/// The whole flow, with a session index in memory and log lines that nobody reads.
struct Receive(BackchannelLogout);

impl Receive {
    fn new(tokens: &Tokens) -> anyhow::Result<Receive> {
        Ok(Receive(builder(tokens)?.in_memory().build()?))
    }
}

impl Check for Receive {
    fn reset(&mut self) -> anyhow::Result<()> {
        let verifier = self.0.verifier().key_state();
        anyhow::ensure!(verifier.keys == 1);
        Ok(())
    }

    async fn check(&self, token: &str) -> anyhow::Result<()> {
        match self.0.receive(token).await {
            // The second time round it is a replay, which costs the same but for the session index.
            Ok(_) => Ok(()),
            Err(error) if error.code() == "replayed" => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn builder(tokens: &Tokens) -> anyhow::Result<logout_receiver::Builder> {
    let keys = JwkSet::parse(tokens.key_set().as_bytes())?;
    Ok(BackchannelLogout::builder(ISSUER, CLIENT)
        .signing_algorithm(tokens.algorithm())
        .keys(KeySource::given(keys))
        .clock(ManualClock::at(start())))
}

/// Prints the medians of interleaved windows and their ratio.
fn compare(
    name: &str,
    runtime: &Runtime,
    tokens: &Tokens,
    check: &mut impl Check,
) -> anyhow::Result<()> {
    let (mut ours, mut raw) = (Vec::new(), Vec::new());
    // Both walk through all tokens, so that neither finds them in a nearer cache.
    let (mut next, mut next_raw) = (0, 0);
    for window in 0..WINDOWS {
        // The order alternates, so that neither profits from what the other warmed.
        if window % 2 == 0 {
            ours.push(our_window(runtime, tokens, check, &mut next)?);
            raw.push(raw_window(tokens, &mut next_raw)?);
        } else {
            raw.push(raw_window(tokens, &mut next_raw)?);
            ours.push(our_window(runtime, tokens, check, &mut next)?);
        }
    }
    let (ours, raw) = (median(ours), median(raw));
    let algorithm = tokens.algorithm();
    println!(
        "{name} {algorithm}: ours {ours:.0}/s raw {raw:.0}/s ratio {:.2}",
        ours / raw
    );
    Ok(())
}

fn our_window(
    runtime: &Runtime,
    tokens: &Tokens,
    check: &mut impl Check,
    next: &mut usize,
) -> anyhow::Result<f64> {
    let (mut count, mut spent) = (0.0, 0.0);
    while spent < WINDOW_MICROS {
        if *next == tokens.len() {
            check.reset()?;
            *next = 0;
        }
        let batch = *next..(*next + BATCH).min(tokens.len());
        *next = batch.end;
        count += number(batch.len());
        let before = own_micros()?;
        runtime.block_on(async {
            for number in batch {
                check.check(tokens.text(number)).await?;
            }
            anyhow::Ok(())
        })?;
        spent += own_micros()? - before;
    }
    Ok(count / spent * 1e6)
}

fn raw_window(tokens: &Tokens, next: &mut usize) -> anyhow::Result<f64> {
    let (mut count, mut spent) = (0.0, 0.0);
    while spent < WINDOW_MICROS {
        count += number(BATCH);
        let before = own_micros()?;
        for _ in 0..BATCH {
            anyhow::ensure!(black_box(tokens.verify_raw(*next)?));
            *next = (*next + 1) % tokens.len();
        }
        spent += own_micros()? - before;
    }
    Ok(count / spent * 1e6)
}

/// So many that looking at the time spent is nothing beside them.
const BATCH: usize = 500;

/// The processor time of this process so far; the kernel brings the figure up to date when a
/// thread yields.
fn own_micros() -> anyhow::Result<f64> {
    std::thread::yield_now();
    processor_micros(std::process::id())
}

/// What a process's threads have run so far.
fn processor_micros(process: u32) -> anyhow::Result<f64> {
    let mut nanos = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(nanos / 1e3)
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("some thousands"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
