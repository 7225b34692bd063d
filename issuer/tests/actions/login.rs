//! Actions in logins: what they write arrives in the session, the user and the tokens.

use std::time::Duration;

use logout_issuer::domain::session::{CookieMode, Session};
use serde_json::json;

use crate::house::{House, NOW, claims, shop_request};
use crate::stage::{events, install, open, sign_in};

async fn session(house: &House) -> Session {
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let page = snapshot
        .list_sessions_of_user(&house.ada.id, None, 10, house.issuer.now())
        .await;
    let mut sessions = page.unwrap().sessions;
    assert_eq!(sessions.len(), 1, "not one session: {sessions:?}");
    sessions.remove(0).0
}

async fn sessions(house: &House) -> usize {
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let page = snapshot
        .list_sessions_of_user(&house.ada.id, None, 10, house.issuer.now())
        .await;
    page.unwrap().sessions.len()
}

#[tokio::test]
async fn the_device_name_lands_in_the_session_and_in_the_next_actions_event() {
    let house = open().await;
    install(&house, &[
        "api.session.setMetadata('deviceName', event.request.user_agent); console.log('first');",
        "api.session.setMetadata('seen', event.session.metadata.deviceName + '!');
         api.idToken.setCustomClaim('https://a.example/device', event.session.metadata.seen);
         api.accessToken.setCustomClaim('color', ['red']).accessToken.addScope('extra');
         api.user.setAppMetadata('logins', event.stats.logins_count);",
    ])
    .await;
    let mut browser = house.browser();
    let answer = sign_in(&mut browser, &house).await;
    let tokens = house.redeem(&answer.parameter("code")).await.json();
    let session = session(&house).await;
    assert_eq!(session.metadata.get("deviceName"), Some("a browser"));
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(id_token["https://a.example/device"], "a browser!");
    let access_token = claims(tokens["access_token"].as_str().unwrap());
    assert_eq!(access_token["color"], json!(["red"]));
    assert_eq!(tokens["scope"], "openid profile email extra");
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let ada = snapshot.find_user(&house.ada.id).await.unwrap().unwrap();
    assert_eq!(ada.app_metadata["logins"], 1);
    let runs = snapshot.list_action_executions(None, 10).await.unwrap();
    assert_eq!(runs.len(), 2);
    assert!(
        runs.iter()
            .any(|run| run.console == "first" && run.session.as_ref() == Some(&session.id))
    );
}

#[tokio::test]
async fn a_silent_login_runs_the_actions_again_on_the_same_session() {
    let house = open().await;
    install(
        &house,
        &[
            "const n = Number(event.session.metadata.n ?? 0);
         api.session.setMetadata('n', String(n + 1));
         api.idToken.setCustomClaim('clients', event.session.clients.map((one) => one.client_id));",
        ],
    )
    .await;
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    let answer = browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await;
    let tokens = house.redeem(&answer.parameter("code")).await.json();
    assert_eq!(session(&house).await.metadata.get("n"), Some("2"));
    let token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(token["clients"], json!(["shop"]));
}

#[tokio::test]
async fn a_denial_goes_to_the_app_with_its_reason_and_begins_no_session() {
    let house = open().await;
    install(
        &house,
        &[
            "api.access.deny('Not on Sundays.');",
            "throw new Error('never reached');",
        ],
    )
    .await;
    let mut browser = house.browser();
    let answer = sign_in(&mut browser, &house).await;
    assert_eq!(answer.parameter("error"), "access_denied");
    assert_eq!(answer.parameter("error_description"), "Not on Sundays.");
    assert_eq!(answer.parameter("state"), "st&te");
    assert_eq!(answer.parameter("iss"), house.issuer.id().as_str());
    assert!(browser.cookie.is_none());
    assert_eq!(sessions(&house).await, 0);
    assert_eq!(
        events(&house, "f").await[0]["description"],
        "Not on Sundays."
    );
    assert!(events(&house, "actions_execution_failed").await.is_empty());
}

#[tokio::test]
async fn a_denial_in_a_session_keeps_its_metadata_and_a_revocation_ends_it() {
    let house = open().await;
    install(
        &house,
        &["if (event.transaction.prompt[0] !== 'none') return;
         api.session.setMetadata('note', 'kept');
         if (event.session.metadata.again) api.session.revoke('Gone.'); else api.access.deny('No.');
         api.session.setMetadata('again', 'yes');"],
    )
    .await;
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    let silent = house.url(&shop_request(&[("prompt", "none")]));
    let answer = browser.get(&silent).await;
    assert_eq!(answer.parameter("error_description"), "No.");
    assert_eq!(session(&house).await.metadata.get("note"), Some("kept"));
    let answer = browser.get(&silent).await;
    assert_eq!(answer.parameter("error"), "access_denied");
    assert_eq!(answer.parameter("error_description"), "Gone.");
    assert_eq!(sessions(&house).await, 0);
    let answer = browser.get(&silent).await;
    assert_eq!(answer.parameter("error"), "login_required");
}

#[tokio::test]
async fn an_action_can_shorten_a_sessions_life_but_not_lengthen_it() {
    let house = open().await;
    let soon = (NOW + Duration::from_hours(1)).as_millis();
    let late = (NOW + Duration::from_hours(10_000)).as_millis();
    install(
        &house,
        &[&format!(
            "const silent = event.transaction.prompt[0] === 'none';
         api.session.setExpiresAt(silent ? {late} : {soon});
         api.session.setExpiresAt({late});
         api.session.setCookieMode('non-persistent');"
        )],
    )
    .await;
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    let begun = session(&house).await;
    assert_eq!(begun.expires_at.as_millis(), soon);
    assert_eq!(begun.idle_expires_at.as_millis(), soon);
    assert_eq!(begun.cookie_mode, CookieMode::NonPersistent);
    assert!(events(&house, "w").await.is_empty());
    browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await
        .parameter("code");
    let longest = NOW + house.issuer.session_lifetimes().absolute;
    assert_eq!(session(&house).await.expires_at, longest);
    assert_eq!(events(&house, "w").await.len(), 1);
}

#[tokio::test]
async fn what_an_action_changes_in_a_silent_login_reaches_the_browsers_cookie() {
    let house = open().await;
    let soon = (NOW + Duration::from_hours(1)).as_millis();
    let change = format!(
        "if (event.transaction.prompt[0] !== 'none') return;
         if (event.session.metadata.n) api.session.setCookieMode('non-persistent');
         else api.session.setExpiresAt({soon});
         api.session.setMetadata('n', 'n');"
    );
    install(&house, &[&change]).await;
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    let held = browser.cookie.clone().unwrap();
    let silent = house.url(&shop_request(&[("prompt", "none")]));
    for told in ["; Max-Age=3600", "; Secure", ""] {
        let answer = browser.get(&silent).await;
        answer.parameter("code");
        let cookie = answer.header(axum::http::header::SET_COOKIE);
        assert!(cookie.ends_with(told), "{cookie}");
        assert_eq!(cookie.is_empty(), told.is_empty(), "{cookie}");
        assert_eq!(browser.cookie.as_ref(), Some(&held));
    }
}

#[tokio::test]
async fn a_blocked_user_sets_no_action_going() {
    let house = open().await;
    install(&house, &["throw new Error('ran');"]).await;
    let mut ada = house.ada.clone();
    ada.blocked = true;
    let store = house.issuer.store();
    let write = store.write(move |tx| Box::pin(async move { tx.update_user(&ada).await }));
    assert!(write.await.unwrap());
    let answer = sign_in(&mut house.browser(), &house).await;
    assert_eq!(answer.status, 403);
    assert!(events(&house, "actions_execution_failed").await.is_empty());
}
