//! How long a password check takes, and how many at once slow the answers down.
//!
//! `cargo bench -p logout-issuer --bench password [-- CHECKS]`. As many people as the first column
//! says check a password time and again, each as soon as the answer to the one before is there.
//! The checks go through the bounded pool of `login/password.rs`, so beyond the number of cores
//! they wait for each other. Beside them stands what one hash takes by itself, with nothing
//! around it: the raw limit of this machine, measured in the same run.

use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;
use logout_issuer::login::password::{check_password, hash_password};
use logout_shared::Secret;

/// How many people check at once, in turn.
const AT_ONCE: [usize; 6] = [1, 2, 4, 8, 16, 32];

#[tokio::main]
async fn main() {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let checks: usize = given.unwrap_or(200);
    let password = Secret::new(String::from("correct horse battery staple"));
    let phc = hash_password(&password).await;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores, {checks} checks a line");
    println!(
        "raw argon2id, one after the other: {}",
        raw(&password, &phc, checks)
    );
    for people in AT_ONCE {
        println!(
            "{people:>2} at once: {}",
            at_once(&password, &phc, people, checks).await
        );
    }
}

/// The hash alone, on this thread.
fn raw(password: &Secret<String>, phc: &str, checks: usize) -> Times {
    let begun = Instant::now();
    let hash = PasswordHash::new(phc).expect("we made it");
    let check = || {
        let begun = Instant::now();
        let good = Argon2::default().verify_password(password.expose().as_bytes(), &hash);
        good.expect("the password is right");
        begun.elapsed()
    };
    Times::new((0..checks).map(|_| check()).collect(), begun.elapsed())
}

/// Checks of so many people at once, each as its caller sees it.
async fn at_once(password: &Secret<String>, phc: &str, people: usize, checks: usize) -> Times {
    let begun = Instant::now();
    let each = checks.div_ceil(people);
    let person = || {
        let (password, phc) = (password.clone(), phc.to_owned());
        tokio::spawn(async move {
            let mut times = Vec::with_capacity(each);
            for _ in 0..each {
                let begun = Instant::now();
                assert!(check_password(&password, Some(&phc)).await);
                times.push(begun.elapsed());
            }
            times
        })
    };
    let people: Vec<_> = (0..people).map(|_| person()).collect();
    let mut times = Vec::new();
    for person in people {
        times.extend(person.await.expect("no check panics"));
    }
    Times::new(times, begun.elapsed())
}

/// Durations in order, and how long all of them took together.
struct Times {
    sorted: Vec<Duration>,
    all: Duration,
}

impl Times {
    fn new(mut times: Vec<Duration>, all: Duration) -> Self {
        times.sort_unstable();
        Self { sorted: times, all }
    }

    fn percentile(&self, percent: usize) -> Duration {
        let index = (self.sorted.len() * percent / 100).min(self.sorted.len() - 1);
        self.sorted[index]
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
        #[expect(clippy::cast_precision_loss, reason = "a few hundred checks")]
        let rate = self.sorted.len() as f64 / self.all.as_secs_f64();
        write!(
            f,
            "p50 {:.1} ms, p95 {:.1} ms, {rate:.0} a second",
            millis(self.percentile(50)),
            millis(self.percentile(95)),
        )
    }
}
