//! Signing out at an app's request: who is asked, what ends, where the browser goes.
//!
//! Mirrors, without certification, what the OpenID conformance suite looks for in its modules for
//! RP-initiated logout.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{LOCATION, ORIGIN, SET_COOKIE};
use logout_issuer::domain::client::Client;
use logout_issuer::domain::logout_settings::{
    DeliverySettings, LogoutSettings, LogoutUrl, UrlPolicy,
};
use logout_shared::{SessionId, SigningAlgorithm};
use logout_tests::relying_party::{Answer, TestRelyingParty};
use serde_json::{Value, json};

use crate::house::{
    AFTER_LOGOUT, Browser, House, Reply, SEC_FETCH_SITE, SPA_CALLBACK, VERIFIER, claims, client,
    form, shop_request,
};

struct SignedIn<'h> {
    house: &'h House,
    browser: Browser<'h>,
    id_token: String,
    sid: SessionId,
}

impl<'h> SignedIn<'h> {
    async fn new(house: &'h House) -> Self {
        let mut browser = house.browser();
        let tokens = house.sign_in(&mut browser).await;
        let id_token = tokens["id_token"].as_str().unwrap().to_owned();
        let sid = claims(&id_token)["sid"].as_str().unwrap().parse().unwrap();
        Self {
            house,
            browser,
            id_token,
            sid,
        }
    }

    async fn leave(&mut self, fields: &[(&str, &str)]) -> Reply {
        let url = self.house.url(&format!("/oidc/logout?{}", form(fields)));
        self.browser.get(&url).await
    }

    async fn is_in(&self) -> bool {
        let mut snapshot = self.house.issuer.store().read().await.unwrap();
        snapshot
            .find_session(&self.sid, self.house.issuer.now())
            .await
            .unwrap()
            .is_some()
    }
}

#[tokio::test]
async fn g31_g32_with_a_good_hint_the_session_ends_and_the_browser_goes_back() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    let (hint, state) = (ada.id_token.clone(), "s".repeat(128));
    let fields = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", AFTER_LOGOUT),
        ("state", state.as_str()),
    ];
    let reply = ada.leave(&fields).await;
    assert_eq!(reply.location(), format!("{AFTER_LOGOUT}?state={state}"));
    assert!(reply.header(SET_COOKIE).contains("Max-Age=0"), "{reply:?}");
    assert!(!ada.is_in().await);
    let answer = ada
        .browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await;
    assert_eq!(answer.parameter("error"), "login_required");
    let history = house.history().await;
    let (_, event) = history.iter().find(|(code, _)| code == "slo").expect("slo");
    assert_eq!(event["details"]["return_to"], AFTER_LOGOUT, "{event}");
    assert_eq!(event["details"]["session_id"], ada.sid.as_str(), "{event}");

    // Once more: nobody is signed in any more, and that is no fault.
    let reply = ada.leave(&fields).await;
    assert_eq!(reply.location(), format!("{AFTER_LOGOUT}?state={state}"));
}

#[tokio::test]
async fn g32_an_expired_hint_is_good_enough() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    house.clock.advance(Duration::from_hours(24));
    let hint = ada.id_token.clone();
    let reply = ada.leave(&[("id_token_hint", &hint)]).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert!(reply.body.contains("You are signed out"), "{reply:?}");
    assert!(!ada.is_in().await);
}

#[tokio::test]
async fn g32_without_a_state_there_is_none_in_the_answer() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    let hint = ada.id_token.clone();
    let to = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", "https://shop.example/?a=b"),
    ];
    let reply = ada.leave(&to).await;
    assert_eq!(reply.location(), "https://shop.example/?a=b");
}

#[tokio::test]
async fn g32_faults_end_nothing_and_lead_nowhere() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    let hint = ada.id_token.clone();
    let mut forged = hint.clone();
    let at = forged.rfind('.').unwrap() + 5;
    let letter = if &forged[at..=at] == "A" { "B" } else { "A" };
    forged.replace_range(at..=at, letter);
    let stranger = House::open().await;
    let strangers = stranger.sign_in(&mut stranger.browser()).await;
    let access_token = house.sign_in(&mut house.browser()).await["access_token"].to_string();
    let hinted = ("id_token_hint", hint.as_str());
    let to = |uri| ("post_logout_redirect_uri", uri);
    for fields in [
        vec![("id_token_hint", forged.as_str())],
        vec![("id_token_hint", "nonsense")],
        vec![("id_token_hint", access_token.trim_matches('"'))],
        vec![("id_token_hint", strangers["id_token"].as_str().unwrap())],
        vec![hinted, to("https://evil.example/")],
        vec![hinted, to("https://shop.example/bye?x=1")],
        vec![hinted, to("https://shop.example/bye/")],
        vec![hinted, ("client_id", "spa")],
        vec![hinted, ("logout_hint", "another session")],
        vec![("client_id", "nobody")],
        vec![to(AFTER_LOGOUT)],
        vec![hinted, hinted],
    ] {
        let reply = ada.leave(&fields).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{fields:?}");
        assert_eq!(reply.header(LOCATION), "", "{fields:?}");
        assert!(reply.body.contains("You were not signed out"), "{reply:?}");
        assert!(ada.is_in().await, "{fields:?}");
    }
    assert!(house.history_has("flo").await);
}

#[tokio::test]
async fn e8_g32_a_logout_token_is_no_hint_even_where_its_type_is_jwt() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    let mut told = claims(&ada.id_token);
    told["events"] = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
    for typ in ["JWT", "logout+jwt"] {
        let payload = told.to_string().into_bytes();
        let keys = house.issuer.keys();
        let token = keys.sign(SigningAlgorithm::Es256, typ, payload).await;
        let token = token.unwrap();
        let reply = ada.leave(&[("id_token_hint", &token)]).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{typ}");
        assert!(ada.is_in().await, "{typ}");
    }
}

#[tokio::test]
async fn g32_without_a_fitting_hint_the_person_is_asked() {
    let house = House::open().await;
    let elsewhere = SignedIn::new(&house).await;
    for fields in [
        vec![],
        vec![("state", "only")],
        vec![
            ("client_id", "shop"),
            ("post_logout_redirect_uri", AFTER_LOGOUT),
            ("state", "x"),
        ],
        vec![
            ("id_token_hint", elsewhere.id_token.as_str()),
            ("post_logout_redirect_uri", AFTER_LOGOUT),
        ],
    ] {
        let mut ada = SignedIn::new(&house).await;
        let page = ada.leave(&fields).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.body.contains("Sign out?") && page.body.contains("ada@example.com"));
        assert!(ada.is_in().await, "{fields:?}");
        let reply = ada.browser.submit(&page, &[]).await;
        assert!(!ada.is_in().await, "{fields:?}");
        if fields.len() > 1 {
            assert!(reply.location().starts_with(AFTER_LOGOUT), "{reply:?}");
        } else {
            assert!(reply.body.contains("You are signed out"), "{reply:?}");
        }
    }
    assert!(
        elsewhere.is_in().await,
        "a session ended that was not the browser's"
    );
}

#[tokio::test]
async fn g32_the_session_of_a_hint_can_be_ended_from_a_browser_that_lost_its_cookie() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    ada.browser.cookie = None;
    let hint = ada.id_token.clone();
    let page = ada.leave(&[("id_token_hint", &hint)]).await;
    assert!(page.body.contains("Sign out?"), "{page:?}");
    assert!(ada.is_in().await);
    ada.browser.submit(&page, &[]).await;
    assert!(!ada.is_in().await);
}

#[tokio::test]
async fn a_foreign_page_cannot_confirm() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    let url = house.url("/oidc/logout/confirm");
    let foreign = [
        (SEC_FETCH_SITE, "cross-site"),
        (ORIGIN, "https://evil.example"),
    ];
    let reply = ada.browser.post(&url, &[], &foreign).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(ada.is_in().await);
}

#[tokio::test]
async fn g32_a_posted_request_comes_again_as_get_with_its_cookie() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    let hint = ada.id_token.clone();
    let fields = [
        ("id_token_hint", hint.as_str()),
        ("post_logout_redirect_uri", AFTER_LOGOUT),
    ];
    let cookie = ada.browser.cookie.take();
    let foreign = [
        (SEC_FETCH_SITE, "cross-site"),
        (ORIGIN, "https://shop.example"),
    ];
    let reply = ada
        .browser
        .post(&house.url("/oidc/logout"), &fields, &foreign)
        .await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    assert!(ada.is_in().await);
    ada.browser.cookie = cookie;
    let reply = ada.browser.follow(&reply).await;
    assert_eq!(reply.location(), AFTER_LOGOUT);
    assert!(!ada.is_in().await);
}

#[tokio::test]
async fn g32_a_client_that_names_no_address_gets_its_first() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    let hint = ada.id_token.clone();
    let reply = ada
        .leave(&[("id_token_hint", &hint), ("client_id", "shop")])
        .await;
    assert_eq!(reply.location(), AFTER_LOGOUT);
}

/// Registers another app that hears of sign-outs at `app`, and has Ada sign in to it too; gives
/// the claims of its ID Token.
async fn join_app(ada: &mut SignedIn<'_>, app: &TestRelyingParty, wait_ms: u32) -> Value {
    let settings = LogoutSettings {
        urls: vec![
            LogoutUrl::parse(
                &app.url(),
                UrlPolicy {
                    danger_allow_http: true,
                },
            )
            .unwrap(),
        ],
        delivery: DeliverySettings {
            wait_ms,
            ..DeliverySettings::default()
        },
        ..LogoutSettings::default()
    };
    let forum = Client {
        callbacks: vec![SPA_CALLBACK.to_owned()],
        logout: Some(settings),
        ..client("forum")
    };
    ada.house.add_client(forum).await;
    let request = shop_request(&[("client_id", "forum"), ("redirect_uri", SPA_CALLBACK)]);
    let answer = ada.browser.get(&ada.house.url(&request)).await;
    let code = answer.parameter("code");
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "forum"),
        ("code", code.as_str()),
        ("redirect_uri", SPA_CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let reply = ada.house.post("/oauth/token", None, &fields).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    claims(reply.json()["id_token"].as_str().unwrap())
}

#[tokio::test]
async fn g7_g25_the_browser_goes_back_after_the_apps_were_told() {
    let house = House::open().await;
    house.issuer.start_delivery();
    let app = TestRelyingParty::start().await;
    app.always_answer(Answer::After(
        Duration::from_millis(300),
        Answer::Status(200).into(),
    ));
    let mut ada = SignedIn::new(&house).await;
    let known = join_app(&mut ada, &app, 5_000).await;
    let hint = ada.id_token.clone();
    ada.leave(&[("id_token_hint", &hint)]).await;
    let told = app.requests();
    assert_eq!(
        told.len(),
        1,
        "the browser went back before the app was told"
    );
    for (claim, value) in [("sid", ada.sid.as_str()), ("sub", house.ada.id.as_str())] {
        assert_eq!(known[claim], value);
        assert_eq!(told[0].claims()[claim], known[claim], "as the app knows it");
    }
}

#[tokio::test]
async fn g25_an_app_that_does_not_answer_does_not_keep_the_browser() {
    let house = House::open().await;
    house.issuer.start_delivery();
    let app = TestRelyingParty::start().await;
    app.always_answer(Answer::Hang);
    let mut ada = SignedIn::new(&house).await;
    join_app(&mut ada, &app, 50).await;
    let hint = ada.id_token.clone();
    let hinted = [("id_token_hint", hint.as_str())];
    let reply = ada.leave(&hinted);
    // Far below the five seconds that an attempt may take.
    let reply = tokio::time::timeout(Duration::from_secs(3), reply).await;
    assert!(
        reply
            .expect("the sign-out waited")
            .body
            .contains("You are signed out")
    );
}

#[tokio::test]
async fn the_app_that_signs_out_can_ask_for_another_wait() {
    let house = House::open().await;
    house.issuer.start_delivery();
    let app = TestRelyingParty::start().await;
    app.always_answer(Answer::Hang);
    let mut ada = SignedIn::new(&house).await;
    join_app(&mut ada, &app, 5_000).await;
    let hint = ada.id_token.clone();
    for wrong in ["5001", "-1", "soon"] {
        let reply = ada
            .leave(&[("id_token_hint", &hint), ("wait_ms", wrong)])
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(
            reply.body.contains("not a number from 0 to 5000"),
            "{reply:?}"
        );
        assert!(ada.is_in().await, "nothing ends on a fault");
    }
    // The person who is asked first waits no longer either.
    let page = ada.leave(&[("wait_ms", "1")]).await;
    assert!(page.body.contains("Sign out?"), "{page:?}");
    let reply = ada.browser.submit(&page, &[]);
    let reply = tokio::time::timeout(Duration::from_secs(4), reply).await;
    let reply = reply.expect("the sign-out waited for the app that hangs");
    assert!(reply.body.contains("You are signed out"), "{reply:?}");
}

#[tokio::test]
async fn auth0s_older_way_out_asks_nobody() {
    let house = House::open().await;
    let mut ada = SignedIn::new(&house).await;
    let bad = form(&[("client_id", "shop"), ("returnTo", "https://evil.example/")]);
    let reply = ada
        .browser
        .get(&house.url(&format!("/v2/logout?{bad}")))
        .await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    assert!(ada.is_in().await);
    let good = form(&[("client_id", "shop"), ("returnTo", AFTER_LOGOUT)]);
    let reply = ada
        .browser
        .get(&house.url(&format!("/v2/logout?{good}")))
        .await;
    assert_eq!(reply.location(), AFTER_LOGOUT);
    assert!(!ada.is_in().await);
}
