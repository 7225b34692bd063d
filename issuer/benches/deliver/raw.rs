//! The limits of the machine, taken in the same run.
//!
//! Limit A is OpenSSL alone: signatures a second over all cores. Limit B is a bare loop that mints,
//! signs and posts with the same signing threads, the same HTTP client and the same receivers,
//! and remembers nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use logout_issuer::domain::logout_settings::LogoutUrl;
use logout_shared::logout_token::request::FIELD;
use logout_shared::logout_token::{Audience, Events, LogoutClaims};
use logout_shared::{SigningAlgorithm, SystemRandom, TokenId};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sign::Signer;

use crate::IN_FLIGHT;
use crate::stage::Stage;

/// Signatures a second over all cores, by OpenSSL alone.
pub(crate) fn signatures(algorithm: SigningAlgorithm, window: Duration) -> anyhow::Result<f64> {
    let key = if algorithm == SigningAlgorithm::Rs256 {
        PKey::from_rsa(Rsa::generate(2048)?)?
    } else {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        PKey::from_ec_key(EcKey::generate(&group)?)?
    };
    let cores = std::thread::available_parallelism()?.get();
    let made = AtomicU64::new(0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while begun.elapsed() < window {
                    for _ in 0..20 {
                        let mut signer =
                            Signer::new(MessageDigest::sha256(), &key).expect("a signer");
                        signer.update(&[7; 600]).expect("bytes");
                        std::hint::black_box(signer.sign_to_vec().expect("a signature"));
                    }
                    made.fetch_add(20, Ordering::Relaxed);
                }
            });
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let made = made.into_inner() as f64;
    Ok(made / begun.elapsed().as_secs_f64())
}

/// Mints, signs and posts `count` tokens to the URLs in turn, with as many under way as the worker
/// has; gives the time it took.
pub(crate) async fn bare_loop(
    stage: &Stage,
    urls: &[String],
    algorithm: SigningAlgorithm,
    count: usize,
) -> anyhow::Result<Duration> {
    let urls: Vec<_> = urls.iter().cloned().map(LogoutUrl::from_stored).collect();
    let (urls, next) = (Arc::new(urls), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (issuer, urls, next) = (stage.issuer.clone(), Arc::clone(&urls), Arc::clone(&next));
        tasks.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(());
                }
                let claims = claims(number, issuer.now().as_secs());
                let token = issuer
                    .keys()
                    .sign(algorithm, "logout+jwt", claims.to_json())
                    .await?;
                let url = &urls[number % urls.len()];
                let answer = issuer
                    .egress()
                    .post_form(url, FIELD, &token, Duration::from_secs(5))
                    .await?;
                anyhow::ensure!(answer.status == 200, "not answered 200");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(begun.elapsed())
}

fn claims(number: usize, now: i64) -> LogoutClaims {
    LogoutClaims {
        iss: "https://issuer.example/".into(),
        sub: Some(format!("auth0|{number:024}")),
        aud: Audience::One("client-0001".into()),
        iat: now,
        exp: now + 120,
        jti: TokenId::generate(&SystemRandom).as_str().to_owned(),
        events: Events,
        sid: Some(format!("{number:032}")),
        toe: None,
        trace_id: Some("0123456789abcdef".into()),
        session_metadata: None,
    }
}
