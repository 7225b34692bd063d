//! The pages themselves and the documents about the issuer.

use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use logout_issuer::domain::client::Client;
use logout_shared::discovery::ProviderMetadata;
use logout_shared::jwks::JwkSet;

use crate::house::{CALLBACK, House, client, shop_request};

#[tokio::test]
async fn a_page_loads_nothing_foreign_and_cannot_be_framed() {
    let house = House::open().await;
    let request = shop_request(&[]).replace("/authorize", "/login");
    let page = house.browser().get(&house.url(&request)).await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header(CONTENT_SECURITY_POLICY);
    for part in [
        "default-src 'none'",
        "style-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self' https://shop.example",
    ] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header(X_FRAME_OPTIONS), "DENY");
    assert_eq!(page.header(CACHE_CONTROL), "no-store");
    assert_eq!(page.header(REFERRER_POLICY), "same-origin");
    assert!(
        !page.body.contains("<script") && !page.body.contains("style="),
        "{page:?}"
    );
}

#[tokio::test]
async fn what_others_wrote_is_text_on_a_page() {
    let house = House::open().await;
    let name = "<script>alert(1)</script>".to_owned();
    let callbacks = vec![CALLBACK.to_owned()];
    house
        .add_client(Client {
            name,
            callbacks,
            ..client("evil")
        })
        .await;
    let hint = "\"><script>alert(2)</script>";
    let request = shop_request(&[("client_id", "evil"), ("login_hint", hint), ("state", hint)]);
    let request = request.replace("/authorize", "/login");
    let page = house.browser().get(&house.url(&request)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.body.contains("alert(1)") && page.body.contains("alert(2)"),
        "{page:?}"
    );
    assert!(!page.body.contains("<script"), "{page:?}");
}

#[tokio::test]
async fn assets_are_there_and_may_be_kept() {
    let house = House::open().await;
    let mut browser = house.browser();
    for (path, kind) in [
        ("/assets/issuer.css", "text/css"),
        ("/assets/submit.js", "text/javascript"),
    ] {
        let reply = browser.get(&house.url(path)).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert!(reply.header(CONTENT_TYPE).starts_with(kind), "{reply:?}");
        assert!(
            reply.header(CACHE_CONTROL).contains("immutable"),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn g6_g21_the_discovery_document_is_one_that_the_other_side_reads() {
    for id in [
        "https://id.example/",
        "https://id.example",
        "https://id.example/a/b",
    ] {
        let house = House::open_at(id).await;
        let mut browser = house.browser();
        let reply = browser
            .get(&house.url("/.well-known/openid-configuration"))
            .await;
        let issuer = house.issuer.id();
        let metadata = ProviderMetadata::parse(reply.body.as_bytes(), issuer).expect("a document");
        assert!(metadata.backchannel_logout_supported);
        assert!(metadata.backchannel_logout_session_supported);
        assert_eq!(
            metadata.id_token_signing_alg_values_supported,
            ["ES256", "EdDSA"]
        );
        assert_eq!(
            metadata.end_session_endpoint.unwrap().as_str(),
            house.url("/oidc/logout")
        );
        for flag in ["", "_session"] {
            let flag = format!("backchannel_logout{flag}_supported");
            assert_eq!(reply.json()[&flag], true, "{flag}");
        }
        assert!(house.url("/oidc/logout").starts_with("https://"));
        assert_eq!(
            reply.json()["authorization_response_iss_parameter_supported"],
            true
        );
        assert_eq!(reply.json()["request_uri_parameter_supported"], false);
        let reply = browser.get(metadata.jwks_uri.as_str()).await;
        assert!(
            reply.header(CACHE_CONTROL).contains("max-age=3600"),
            "{reply:?}"
        );
        let keys = JwkSet::parse(reply.body.as_bytes()).expect("a key set");
        assert_eq!((keys.len(), keys.skipped()), (2, 0));
    }
}
