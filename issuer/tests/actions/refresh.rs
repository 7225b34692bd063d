//! Actions at the exchange of a refresh token.

use std::time::Duration;

use axum::http::StatusCode;
use logout_issuer::domain::initiator::Initiator;
use logout_shared::SessionId;
use serde_json::{Value, json};

use crate::house::{Browser, House, NOW, Reply, SECRET, claims, shop_request};
use crate::stage::{events, install, open, sign_in};

/// Acts at exchanges only.
const AT_EXCHANGE: &str = "if (event.transaction.protocol !== 'oauth2-refresh-token') return;";

/// Signs Ada in, silently if the browser has a session, and gives the shop's tokens.
async fn tokens(house: &House, browser: &mut Browser<'_>) -> Value {
    let scope = [("scope", "openid offline_access")];
    if browser.cookie.is_none() {
        sign_in(browser, house).await;
    }
    let answer = browser.get(&house.url(&shop_request(&scope))).await;
    house.redeem(&answer.parameter("code")).await.json()
}

async fn exchange(house: &House, tokens: &Value) -> Reply {
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", "shop"),
        ("client_secret", SECRET),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    house.post("/oauth/token", None, &fields).await
}

fn id_token(tokens: &Value) -> Value {
    claims(tokens["id_token"].as_str().unwrap())
}

fn sid(tokens: &Value) -> SessionId {
    id_token(tokens)["sid"].as_str().unwrap().parse().unwrap()
}

async fn metadata(house: &House, tokens: &Value, key: &str) -> Option<String> {
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let (sid, now) = (sid(tokens), house.issuer.now());
    let session = snapshot.find_session(&sid, now).await.unwrap().unwrap();
    session.metadata.get(key).map(str::to_owned)
}

fn assert_denied(reply: &Reply, why: &str) {
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{reply:?}");
    assert_eq!(reply.json()["error"], "invalid_grant");
    assert_eq!(reply.json()["error_description"], why);
}

#[tokio::test]
async fn an_action_sees_the_token_and_the_session_at_an_exchange() {
    let house = open().await;
    let tell = format!(
        "{AT_EXCHANGE} api.idToken.setCustomClaim('seen',
         {{ refresh_token: event.refresh_token, session: event.session?.id,
            transaction: event.transaction, user: event.user.user_id }});"
    );
    install(&house, &[&tell]).await;
    let first = tokens(&house, &mut house.browser()).await;
    assert!(id_token(&first).get("seen").is_none());
    house.clock.advance(Duration::from_mins(1));
    let second = exchange(&house, &first).await.json();
    let seen = &id_token(&second)["seen"];
    assert_eq!(seen["session"], sid(&first).as_str());
    assert_eq!(seen["user"], house.ada.id.as_str());
    let token = &seen["refresh_token"];
    assert!(token["id"].as_str().unwrap().len() > 20, "{seen}");
    assert_eq!(token["client_id"], "shop");
    assert_eq!(token["session_id"], sid(&first).as_str());
    assert_eq!(token["created_at"], NOW.to_rfc3339());
    let days = |days: u64| (NOW + Duration::from_hours(24 * days)).to_rfc3339();
    assert_eq!(token["expires_at"], days(30));
    assert_eq!(token["idle_expires_at"], days(15));
    assert!(token["device"].is_object(), "{seen}");
    let scopes = json!(["openid", "offline_access"]);
    assert_eq!(seen["transaction"]["requested_scopes"], scopes);
    assert_eq!(seen["transaction"]["protocol"], "oauth2-refresh-token");
}

#[tokio::test]
async fn a_login_has_no_refresh_token_in_its_event() {
    let house = open().await;
    let tell = "api.idToken.setCustomClaim('kind', typeof event.refresh_token);";
    install(&house, &[tell]).await;
    let first = tokens(&house, &mut house.browser()).await;
    assert_eq!(id_token(&first)["kind"], "undefined");
    let second = exchange(&house, &first).await.json();
    assert_eq!(id_token(&second)["kind"], "object");
}

#[tokio::test]
async fn what_an_action_changes_at_an_exchange_is_kept_and_in_the_new_tokens() {
    let house = open().await;
    let change = format!(
        "{AT_EXCHANGE} api.session.setMetadata('at', 'exchange');
         api.user.setAppMetadata('refreshed', true);
         api.accessToken.setCustomClaim('color', 'red').accessToken.addScope('extra');
         api.idToken.setCustomClaim('metadata', event.session.metadata.at);"
    );
    install(&house, &[&change]).await;
    let first = tokens(&house, &mut house.browser()).await;
    let second = exchange(&house, &first).await.json();
    assert_eq!(second["scope"], "openid offline_access extra");
    assert_eq!(id_token(&second)["metadata"], "exchange");
    let access_token = claims(second["access_token"].as_str().unwrap());
    assert_eq!(access_token["color"], "red");
    assert_eq!(metadata(&house, &first, "at").await.unwrap(), "exchange");
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let ada = snapshot.find_user(&house.ada.id).await.unwrap().unwrap();
    assert_eq!(ada.app_metadata["refreshed"], true);
    let runs = snapshot.list_action_executions(None, 10).await.unwrap();
    assert_eq!(runs.len(), 3, "two logins and an exchange");
}

#[tokio::test]
async fn after_the_sessions_end_there_is_none_in_the_event_and_nothing_to_set() {
    let house = open().await;
    let tell = format!(
        "{AT_EXCHANGE} api.idToken.setCustomClaim('session', typeof event.session);
         try {{ api.session.setMetadata('a', 'b'); }}
         catch (error) {{ api.idToken.setCustomClaim('told', error.message); }}"
    );
    install(&house, &[&tell]).await;
    let first = tokens(&house, &mut house.browser()).await;
    let sessions = house.issuer.sessions();
    let ended = sessions.end(&sid(&first), Initiator::RpLogout).await;
    assert_eq!(ended.unwrap().sessions.len(), 1);
    let second = exchange(&house, &first).await.json();
    let token = id_token(&second);
    assert_eq!(token["session"], "undefined");
    let told = token["told"].as_str().unwrap();
    assert!(told.contains("a session that does not exist"), "{told}");
}

#[tokio::test]
async fn a_denial_is_told_with_its_reason_and_does_not_use_the_token_up() {
    let house = open().await;
    let deny = format!(
        "{AT_EXCHANGE} if (event.session.metadata.tried) return;
         api.session.setMetadata('tried', 'yes'); api.access.deny('Not on Sundays.');"
    );
    install(&house, &[&deny]).await;
    let first = tokens(&house, &mut house.browser()).await;
    assert_denied(&exchange(&house, &first).await, "Not on Sundays.");
    assert_eq!(events(&house, "fertft").await.len(), 1);
    assert!(events(&house, "f").await.is_empty());
    assert_eq!(metadata(&house, &first, "tried").await.unwrap(), "yes");
    let reply = exchange(&house, &first).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
}

#[tokio::test]
async fn a_failing_action_fails_the_exchange_and_keeps_nothing() {
    let house = open().await;
    let fail = format!(
        "{AT_EXCHANGE} api.session.setMetadata('tried', 'yes'); throw new Error('Broken.');"
    );
    install(&house, &[&fail]).await;
    let first = tokens(&house, &mut house.browser()).await;
    assert_denied(&exchange(&house, &first).await, "Broken.");
    assert_eq!(events(&house, "actions_execution_failed").await.len(), 1);
    assert_eq!(metadata(&house, &first, "tried").await, None);
}

/// Two tokens of one session; the Action revokes it at the exchange of the first. Gives which of
/// them are good afterwards.
async fn good_after(revoke: &str, is_over: bool) -> [bool; 2] {
    let house = open().await;
    let once = format!(
        "{AT_EXCHANGE} if (event.user.app_metadata.off) return;
         api.user.setAppMetadata('off', true); {revoke}"
    );
    let actions = install(&house, &[&once]).await;
    assert_eq!(actions.len(), 1);
    let mut browser = house.browser();
    let first = tokens(&house, &mut browser).await;
    let second = tokens(&house, &mut browser).await;
    assert_eq!(sid(&first), sid(&second));
    if is_over {
        let sessions = house.issuer.sessions();
        let ended = sessions.end(&sid(&first), Initiator::RpLogout).await;
        assert_eq!(ended.unwrap().sessions.len(), 1);
    }
    assert_denied(&exchange(&house, &first).await, "Gone.");
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let (sid, now) = (sid(&first), house.issuer.now());
    let session = snapshot.find_session(&sid, now).await.unwrap();
    assert!(session.is_none(), "the session has ended");
    drop(snapshot);
    logout_issuer::login::actions::keep::bind(&house.issuer, Vec::new())
        .await
        .unwrap();
    let mut good = [false; 2];
    for (good, tokens) in good.iter_mut().zip([&first, &second]) {
        *good = exchange(&house, tokens).await.status == StatusCode::OK;
    }
    good
}

#[tokio::test]
async fn revoking_the_session_at_an_exchange_costs_all_its_tokens() {
    let revoke = "api.session.revoke('Gone.');";
    assert_eq!(good_after(revoke, false).await, [false, false]);
}

#[tokio::test]
async fn revoking_the_session_may_preserve_what_outlives_it() {
    let revoke = "api.session.revoke('Gone.', { preserveRefreshTokens: true });";
    assert_eq!(good_after(revoke, false).await, [true, true]);
}

#[tokio::test]
async fn revoking_a_session_that_is_over_costs_the_token_that_was_shown() {
    let revoke = "api.session.revoke('Gone.');";
    assert_eq!(good_after(revoke, true).await, [false, true]);
    let revoke = "api.session.revoke('Gone.', { preserveRefreshTokens: true });";
    assert_eq!(good_after(revoke, true).await, [true, true]);
}

#[tokio::test]
async fn a_token_that_is_worth_nothing_sets_no_action_going() {
    let house = open().await;
    install(&house, &[AT_EXCHANGE]).await;
    let first = tokens(&house, &mut house.browser()).await;
    let runs = async || {
        let mut snapshot = house.issuer.store().read().await.unwrap();
        let runs = snapshot.list_action_executions(None, 20).await.unwrap();
        runs.len()
    };
    let reply = exchange(&house, &first).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let before = runs().await;
    exchange(&house, &first).await;
    exchange(&house, &json!({ "refresh_token": "x" })).await;
    assert_eq!(runs().await, before);
}

#[tokio::test]
async fn a_scope_that_an_action_adds_makes_no_refresh_token_for_a_client_without_the_grant() {
    let house = open().await;
    install(&house, &["api.accessToken.addScope('offline_access');"]).await;
    let mut browser = house.browser();
    sign_in(&mut browser, &house).await;
    let plain = [("scope", "openid")];
    let answer = browser.get(&house.url(&shop_request(&plain))).await;
    let tokens = house.redeem(&answer.parameter("code")).await.json();
    assert_eq!(tokens["scope"], "openid offline_access");
    assert!(tokens["refresh_token"].is_string());
    let write = house
        .issuer
        .store()
        .write::<_, logout_issuer::storage::StorageError, _>(|tx| {
            Box::pin(async move {
                let mut shop = tx.find_client(&"shop".parse().unwrap()).await?.unwrap();
                shop.grant_types = vec!["authorization_code".to_owned()];
                tx.update_client(&shop).await
            })
        });
    assert!(write.await.unwrap());
    let answer = browser.get(&house.url(&shop_request(&plain))).await;
    let tokens = house.redeem(&answer.parameter("code")).await.json();
    assert_eq!(tokens["scope"], "openid");
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
}
