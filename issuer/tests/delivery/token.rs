//! What arrives at the client.

use logout_issuer::domain::logout_settings::TokenType;
use logout_shared::SigningAlgorithm;
use logout_shared::logout_token::LogoutSubject;
use logout_tests::relying_party::TestRelyingParty;
use serde_json::json;

use crate::world::{ISSUER, World, client};

#[tokio::test]
async fn g1_g2_g3_g4_g6_g10_g12_g19_a_client_is_told_by_a_form_with_a_token_and_nothing_else() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    // The query belongs to the URL and is kept.
    let id = world
        .client("shop", &format!("{}?tenant=1&x=%20", shop.url()))
        .await;
    let sid = world.session(&[&id]).await;
    world.revoke(&sid).await;

    let told = shop.wait_for(1).await.remove(0);
    assert_eq!(told.method, "POST");
    assert_eq!(
        told.content_type.as_deref(),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(told.target, "/backchannel-logout?tenant=1&x=%20");
    let names: Vec<_> = told.fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["logout_token"]);
    assert_eq!(told.header()["typ"], "logout+jwt");
    assert_eq!(told.header()["alg"], "ES256");
    let mut claims: Vec<_> = told.claims().as_object().unwrap().keys().cloned().collect();
    claims.sort();
    assert_eq!(
        claims,
        [
            "aud", "events", "exp", "iat", "iss", "jti", "sid", "sub", "trace_id"
        ]
    );
    assert_eq!(
        told.claims()["events"],
        json!({ "http://schemas.openid.net/event/backchannel-logout": {} })
    );
    let (issuer, audience) = (told.claims()["iss"].clone(), told.claims()["aud"].clone());
    assert_eq!((issuer, audience), (json!(ISSUER), json!("shop")));

    let token = world.check(&told, &id, SigningAlgorithm::Es256);
    let sub = "auth0|7".parse().unwrap();
    assert_eq!(token.subject(), &LogoutSubject::Both { sub, sid });
}

#[tokio::test]
async fn g5_g11_g27_each_client_gets_its_own_algorithm_and_type() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let old = TestRelyingParty::start().await;
    let modern = world.client("shop", &shop.url()).await;
    let mut client = client("old", &[&old.url()], |settings| {
        settings.delivery.token_type = TokenType::Jwt;
        settings.delivery.lifetime_seconds = 30;
    });
    client.signing_algorithm = SigningAlgorithm::EdDsa;
    let before = client.id.clone();
    world.client("old", "http://127.0.0.1:9/").await;
    world.update(client).await;
    let sid = world.session(&[&modern, &before]).await;
    world.revoke(&sid).await;

    let told = old.wait_for(1).await.remove(0);
    assert_eq!(told.header()["typ"], "JWT");
    let token = world.check(&told, &before, SigningAlgorithm::EdDsa);
    assert_eq!(
        token.expires_at().as_secs() - token.issued_at().as_secs(),
        30
    );
    let told = shop.wait_for(1).await.remove(0);
    let token = world.check(&told, &modern, SigningAlgorithm::Es256);
    assert_eq!(
        token.expires_at().as_secs() - token.issued_at().as_secs(),
        120
    );
}

#[tokio::test]
async fn g30_metadata_reaches_the_clients_that_opted_in_as_a_top_level_claim() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let till = TestRelyingParty::start().await;
    let opted_in = world
        .client_with("shop", &[&shop.url()], |it| {
            it.include_session_metadata = Some(true);
        })
        .await;
    let opted_out = world.client("till", &till.url()).await;
    let sid = world.session(&[&opted_in, &opted_out]).await;
    let sessions = world.issuer.sessions();
    sessions
        .set_metadata(&sid, "deviceName", "Kiosk №4")
        .await
        .unwrap();
    world.revoke(&sid).await;

    let told = shop.wait_for(1).await.remove(0);
    assert_eq!(
        told.claims()["session_metadata"],
        json!({ "deviceName": "Kiosk №4" })
    );
    let token = world.check(&told, &opted_in, SigningAlgorithm::Es256);
    let metadata = token.session_metadata().expect("it travels");
    assert_eq!(metadata.get("deviceName"), Some("Kiosk №4"));
    assert!(
        till.wait_for(1).await[0]
            .claims()
            .get("session_metadata")
            .is_none()
    );
}

#[tokio::test]
async fn g27_a_client_where_the_user_has_another_session_is_not_given_the_subject() {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let id = world.client("shop", &shop.url()).await;
    let (first, second) = (world.session(&[&id]).await, world.session(&[&id]).await);
    world.revoke(&first).await;
    let told = shop.wait_for(1).await;
    assert_eq!(told[0].claims()["sid"], json!(first));
    assert!(told[0].claims().get("sub").is_none());
    world.revoke(&second).await;
    let told = shop.wait_for(2).await;
    assert_eq!(told[1].claims()["sub"], "auth0|7");
}
