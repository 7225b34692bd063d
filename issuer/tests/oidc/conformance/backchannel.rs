//! The plan `oidcc-backchannel-rp-initiated-logout-certification-test-plan`, module by module.

use logout_shared::jwks::JwkSet;
use logout_shared::jws::UnverifiedJws;
use logout_shared::{Clock as _, SigningAlgorithm, SystemClock};
use logout_tests::relying_party::Told;
use serde_json::json;

use super::stage::{SOON, Stage, parameter};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

#[tokio::test]
async fn oidcc_backchannel_logout_discovery_endpoint_verification() {
    let stage = Stage::start(Some("https://id.example/")).await;
    let document = stage.document(".well-known/openid-configuration").await;
    assert_eq!(document["backchannel_logout_supported"], true);
    assert_eq!(document["backchannel_logout_session_supported"], true);
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            let url = value.as_str().unwrap();
            assert!(url.starts_with("https://id.example/"), "{name}: {url}");
        }
    }
}

/// The module waits for the token and for the browser, in any order.
#[tokio::test]
async fn oidcc_backchannel_rp_initiated_logout() {
    let stage = Stage::start(None).await;
    let ada = stage.sign_in().await;
    let long = "s".repeat(128);
    let fields = [
        ("id_token_hint", ada.id_token.as_str()),
        ("post_logout_redirect_uri", &stage.after_logout()),
        ("state", &long),
    ];
    let told = tokio::time::timeout(SOON, stage.app.wait_for(1));
    let (page, told) = tokio::join!(stage.end_session(&fields), told);
    assert!(
        page.url.as_str().starts_with(&stage.after_logout()),
        "{page:?}"
    );
    assert_eq!(parameter(&page.url, "state"), Some(long));
    let told = told.expect("the app was not told");
    assert_eq!(told.len(), 1);
    check_request(&told[0]);
    check_signature(&stage, &told[0]).await;

    let claims = told[0].claims();
    assert_eq!(claims["iss"], ada.claims["iss"]);
    let aud = &claims["aud"];
    assert!(
        *aud == "conformance" || *aud == json!(["conformance"]),
        "{aud}"
    );
    let iat = claims["iat"].as_i64().unwrap();
    let now = SystemClock.now().as_secs();
    assert!((now - 86_400..=now + 300).contains(&iat), "{iat}");
    assert!(!claims["jti"].as_str().unwrap().is_empty());
    assert_eq!(claims["events"], json!({ EVENT: {} }), "one event, empty");
    assert!(claims.get("nonce").is_none());
    // `sid` was required at the registration; `sub` and `sid` are those of the ID Token.
    assert_eq!(claims["sid"], ada.claims["sid"]);
    if let Some(sub) = claims.get("sub") {
        assert_eq!(*sub, ada.claims["sub"]);
    }
    stage.assert_signed_out().await;
}

fn check_request(told: &Told) {
    assert_eq!(told.method, "POST");
    let kind = told.content_type.as_deref().unwrap_or_default();
    assert!(
        kind.starts_with("application/x-www-form-urlencoded"),
        "{kind}"
    );
    let names: Vec<&str> = told.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["logout_token"], "nothing beside it");
}

/// The `kid` selects exactly one published key, whose kind fits, and which made the signature.
async fn check_signature(stage: &Stage, told: &Told) {
    let published = stage.document(".well-known/jwks.json").await;
    let keys = JwkSet::parse(published.to_string().as_bytes()).unwrap();
    let jws = UnverifiedJws::parse(told.token(), 96_000).unwrap();
    let kid = jws.header().kid.as_deref();
    assert!(kid.is_some());
    let fitting = keys.candidates(SigningAlgorithm::Rs256, kid);
    assert_eq!(fitting.len(), 1);
    jws.verify(SigningAlgorithm::Rs256, &fitting).unwrap();
}
