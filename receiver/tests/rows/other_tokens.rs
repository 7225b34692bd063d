//! Rows E: no other kind of token passes as a logout token, and no logout token as another.

use logout_receiver::{Invalid, RecordLoginError, VerifyError};
use serde_json::{Value, json};

use crate::support::{
    CLIENT, ISSUER, RelyingParty, claims, exchange, id_token, key, sign, signed, start, with,
};

/// Posts a token of another kind and checks that it is refused and nothing ended.
async fn assert_refused(typ: &str, claims: &Value) {
    let relying_party = RelyingParty::start().await;
    relying_party
        .log_in(&id_token("alice", "sid-1"), "browser")
        .await;
    let token = sign(key(), typ, claims);
    relying_party.post(&token).await.assert_refused();
    assert!(relying_party.is_live("browser").await);
    let verified = relying_party.logout.verifier().verify(&token).await;
    assert!(
        matches!(verified, Err(VerifyError::Invalid(Invalid::Rule(_)))),
        "{verified:?}"
    );
}

fn fresh_id_token() -> Value {
    let now = start().as_secs();
    with(
        id_token("alice", "sid-1"),
        &json!({"iat": now, "exp": now + 300, "jti": "j-1"}),
    )
}

#[tokio::test]
async fn e1_an_id_token_with_a_nonce_is_no_logout_token() {
    assert_refused("JWT", &with(fresh_id_token(), &json!({"nonce": "n-1"}))).await;
}

#[tokio::test]
async fn e2_an_id_token_without_a_nonce_is_no_logout_token() {
    assert_refused("JWT", &fresh_id_token()).await;
}

#[tokio::test]
async fn e3_an_access_token_is_no_logout_token() {
    let access = with(
        fresh_id_token(),
        &json!({"client_id": CLIENT, "scope": "openid"}),
    );
    assert_refused("at+jwt", &access).await;
    // Not even one with everything else a logout token has.
    assert_refused("at+jwt", &claims()).await;
}

#[tokio::test]
async fn e4_a_session_revoked_event_is_no_logout_token() {
    let event = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let subject = json!({"format": "opaque", "id": "sid-1"});
    let caep = with(
        claims(),
        &json!({"sub": null, "sid": null, "sub_id": subject, "events": {event: {}}}),
    );
    assert_refused("secevent+jwt", &caep).await;
    assert_refused("JWT", &caep).await;
}

#[tokio::test]
async fn e5_a_provider_command_is_no_logout_token() {
    let command = with(
        claims(),
        &json!({"command": "invalidate", "client_id": CLIENT, "tenant": "t-1", "events": null}),
    );
    assert_refused("command+jwt", &command).await;
    assert_refused("JWT", &command).await;
    assert_refused("command+jwt", &claims()).await;
}

#[tokio::test]
async fn e6_a_logout_token_begins_no_session() {
    let relying_party = RelyingParty::start().await;
    let error = relying_party
        .logout
        .record_login(&claims(), "browser")
        .await;
    assert!(
        matches!(error, Err(RecordLoginError::NotAnIdToken)),
        "{error:?}"
    );
    assert!(!relying_party.is_live("browser").await);
}

#[tokio::test]
async fn e6_an_id_token_of_somebody_else_begins_no_session() {
    let relying_party = RelyingParty::start().await;
    for (change, expected) in [
        (
            json!({"iss": "https://other.example/"}),
            "the claims are not of issuer",
        ),
        (
            json!({"iss": "https://issuer.example"}),
            "the claims are not of issuer",
        ),
        (json!({"aud": "client-2"}), "the claims are not for client"),
        (
            json!({"aud": ["client-2", "client-3"]}),
            "the claims are not for client",
        ),
        (json!({"sub": null}), "the claim `sub`"),
        (json!({"sub": ""}), "the claim `sub`"),
        (json!({"sid": 7}), "the claim `sid`"),
        (json!({"iat": null}), "the claim `iat`"),
        (json!({"iat": "yesterday"}), "the claim `iat`"),
    ] {
        let claims = with(id_token("alice", "sid-1"), &change);
        let error = relying_party.logout.record_login(&claims, "browser").await;
        let error = error.expect_err("is refused").to_string();
        assert!(error.starts_with(expected), "{error}");
        assert!(!relying_party.is_live("browser").await);
    }
}

#[tokio::test]
async fn e7_a_logout_token_opens_no_protected_page() {
    let relying_party = RelyingParty::start().await;
    let request = format!(
        "GET /protected HTTP/1.1\r\nHost: rp\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
        signed(&claims())
    );
    let answer = exchange(relying_party.address, request.as_bytes()).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn e9_userinfo_authorization_and_introspection_answers_are_no_logout_tokens() {
    let now = start().as_secs();
    let userinfo = json!({"iss": ISSUER, "aud": CLIENT, "sub": "alice", "email": "a@example"});
    let authorization =
        json!({"iss": ISSUER, "aud": CLIENT, "exp": now + 60, "code": "c", "state": "s"});
    let introspection = json!({
        "iss": ISSUER, "aud": CLIENT, "iat": now,
        "token_introspection": {"active": true, "sub": "alice", "sid": "sid-1"},
    });
    assert_refused("JWT", &userinfo).await;
    assert_refused("JWT", &authorization).await;
    assert_refused("JWT", &introspection).await;
    assert_refused("token-introspection+jwt", &introspection).await;
    assert_refused("token-introspection+jwt", &claims()).await;
}
