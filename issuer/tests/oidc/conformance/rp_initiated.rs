//! The plan `oidcc-rp-initiated-logout-certification-test-plan`, module by module.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_tests::browser::Page;

use super::stage::{Stage, parameter};

const STATE: &str = "af0ifjsldkj";

/// Ends the session as a module does that must not lead back to the app: the server shows an
/// error, or asks, and the session is as it was until somebody answers.
async fn leads_nowhere(stage: &Stage, fields: &[(&str, &str)]) -> Page {
    let page = stage.end_session(fields).await;
    assert!(stage.is_own(&page), "the browser was led away: {page:?}");
    let told = page.body.contains("You were not signed out") || page.body.contains("Sign out?");
    assert!(told, "{page:?}");
    assert_eq!(stage.error_without_prompt().await, None, "{page:?}");
    page
}

/// Ends the session as a module does that names no address: the person sees that they are signed
/// out, after a question if need be.
async fn shows_the_end(stage: &Stage, fields: &[(&str, &str)]) {
    let mut page = stage.end_session(fields).await;
    if page.body.contains("Sign out?") {
        page = stage.confirm(&page).await;
    }
    assert!(stage.is_own(&page), "the browser was led away: {page:?}");
    assert!(page.body.contains("You are signed out"), "{page:?}");
    stage.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let stage = Stage::start(Some("https://id.example/")).await;
    let document = stage.document(".well-known/openid-configuration").await;
    assert_eq!(document["issuer"], "https://id.example/");
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "jwks_uri",
        "end_session_endpoint",
    ] {
        let url: url::Url = document[name].as_str().unwrap().parse().unwrap();
        assert_eq!(url.scheme(), "https", "{name}");
        assert!(url.fragment().is_none(), "{name}");
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let stage = Stage::start(None).await;
    let ada = stage.sign_in().await;
    let fields = [
        ("id_token_hint", ada.id_token.as_str()),
        ("post_logout_redirect_uri", &stage.after_logout()),
        ("state", STATE),
    ];
    let page = stage.end_session(&fields).await;
    assert!(
        page.url.as_str().starts_with(&stage.after_logout()),
        "{page:?}"
    );
    assert_eq!(parameter(&page.url, "state").as_deref(), Some(STATE));
    stage.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let stage = Stage::start(None).await;
    let ada = stage.sign_in().await;
    let elsewhere = format!("http://{}/bad_logout_redirect", stage.app.address());
    let fields = [
        ("id_token_hint", ada.id_token.as_str()),
        ("post_logout_redirect_uri", &elsewhere),
        ("state", STATE),
    ];
    leads_nowhere(&stage, &fields).await;
}

/// The module changes the hint to `alg: none`.
#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let stage = Stage::start(None).await;
    let ada = stage.sign_in().await;
    let payload = ada.id_token.split('.').nth(1).unwrap();
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    for hint in [
        format!("{header}.{payload}."),
        format!("{header}.{payload}.x"),
    ] {
        let fields = [
            ("id_token_hint", hint.as_str()),
            ("post_logout_redirect_uri", &stage.after_logout()),
            ("state", STATE),
        ];
        leads_nowhere(&stage, &fields).await;
    }
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let stage = Stage::start(None).await;
    stage.sign_in().await;
    let after = stage.after_logout();
    let fields = [
        ("post_logout_redirect_uri", after.as_str()),
        ("state", STATE),
    ];
    leads_nowhere(&stage, &fields).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let stage = Stage::start(None).await;
    stage.sign_in().await;
    shows_the_end(&stage, &[]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let stage = Stage::start(None).await;
    let ada = stage.sign_in().await;
    let fields = [("id_token_hint", ada.id_token.as_str()), ("state", STATE)];
    shows_the_end(&stage, &fields).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let stage = Stage::start(None).await;
    let ada = stage.sign_in().await;
    let fields = [
        ("id_token_hint", ada.id_token.as_str()),
        ("post_logout_redirect_uri", &stage.after_logout()),
    ];
    let page = stage.end_session(&fields).await;
    assert_eq!(page.url.as_str(), stage.after_logout());
    stage.assert_signed_out().await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let stage = Stage::start(None).await;
    stage.sign_in().await;
    shows_the_end(&stage, &[("state", STATE)]).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let stage = Stage::start(None).await;
    let ada = stage.sign_in().await;
    let fields = [
        ("id_token_hint", ada.id_token.as_str()),
        (
            "post_logout_redirect_uri",
            &format!("{}?foo=bar", stage.after_logout()),
        ),
        ("state", STATE),
    ];
    leads_nowhere(&stage, &fields).await;
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let stage = Stage::start(None).await;
    stage.sign_in().await;
    let fields = [
        ("id_token_hint", "bad"),
        ("post_logout_redirect_uri", &stage.after_logout()),
        ("state", STATE),
    ];
    leads_nowhere(&stage, &fields).await;
}
