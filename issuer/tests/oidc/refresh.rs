//! Refresh tokens: who gets one, what it is exchanged for, and every way to be refused.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{Request, StatusCode};
use logout_issuer::domain::client::Client;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::refresh_token::DEAD_GRANTS_ARE_KEPT;
use logout_issuer::domain::user::PasswordHash;
use logout_issuer::storage::StorageError;
use logout_shared::SessionId;
use serde_json::{Value, json};

use crate::house::{
    Browser, EMAIL, House, NOW, PASSWORD, Reply, SECRET, SPA_CALLBACK, VERIFIER, claims, client,
    description, seal, shop_request,
};

const MILLI: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);

/// Signs Ada in to the shop with these scopes, silently if the browser has a session.
pub(crate) async fn sign_in(house: &House, browser: &mut Browser<'_>, scope: &str) -> Value {
    let answer = answer(house, browser, &[("scope", scope)]).await;
    house.redeem(&answer.parameter("code")).await.json()
}

/// Signs somebody in to the shop by address and password, whoever the browser's session is.
pub(crate) async fn sign_in_as(
    house: &House,
    browser: &mut Browser<'_>,
    scope: &str,
    (email, password): (&str, &str),
) -> Value {
    let request = shop_request(&[("scope", scope), ("prompt", "login")]);
    let page = browser.get(&house.url(&request)).await;
    let page = browser.follow(&page).await;
    let fields = [("email", email), ("password", password)];
    let answer = browser.submit(&page, &fields).await;
    house.redeem(&answer.parameter("code")).await.json()
}

async fn answer(house: &House, browser: &mut Browser<'_>, changes: &[(&str, &str)]) -> Reply {
    let page = browser.get(&house.url(&shop_request(changes))).await;
    if !page.location().contains("/login?") {
        return page;
    }
    let page = browser.follow(&page).await;
    browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await
}

/// A refresh token of the shop for Ada, with offline access.
pub(crate) async fn offline(house: &House) -> String {
    let tokens = sign_in(house, &mut house.browser(), "openid email offline_access").await;
    refresh_token(&tokens)
}

pub(crate) fn refresh_token(tokens: &Value) -> String {
    let token = tokens["refresh_token"].as_str();
    token.unwrap_or_else(|| panic!("{tokens}")).to_owned()
}

/// Exchanges a refresh token as the shop does.
pub(crate) async fn exchange(house: &House, token: &str) -> Reply {
    exchange_with(house, token, &[]).await
}

async fn exchange_with(house: &House, token: &str, more: &[(&str, &str)]) -> Reply {
    let mut fields = vec![
        ("grant_type", "refresh_token"),
        ("client_id", "shop"),
        ("client_secret", SECRET),
        ("refresh_token", token),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(changed, _)| changed == name));
    fields.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    house.post("/oauth/token", None, &fields).await
}

/// The token that follows this one.
pub(crate) async fn next(house: &House, token: &str) -> String {
    let reply = exchange(house, token).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    refresh_token(&reply.json())
}

pub(crate) fn assert_refused(reply: &Reply, error: &str, why: &str) {
    assert_eq!(reply.json()["error"], error, "{reply:?}");
    assert_eq!(reply.json()["error_description"], why);
    let status = if error == "invalid_client" { 401 } else { 400 };
    assert_eq!(reply.status.as_u16(), status, "{reply:?}");
    assert_eq!(reply.header(CACHE_CONTROL), "no-store");
}

async fn assert_dead(house: &House, token: &str, why: &str) {
    assert_refused(&exchange(house, token).await, "invalid_grant", why);
}

/// Gives the shop these settings of refresh tokens.
pub(crate) async fn set_rules(house: &House, rules: Value) {
    change_shop(house, move |shop| {
        shop.other.insert("refresh_token".into(), rules);
    })
    .await;
}

async fn change_shop(house: &House, change: impl FnOnce(&mut Client) + Send + 'static) {
    let store = house.issuer.store();
    let write = store.write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let mut shop = tx.find_client(&"shop".parse().unwrap()).await?.unwrap();
            change(&mut shop);
            tx.update_client(&shop).await
        })
    });
    assert!(write.await.unwrap());
}

pub(crate) fn sid(tokens: &Value) -> SessionId {
    let claims = claims(tokens["id_token"].as_str().unwrap());
    claims["sid"].as_str().unwrap().parse().unwrap()
}

async fn userinfo(house: &House, tokens: &Value) -> Reply {
    let token = tokens["access_token"].as_str().unwrap();
    let request = Request::get(house.url("/userinfo"));
    let request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    house.send(request.body(Body::empty()).unwrap()).await
}

async fn end(house: &House, sid: &SessionId, why: Initiator) {
    house.issuer.sessions().end(sid, why).await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_comes_with_offline_access_to_clients_that_may_have_one() {
    let house = House::open().await;
    let mut browser = house.browser();
    let tokens = sign_in(&house, &mut browser, "openid").await;
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    let tokens = sign_in(&house, &mut browser, "openid offline_access").await;
    assert_eq!(tokens["scope"], "openid offline_access");
    refresh_token(&tokens);
    change_shop(&house, |shop| {
        shop.grant_types = vec!["authorization_code".to_owned()];
    })
    .await;
    let tokens = sign_in(&house, &mut browser, "openid offline_access").await;
    assert_eq!(tokens["scope"], "openid");
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
}

#[tokio::test]
async fn an_exchange_gives_tokens_of_the_same_login() {
    let house = House::open().await;
    let scope = "openid email offline_access";
    let first = sign_in(&house, &mut house.browser(), scope).await;
    house.clock.advance(Duration::from_mins(10));
    let reply = exchange(&house, &refresh_token(&first)).await;
    assert_eq!(reply.header(CACHE_CONTROL), "no-store");
    let second = reply.json();
    assert_eq!(second["scope"], scope);
    assert_eq!(second["token_type"], "Bearer");
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let before = claims(first["id_token"].as_str().unwrap());
    let after = claims(second["id_token"].as_str().unwrap());
    for same in ["iss", "sub", "aud", "sid", "auth_time", "email"] {
        assert!(after.get(same).is_some(), "{same}");
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(before["nonce"], "n-0");
    assert!(after.get("nonce").is_none(), "{after}");
    let iat = before["iat"].as_i64().unwrap();
    assert_eq!(after["iat"], iat + 600);
    assert_eq!(userinfo(&house, &second).await.json()["email"], EMAIL);
    let history = house.history().await;
    let (code, event) = &history[0];
    assert_eq!(code, "sertft");
    assert_eq!(event["user"], house.ada.id.as_str());
    assert_eq!(event["details"]["session_id"], after["sid"]);
}

#[tokio::test]
async fn the_body_may_be_json() {
    let house = House::open().await;
    let body = json!({
        "grant_type": "refresh_token",
        "client_id": "shop",
        "client_secret": SECRET,
        "refresh_token": offline(&house).await,
    });
    let request = Request::post(house.url("/oauth/token"))
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let reply = house.send(request).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    refresh_token(&reply.json());
}

#[tokio::test]
async fn a_token_that_was_used_before_kills_the_whole_family() {
    let house = House::open().await;
    let first = offline(&house).await;
    let second = next(&house, &first).await;
    let third = next(&house, &second).await;
    let other = offline(&house).await;
    let why = "the refresh token was used before, so all of its family are revoked";
    assert_dead(&house, &first, why).await;
    let history = house.history().await;
    assert_eq!(history[0].0, "ferrt");
    assert_eq!(history[0].1["user"], house.ada.id.as_str());
    for dead in [&first, &second, &third] {
        assert_dead(&house, dead, "the refresh token was revoked").await;
    }
    assert_eq!(house.history().await[0].0, "fertft");
    next(&house, &other).await;
}

#[tokio::test]
async fn in_the_leeway_the_token_before_the_latest_is_good_again() {
    let house = House::open().await;
    set_rules(&house, json!({ "leeway": 10 })).await;
    let first = offline(&house).await;
    let second = next(&house, &first).await;
    house
        .clock
        .advance(Duration::from_secs(10).saturating_sub(MILLI));
    let sibling = next(&house, &first).await;
    assert_ne!(second, sibling);
    // Either is the latest.
    let third = next(&house, &sibling).await;
    next(&house, &second).await;
    house.clock.advance(Duration::from_secs(10));
    let fourth = next(&house, &third).await;
    house.clock.advance(Duration::from_secs(10));
    let why = "the refresh token was used before, so all of its family are revoked";
    assert_dead(&house, &third, why).await;
    assert_dead(&house, &fourth, "the refresh token was revoked").await;
}

#[tokio::test]
async fn in_the_leeway_no_earlier_token_is_good() {
    let house = House::open().await;
    set_rules(&house, json!({ "leeway": 10 })).await;
    let first = offline(&house).await;
    let second = next(&house, &first).await;
    next(&house, &second).await;
    let why = "the refresh token was used before, so all of its family are revoked";
    assert_dead(&house, &first, why).await;
}

#[tokio::test]
async fn a_token_is_its_clients_alone() {
    let house = House::open().await;
    let other = Client {
        sealed_secret: Some(seal(&house.issuer, "other", SECRET)),
        ..client("other")
    };
    house.add_client(other).await;
    let token = offline(&house).await;
    let reply = exchange_with(&house, &token, &[("client_id", "other")]).await;
    let why = "the refresh token was issued to another client";
    assert_refused(&reply, "invalid_grant", why);
    let why = "the client is unknown or its credentials are wrong";
    for change in [("client_secret", "wrong"), ("client_secret", "")] {
        let reply = exchange_with(&house, &token, &[change]).await;
        assert_refused(&reply, "invalid_client", why);
    }
    next(&house, &token).await;
}

#[tokio::test]
async fn an_app_without_a_secret_refreshes_by_its_id() {
    let house = House::open().await;
    let spa = [
        ("client_id", "spa"),
        ("redirect_uri", SPA_CALLBACK),
        ("scope", "openid offline_access"),
    ];
    let answer = answer(&house, &mut house.browser(), &spa).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", &answer.parameter("code")),
        ("redirect_uri", SPA_CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let tokens = house.post("/oauth/token", None, &fields).await.json();
    let token = refresh_token(&tokens);
    let spa = [("client_id", "spa"), ("client_secret", "")];
    let reply = exchange_with(&house, &token, &spa).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
}

#[tokio::test]
async fn a_client_that_may_not_refresh_any_more_is_told_so() {
    let house = House::open().await;
    let token = offline(&house).await;
    change_shop(&house, |shop| {
        shop.grant_types = vec!["authorization_code".to_owned()];
    })
    .await;
    let why = "the client may not use the refresh token grant";
    assert_refused(&exchange(&house, &token).await, "unauthorized_client", why);
}

#[tokio::test]
async fn an_exchange_may_ask_for_less_and_not_for_more() {
    let house = House::open().await;
    let token = offline(&house).await;
    let reply = exchange_with(&house, &token, &[("scope", "openid profile")]).await;
    let why = "the scope has more in it than was granted";
    assert_refused(&reply, "invalid_scope", why);
    let reply = exchange_with(&house, &token, &[("scope", "email")]).await;
    let tokens = reply.json();
    assert_eq!(tokens["scope"], "email");
    assert!(tokens.get("id_token").is_none(), "{tokens}");
    // What was left out once is not lost.
    let tokens = exchange(&house, &refresh_token(&tokens)).await.json();
    assert_eq!(tokens["scope"], "openid email offline_access");
}

#[tokio::test]
async fn what_is_no_token_of_ours_is_not_known() {
    let house = House::open().await;
    let token = offline(&house).await;
    let (handle, secret) = token.split_once('.').unwrap();
    let strange = format!("AAAAAAAAAAAAAAAAAAAAAA.{secret}");
    let cut = &token[..token.len() - 1];
    for wrong in ["x", ".", "a.b", handle, secret, cut, &strange] {
        assert_dead(&house, wrong, "the refresh token is not known").await;
    }
    assert_eq!(house.history().await[0].0, "fertft");
    next(&house, &token).await;
    let reply = exchange_with(&house, &token, &[("refresh_token", "")]).await;
    assert_refused(&reply, "invalid_request", "the refresh_token is missing");
}

#[tokio::test]
async fn a_family_dies_thirty_days_after_the_login_and_fifteen_after_its_latest_use() {
    let house = House::open().await;
    let (mut token, idle) = (offline(&house).await, offline(&house).await);
    house.clock.advance((DAY * 15).saturating_sub(MILLI));
    token = next(&house, &token).await;
    house.clock.advance(MILLI);
    assert_dead(&house, &idle, "the refresh token has expired").await;
    house.clock.advance(DAY * 14);
    token = next(&house, &token).await;
    house.clock.advance(DAY.saturating_sub(MILLI));
    token = next(&house, &token).await;
    house.clock.advance(MILLI);
    assert_eq!(house.issuer.now(), NOW + DAY * 30);
    assert_dead(&house, &token, "the refresh token has expired").await;
}

#[tokio::test]
async fn a_client_has_lifetimes_of_its_own() {
    let house = House::open().await;
    let rules = json!({ "token_lifetime": 100, "idle_token_lifetime": 60 });
    set_rules(&house, rules).await;
    let token = offline(&house).await;
    house.clock.advance(Duration::from_secs(59));
    let token = next(&house, &token).await;
    house.clock.advance(Duration::from_secs(41));
    assert_dead(&house, &token, "the refresh token has expired").await;
    set_rules(&house, json!({ "expiration_type": "non-expiring" })).await;
    let token = offline(&house).await;
    house.clock.advance(DAY * 3_000);
    next(&house, &token).await;
}

#[tokio::test]
async fn a_token_that_does_not_rotate_stays_the_clients_token() {
    let house = House::open().await;
    set_rules(&house, json!({ "rotation_type": "non-rotating" })).await;
    let token = offline(&house).await;
    for _ in 0..3 {
        house.clock.advance(DAY * 9);
        let tokens = exchange(&house, &token).await.json();
        assert!(tokens["access_token"].is_string(), "{tokens}");
        assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    }
    set_rules(&house, json!({ "rotation_type": "rotating" })).await;
    let second = next(&house, &token).await;
    next(&house, &second).await;
    let why = "the refresh token was used before, so all of its family are revoked";
    assert_dead(&house, &token, why).await;
}

#[tokio::test]
async fn offline_access_outlives_the_session_and_names_it_no_more() {
    let house = House::open().await;
    let scope = "openid email offline_access";
    let first = sign_in(&house, &mut house.browser(), scope).await;
    end(&house, &sid(&first), Initiator::RpLogout).await;
    assert_eq!(
        userinfo(&house, &first).await.status,
        StatusCode::UNAUTHORIZED
    );
    let second = exchange(&house, &refresh_token(&first)).await.json();
    let id_token = claims(second["id_token"].as_str().unwrap());
    assert_eq!(id_token["sub"], house.ada.id.as_str());
    assert!(id_token.get("sid").is_none(), "{id_token}");
    let access_token = claims(second["access_token"].as_str().unwrap());
    assert!(access_token.get("sid").is_none(), "{access_token}");
    assert!(access_token.get("gty").is_none(), "{access_token}");
    assert_eq!(userinfo(&house, &second).await.json()["email"], EMAIL);
    let fields = [
        ("client_id", "shop"),
        ("client_secret", SECRET),
        ("token", second["refresh_token"].as_str().unwrap()),
    ];
    house.post("/oauth/revoke", None, &fields).await;
    assert_eq!(
        userinfo(&house, &second).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn online_access_dies_with_the_session_also_before_the_sweep() {
    let house = House::open().await;
    let tokens = sign_in(&house, &mut house.browser(), "openid online_access").await;
    assert_eq!(tokens["scope"], "openid online_access");
    let token = next(&house, &refresh_token(&tokens)).await;
    house.clock.advance(Duration::from_hours(72));
    assert_dead(&house, &token, "the session has ended").await;
    assert_eq!(house.issuer.end_expired_sessions().await.unwrap(), 1);
    assert_dead(&house, &token, "the refresh token was revoked").await;
}

#[tokio::test]
async fn who_asks_for_both_kinds_of_access_has_the_longer() {
    let house = House::open().await;
    let scope = "openid online_access offline_access";
    let tokens = sign_in(&house, &mut house.browser(), scope).await;
    assert_eq!(tokens["scope"], "openid offline_access");
    end(&house, &sid(&tokens), Initiator::RpLogout).await;
    next(&house, &refresh_token(&tokens)).await;
}

#[tokio::test]
async fn an_exchange_does_not_put_off_the_sessions_end() {
    let house = House::open().await;
    let scope = "openid offline_access";
    let tokens = sign_in(&house, &mut house.browser(), scope).await;
    house.clock.advance(Duration::from_hours(71));
    let token = next(&house, &refresh_token(&tokens)).await;
    house.clock.advance(Duration::from_hours(1));
    assert_eq!(house.issuer.end_expired_sessions().await.unwrap(), 1);
    next(&house, &token).await;
}

#[tokio::test]
async fn a_user_who_may_not_sign_in_is_not_signed_in_by_a_refresh_token() {
    let house = House::open().await;
    let token = offline(&house).await;
    let set_blocked = async |blocked| {
        let mut ada = house.ada.clone();
        ada.blocked = blocked;
        let store = house.issuer.store();
        let write = store.write(move |tx| Box::pin(async move { tx.update_user(&ada).await }));
        assert!(write.await.unwrap());
    };
    set_blocked(true).await;
    assert_dead(&house, &token, "the user may not sign in").await;
    set_blocked(false).await;
    let token = next(&house, &token).await;
    let id = house.ada.id.clone();
    let another = PasswordHash {
        phc: "another".to_owned(),
        version: house.ada.password_version + 1,
    };
    let changed = house.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { tx.set_password(&id, &another).await })
    });
    changed.await.unwrap();
    assert_dead(&house, &token, "the password was changed").await;
}

#[tokio::test]
async fn a_client_made_anew_under_an_old_id_inherits_no_token() {
    let house = House::open().await;
    let token = offline(&house).await;
    house.clock.advance(MILLI);
    let now = house.issuer.now();
    let mut shop = client("shop");
    shop.sealed_secret = Some(seal(&house.issuer, "shop", SECRET));
    shop.created_at = now;
    let write = house.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            tx.delete_client(&shop.id).await?;
            tx.insert_client(&shop).await
        })
    });
    assert!(write.await.unwrap());
    let why = "the refresh token was issued to another client";
    assert_dead(&house, &token, why).await;
}

#[tokio::test]
async fn a_code_that_is_used_again_costs_the_refresh_tokens_that_it_gave() {
    let house = House::open().await;
    let mut browser = house.browser();
    let scope = [("scope", "openid offline_access")];
    let code = answer(&house, &mut browser, &scope).await.parameter("code");
    let tokens = house.redeem(&code).await.json();
    let others = sign_in(&house, &mut browser, "openid offline_access").await;
    assert_eq!(house.redeem(&code).await.status, StatusCode::BAD_REQUEST);
    let why = "the refresh token was revoked";
    assert_dead(&house, &refresh_token(&tokens), why).await;
    next(&house, &refresh_token(&others)).await;
}

#[tokio::test]
async fn a_client_that_left_the_session_and_refreshes_hears_of_its_end_again() {
    let house = House::open().await;
    let tokens = sign_in(&house, &mut house.browser(), "openid offline_access").await;
    let sid = sid(&tokens);
    let left = vec![(sid.clone(), "shop".parse().unwrap())];
    let leave = house.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { tx.leave_sessions(&left).await })
    });
    leave.await.unwrap();
    let participants = async || {
        let mut snapshot = house.issuer.store().read().await.unwrap();
        snapshot.participants(&sid).await.unwrap()
    };
    assert!(participants().await.is_empty());
    let token = next(&house, &refresh_token(&tokens)).await;
    let joined = participants().await;
    assert_eq!(joined.len(), 1);
    house.clock.advance(DAY);
    next(&house, &token).await;
    assert_eq!(participants().await, joined, "a refresh is no new login");
}

#[tokio::test]
async fn dead_families_are_forgotten_after_a_day_and_not_before() {
    let house = House::open().await;
    let revoked = offline(&house).await;
    let expires = offline(&house).await;
    let second = next(&house, &revoked).await;
    exchange(&house, &revoked).await;
    let forgotten = async || {
        let deleted = house.issuer.delete_old_history().await.unwrap();
        deleted.refresh_grants
    };
    house.clock.advance(DEAD_GRANTS_ARE_KEPT);
    assert_eq!(forgotten().await, 0);
    assert_dead(&house, &second, "the refresh token was revoked").await;
    house.clock.advance(MILLI);
    assert_eq!(forgotten().await, 1);
    assert_dead(&house, &second, "the refresh token is not known").await;
    house.clock.set(NOW + DAY * 15 + DEAD_GRANTS_ARE_KEPT);
    assert_eq!(forgotten().await, 0);
    assert_dead(&house, &expires, "the refresh token has expired").await;
    house.clock.advance(MILLI);
    assert_eq!(forgotten().await, 1);
}

#[tokio::test]
async fn discovery_says_that_tokens_can_be_refreshed_and_revoked() {
    let house = House::open().await;
    let path = "/.well-known/openid-configuration";
    let document = house.browser().get(&house.url(path)).await.json();
    let has = |member: &str, wanted: &str| {
        let words = document[member].as_array().unwrap();
        assert!(words.contains(&json!(wanted)), "{wanted} in {document}");
    };
    has("grant_types_supported", "refresh_token");
    has("scopes_supported", "offline_access");
    has("scopes_supported", "online_access");
    has(
        "revocation_endpoint_auth_methods_supported",
        "client_secret_post",
    );
    let endpoint = "https://id.example/oauth/revoke";
    assert_eq!(document["revocation_endpoint"], endpoint);
}

#[tokio::test]
async fn no_line_of_the_history_has_a_token_in_it() {
    let house = House::open().await;
    let token = offline(&house).await;
    let second = next(&house, &token).await;
    exchange(&house, &token).await;
    exchange(&house, &second).await;
    let history = house.history().await;
    let kinds = history.iter().map(|(code, _)| code.as_str());
    assert_eq!(
        kinds.take(3).collect::<Vec<_>>(),
        ["fertft", "ferrt", "sertft"]
    );
    let (handle, secret) = token.split_once('.').unwrap();
    for (_, event) in &history {
        let text = event.to_string();
        assert!(!text.contains(handle) && !text.contains(secret), "{text}");
        assert!(!description(event).is_empty());
    }
}
