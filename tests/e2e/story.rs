//! The main job on real input: sign in, metadata, revoke, told, out; and again after a crash.

use logout_tests::browser::Browser;
use logout_tests::http::Management;
use logout_tests::issuer_process::{CreatedClient, IssuerHome, IssuerProcess};
use logout_tests::relying_party::{Answer, TestRelyingParty, Told};
use logout_tests::sign_in::{SignIn, SignedIn};
use serde_json::json;
use tempfile::TempDir;

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery staple";

/// A server with one user and one client, and that client's app.
struct Stage {
    folder: TempDir,
    home: IssuerHome,
    server: IssuerProcess,
    shop: TestRelyingParty,
    client: CreatedClient,
}

impl Stage {
    async fn set() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let home = IssuerHome::new(folder.path(), "").expect("a folder to write to");
        let shop = TestRelyingParty::start().await;
        let client = home.create_client(&shop.callback(), &shop.url()).await;
        home.create_user(EMAIL, PASSWORD).await;
        let server = IssuerProcess::start(&home).await;
        Self {
            folder,
            home,
            server,
            shop,
            client,
        }
    }

    async fn sign_in(&self, browser: &Browser) -> SignedIn {
        let sign_in = SignIn {
            issuer: &self.home.issuer(),
            client: &self.client,
            callback: &self.shop.callback(),
            email: EMAIL,
            password: PASSWORD,
        };
        sign_in.walk(browser).await
    }

    async fn management(&self) -> Management {
        Management::sign_in(&self.home.issuer(), &self.client.id, &self.client.secret).await
    }
}

fn assert_tells(told: &Told, person: &SignedIn, stage: &Stage) {
    assert_eq!(
        told.content_type.as_deref(),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(told.fields.len(), 1, "nothing but logout_token");
    let (header, claims) = (told.header(), told.claims());
    assert_eq!(header["typ"], "logout+jwt");
    assert_eq!(header["alg"], "RS256");
    assert_eq!(claims["iss"], stage.home.issuer());
    assert_eq!(claims["aud"], stage.client.id.as_str());
    assert_eq!(claims["sid"], person.sid());
    assert_eq!(
        claims["events"],
        json!({ "http://schemas.openid.net/event/backchannel-logout": {} })
    );
    let times = (claims["iat"].as_i64(), claims["exp"].as_i64());
    assert!(
        matches!(times, (Some(iat), Some(exp)) if exp == iat + 120),
        "{claims}"
    );
    assert_eq!(claims.get("nonce"), None);
}

#[tokio::test]
async fn g2_g12_a_revoked_session_is_told_with_its_metadata_and_asks_for_the_password_again() {
    let stage = Stage::set().await;
    let browser = Browser::new();
    let person = stage.sign_in(&browser).await;
    let management = stage.management().await;
    let metadata = json!({ "deviceName": "Ada's laptop", "plan": "gold" });
    let (status, body) = management.set_metadata(person.sid(), &metadata).await;
    assert_eq!(
        (status.as_u16(), &body["session_metadata"]),
        (200, &metadata)
    );

    let path = format!("sessions/{}/revoke", person.sid());
    let (status, body) = management.call(reqwest::Method::POST, &path, None).await;
    assert_eq!((status.as_u16(), body), (202, json!(null)));

    let told = stage.shop.wait_for(1).await;
    assert_tells(&told[0], &person, &stage);
    assert_eq!(told[0].claims()["session_metadata"], metadata);
    let (status, body) = management
        .call(
            reqwest::Method::GET,
            &format!("sessions/{}", person.sid()),
            None,
        )
        .await;
    assert_eq!(
        (status.as_u16(), &body["errorCode"]),
        (404, &json!("inexistent_session"))
    );
    let again = stage.sign_in(&browser).await;
    assert_ne!(
        again.sid(),
        person.sid(),
        "a session id is never used again"
    );
}

#[tokio::test]
async fn g9_a_second_sign_in_in_one_browser_keeps_the_session_and_needs_no_password() {
    let stage = Stage::set().await;
    let browser = Browser::new();
    let first = stage.sign_in(&browser).await;
    let second = stage.sign_in(&browser).await;
    assert_eq!(first.sid(), second.sid());
    let other = stage.sign_in(&Browser::new()).await;
    assert_ne!(first.sid(), other.sid());
}

#[tokio::test]
async fn g16_g17_an_app_that_is_down_is_told_when_it_is_back() {
    let stage = Stage::set().await;
    let person = stage.sign_in(&Browser::new()).await;
    stage
        .shop
        .answer_in_turn([Answer::Status(503), Answer::Reset]);
    let (status, _) = stage.management().await.delete_session(person.sid()).await;
    assert_eq!(status.as_u16(), 202);
    let told = stage.shop.wait_for(3).await;
    for attempt in &told {
        assert_tells(attempt, &person, &stage);
    }
    let jtis: std::collections::HashSet<_> = told
        .iter()
        .map(|attempt| attempt.claims()["jti"].to_string())
        .collect();
    assert_eq!(jtis.len(), 3, "each attempt has a jti of its own");
    let traces: std::collections::HashSet<_> = told
        .iter()
        .map(|attempt| attempt.claims()["trace_id"].to_string())
        .collect();
    assert_eq!(traces.len(), 1, "all attempts have one trace_id");
}

#[tokio::test]
async fn g25_a_server_killed_between_the_end_and_the_delivery_tells_after_its_restart() {
    let stage = Stage::set().await;
    let person = stage.sign_in(&Browser::new()).await;
    // The app hangs, so the end is committed and the delivery is not made.
    stage.shop.always_answer(Answer::Hang);
    let (status, _) = stage.management().await.delete_session(person.sid()).await;
    assert_eq!(status.as_u16(), 202);
    stage.shop.wait_for(1).await;
    let Stage {
        folder,
        home,
        server,
        shop,
        client,
    } = stage;
    server.kill().await;
    shop.always_answer(Answer::Status(200));
    let server = IssuerProcess::start(&home).await;
    let told = shop.wait_for(2).await;
    let stage = Stage {
        folder,
        home,
        server,
        shop,
        client,
    };
    assert_tells(&told[1], &person, &stage);
}

#[tokio::test]
async fn a_session_ended_by_the_command_line_beside_a_running_server_is_told() {
    let stage = Stage::set().await;
    let person = stage.sign_in(&Browser::new()).await;
    let output = stage.home.run(&["session", "end", person.sid()]).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told = stage.shop.wait_for(1).await;
    assert_tells(&told[0], &person, &stage);
}

#[tokio::test]
async fn the_log_of_the_server_holds_no_token_password_or_secret() {
    let stage = Stage::set().await;
    let person = stage.sign_in(&Browser::new()).await;
    stage.management().await.delete_session(person.sid()).await;
    let told = stage.shop.wait_for(1).await;
    let log = stage.server.log();
    for secret in [
        told[0].token(),
        &person.id_token,
        PASSWORD,
        &stage.client.secret,
        EMAIL,
    ] {
        assert!(!log.contains(secret), "the log holds a secret");
    }
}
