//! The whole story played alone: every step over real HTTP, each with its time.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use logout_tests::browser::Browser;
use logout_tests::http::{Management, decode_part};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{EMAIL, PASSWORD, Stage};
use crate::tap::Heard;

/// How long the app may take to hear of the logout.
const PATIENCE: Duration = Duration::from_secs(10);

/// Plays the story once.
///
/// # Errors
///
/// The first step that did not go as it must.
pub(crate) async fn play(stage: &Stage) -> anyhow::Result<()> {
    let browser = Browser::new();
    let app = &stage.app_url;
    let protected = format!("{app}protected");

    let sid = step("sign in through the login page", sign_in(stage, &browser)).await?;
    step("open the protected page", async {
        let page = browser.peek(&protected).await?;
        ensure!(
            page.status == 200,
            "the protected page answers {}",
            page.status
        );
        Ok(())
    })
    .await?;
    let management = step("get a Management API token", management(stage)).await?;
    let metadata = json!({ "deviceName": "Ada's laptop", "tenant": "acme" });
    step("PATCH the session's metadata", async {
        let (status, body) = management.set_metadata(&sid, &metadata).await;
        ensure!(
            status == 200 && body["session_metadata"] == metadata,
            "{status}: {body}"
        );
        Ok(())
    })
    .await?;

    let heard = stage.tap.next();
    step("revoke the session", async {
        let path = format!("sessions/{sid}/revoke");
        let (status, body) = management.call(Method::POST, &path, None).await;
        ensure!(status == 202, "{status}: {body}");
        Ok(())
    })
    .await?;
    let heard = step("the app hears of it", async {
        tokio::time::timeout(PATIENCE, heard)
            .await
            .context("the app was not told")
    })
    .await?;
    check_token(&heard, &sid, &metadata)?;

    step("the app's session is over, and the app knows why", async {
        let page = browser.peek(&format!("{app}session")).await?;
        let session: Value = serde_json::from_str(&page.body)?;
        ensure!(session["active"] == false, "{session}");
        ensure!(session["ended_by"] == "backchannel-logout", "{session}");
        ensure!(session["session_metadata"] == metadata, "{session}");
        Ok(())
    })
    .await?;
    step("the protected page is refused", async {
        let page = browser.peek(&protected).await?;
        ensure!(
            page.status == 302,
            "the protected page answers {}",
            page.status
        );
        Ok(())
    })
    .await
}

async fn sign_in(stage: &Stage, browser: &Browser) -> anyhow::Result<String> {
    let page = browser.open(&format!("{}login", stage.app_url)).await?;
    ensure!(
        page.has_field("password"),
        "no login page at {} ({})",
        page.url,
        page.status
    );
    let page = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await?;
    ensure!(
        page.url.as_str() == stage.app_url,
        "the browser ended at {}",
        page.url
    );
    let session = browser.peek(&format!("{}session", stage.app_url)).await?;
    let session: Value = serde_json::from_str(&session.body)?;
    ensure!(session["active"] == true, "{session}");
    Ok(session["sid"]
        .as_str()
        .context("the ID Token has no sid")?
        .to_owned())
}

async fn management(stage: &Stage) -> anyhow::Result<Management> {
    Ok(Management::sign_in(&stage.issuer_url, &stage.client_id, &stage.client_secret).await)
}

fn check_token(heard: &Heard, sid: &str, metadata: &Value) -> anyhow::Result<()> {
    let (header, claims) = (decode_part(&heard.token, 0), decode_part(&heard.token, 1));
    println!("\nheader {header:#}\nclaims {claims:#}\n");
    ensure!(heard.status == 200, "the app answered {}", heard.status);
    ensure!(header["typ"] == "logout+jwt", "typ is {}", header["typ"]);
    ensure!(claims["sid"] == sid, "sid is {}", claims["sid"]);
    ensure!(
        &claims["session_metadata"] == metadata,
        "metadata is {}",
        claims["session_metadata"]
    );
    Ok(())
}

async fn step<T>(what: &str, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let begun = Instant::now();
    let result = work.await;
    let outcome = if result.is_ok() { "ok" } else { "FAILED" };
    println!(
        "{:>8.1} ms  {outcome:<7} {what}",
        begun.elapsed().as_secs_f64() * 1_000.0
    );
    result.with_context(|| format!("failed: {what}"))
}
