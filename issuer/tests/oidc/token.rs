//! Codes and credentials against tokens, and every way to be refused.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use logout_issuer::domain::authorization::CODES_ARE_KEPT;
use logout_issuer::domain::client::{Client, TokenEndpointAuthMethod};
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::login::access_token::{self, AccessTokenError};
use serde_json::json;

use crate::house::{
    CALLBACK, EMAIL, House, PASSWORD, Reply, SECRET, SPA_CALLBACK, VERIFIER, claims, client,
    description, seal, shop_request,
};

const API: &str = "https://id.example/api/v2/";

/// A code for Ada, by a request with these changes.
pub(crate) async fn code(house: &House, changes: &[(&str, &str)]) -> String {
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(changes))).await;
    let page = browser.follow(&page).await;
    let answer = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    answer.parameter("code")
}

fn assert_refused(reply: &Reply, error: &str) {
    assert_eq!(reply.json()["error"], error, "{reply:?}");
    let status = if error == "invalid_client" { 401 } else { 400 };
    assert_eq!(reply.status.as_u16(), status, "{reply:?}");
    assert_eq!(reply.header(CACHE_CONTROL), "no-store");
}

#[tokio::test]
async fn a_code_is_good_once() {
    let house = House::open().await;
    let code = code(&house, &[]).await;
    let first = house.redeem(&code).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.header(CACHE_CONTROL), "no-store");
    assert_refused(&house.redeem(&code).await, "invalid_grant");
    let history = house.history().await;
    let (code, event) = &history[0];
    assert_eq!(code, "feacft");
    assert_eq!(description(event), "the code was used before");
    assert_eq!(event["user"], house.ada.id.as_str(), "{event}");
}

#[tokio::test]
async fn a_code_at_the_wrong_place_is_refused_and_used_up() {
    let house = House::open().await;
    let other = Client {
        sealed_secret: Some(seal(&house.issuer, "other", SECRET)),
        ..client("other")
    };
    house.add_client(other).await;
    let wrong_verifier = VERIFIER.replace('d', "e");
    for change in [
        ("code_verifier", wrong_verifier.as_str()),
        ("code_verifier", "short"),
        ("code_verifier", ""),
        ("redirect_uri", "https://shop.example/callback"),
        ("redirect_uri", ""),
        ("client_id", "other"),
    ] {
        let code = code(&house, &[]).await;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", "shop"),
            ("client_secret", SECRET),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(name, _)| *name != change.0);
        fields.push(change);
        assert_refused(
            &house.post("/oauth/token", None, &fields).await,
            "invalid_grant",
        );
        assert_refused(&house.redeem(&code).await, "invalid_grant");
    }
}

#[tokio::test]
async fn a_verifier_without_a_challenge_is_refused() {
    let house = House::open().await;
    let code = code(
        &house,
        &[("code_challenge", ""), ("code_challenge_method", "")],
    )
    .await;
    assert_refused(&house.redeem(&code).await, "invalid_grant");
}

#[tokio::test]
async fn a_code_is_forgotten_after_a_day_and_not_before() {
    let house = House::open().await;
    let _code = code(&house, &[]).await;
    house.clock.advance(CODES_ARE_KEPT);
    for (step, forgotten) in [(0, 0), (1, 1), (0, 0)] {
        house.clock.advance(Duration::from_millis(step));
        let deleted = house.issuer.delete_old_history().await.unwrap();
        assert_eq!(deleted.codes, forgotten, "{step} ms later");
    }
}

#[tokio::test]
async fn a_code_dies_after_a_minute_and_with_its_session() {
    let house = House::open().await;
    let old = code(&house, &[]).await;
    house.clock.advance(Duration::from_mins(1));
    assert_refused(&house.redeem(&old).await, "invalid_grant");

    let mut browser = house.browser();
    let tokens = house.sign_in(&mut browser).await;
    let sid = claims(tokens["id_token"].as_str().unwrap())["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let answer = browser.get(&house.url(&shop_request(&[]))).await;
    let sid = sid.parse().unwrap();
    house
        .issuer
        .sessions()
        .end(&sid, Initiator::SessionRevoked)
        .await
        .unwrap();
    assert_refused(
        &house.redeem(&answer.parameter("code")).await,
        "invalid_grant",
    );
}

#[tokio::test]
async fn a_client_proves_itself_in_its_own_way_only() {
    let house = House::open().await;
    let basic = |id: &str, secret: &str| {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{id}:{}", secret.replace(' ', "+")))
        )
    };
    for (id, method) in [
        ("by-basic", TokenEndpointAuthMethod::ClientSecretBasic),
        ("by-post", TokenEndpointAuthMethod::ClientSecretPost),
    ] {
        let sealed_secret = Some(seal(&house.issuer, id, SECRET));
        let token_endpoint_auth_method = Some(method);
        house
            .add_client(Client {
                sealed_secret,
                token_endpoint_auth_method,
                ..client(id)
            })
            .await;
    }
    let grant = ("grant_type", "authorization_code");
    let code = ("code", "made-up");
    // Who gets as far as the code has proved itself.
    for (id, by_basic, by_post) in [
        ("shop", true, true),
        ("by-basic", true, false),
        ("by-post", false, true),
    ] {
        let reply = house
            .post("/oauth/token", Some(&basic(id, SECRET)), &[grant, code])
            .await;
        assert_refused(
            &reply,
            if by_basic {
                "invalid_grant"
            } else {
                "invalid_client"
            },
        );
        let fields = [grant, code, ("client_id", id), ("client_secret", SECRET)];
        let reply = house.post("/oauth/token", None, &fields).await;
        assert_refused(
            &reply,
            if by_post {
                "invalid_grant"
            } else {
                "invalid_client"
            },
        );
        let reply = house
            .post("/oauth/token", None, &[grant, code, ("client_id", id)])
            .await;
        assert_refused(&reply, "invalid_client");
    }
    let reply = house
        .post(
            "/oauth/token",
            Some(&basic("shop", "wrong")),
            &[grant, code],
        )
        .await;
    assert_refused(&reply, "invalid_client");
    assert!(
        reply.header(WWW_AUTHENTICATE).starts_with("Basic "),
        "{reply:?}"
    );
    let fields = [grant, code, ("client_id", "spa")];
    assert_refused(
        &house.post("/oauth/token", None, &fields).await,
        "invalid_grant",
    );
    let fields = [grant, code, ("client_id", "spa"), ("client_secret", "any")];
    assert_refused(
        &house.post("/oauth/token", None, &fields).await,
        "invalid_client",
    );
    for id in ["nobody", ""] {
        let fields = [grant, code, ("client_id", id)];
        assert_refused(
            &house.post("/oauth/token", None, &fields).await,
            "invalid_client",
        );
    }
    let both = [
        grant,
        code,
        ("client_id", "shop"),
        ("client_secret", SECRET),
    ];
    let reply = house
        .post("/oauth/token", Some(&basic("shop", SECRET)), &both)
        .await;
    assert_refused(&reply, "invalid_request");
}

#[tokio::test]
async fn an_app_without_a_secret_signs_in_with_pkce() {
    let house = House::open().await;
    let code = code(
        &house,
        &[("client_id", "spa"), ("redirect_uri", SPA_CALLBACK)],
    )
    .await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", "spa"),
        ("code", code.as_str()),
        ("redirect_uri", SPA_CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let tokens = house.post("/oauth/token", None, &fields).await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["aud"], "spa");
}

#[tokio::test]
async fn without_the_scope_openid_there_is_no_id_token() {
    let house = House::open().await;
    let code = code(&house, &[("scope", "email unknown")]).await;
    let tokens = house.redeem(&code).await.json();
    assert!(tokens.get("id_token").is_none(), "{tokens}");
    assert_eq!(tokens["scope"], "email");
}

#[tokio::test]
async fn nonsense_is_told_what_is_wrong_with_it() {
    let house = House::open().await;
    let refused = |body: &'static str, kind: &'static str| {
        let request = Request::post(house.url("/oauth/token")).header(CONTENT_TYPE, kind);
        house.send(request.body(Body::from(body)).unwrap())
    };
    let form = "application/x-www-form-urlencoded";
    let json = "application/json";
    for (body, kind, error, told) in [
        ("", form, "invalid_request", "grant_type"),
        (
            "grant_type=password",
            form,
            "unsupported_grant_type",
            "grant_type",
        ),
        (
            "grant_type=a&grant_type=b",
            form,
            "invalid_request",
            "more than once",
        ),
        ("grant_type=a", "text/plain", "invalid_request", "form"),
        ("{", json, "invalid_request", "line 1 column 1"),
        ("{\"grant_type\": 1}", json, "invalid_request", "grant_type"),
        ("[]", json, "invalid_request", "object"),
    ] {
        let reply = refused(body, kind).await;
        assert_refused(&reply, error);
        let text = reply.json()["error_description"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(text.contains(told), "{text}");
    }
    let huge = "x".repeat(64 * 1024 + 1);
    let request = Request::post(house.url("/oauth/token")).header(CONTENT_TYPE, form);
    let reply = house.send(request.body(Body::from(huge)).unwrap()).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE);
    let reply = house.send(
        Request::get(house.url("/oauth/token"))
            .body(Body::empty())
            .unwrap(),
    );
    assert_eq!(reply.await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_client_gets_a_token_for_the_management_api_in_form_and_json() {
    let house = House::open().await;
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "shop"),
        ("client_secret", SECRET),
        ("audience", API),
    ];
    let by_form = house.post("/oauth/token", None, &fields).await;
    let object = json!({
        "grant_type": "client_credentials",
        "client_id": "shop",
        "client_secret": SECRET,
        "scope": "update:session",
    });
    let request = Request::post(house.url("/oauth/token"))
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .body(Body::from(object.to_string()))
        .unwrap();
    let by_json = house.send(request).await;
    for (reply, scope) in [
        (by_form, "read:sessions update:sessions"),
        (by_json, "update:sessions"),
    ] {
        let answer = reply.json();
        assert_eq!(answer["expires_in"], 86_400);
        assert_eq!(answer["token_type"], "Bearer");
        assert_eq!(answer["scope"], scope);
        let claims = claims(answer["access_token"].as_str().unwrap());
        assert_eq!(claims["aud"], API);
        assert_eq!(claims["sub"], "shop@clients");
        assert_eq!(claims["gty"], "client-credentials");
        assert_eq!(claims["scope"], scope);
    }
    assert!(house.history_has("seccft").await);
}

#[tokio::test]
async fn client_credentials_are_refused_in_auth0s_words() {
    let house = House::open().await;
    let sealed_secret = Some(seal(&house.issuer, "plain", SECRET));
    house
        .add_client(Client {
            sealed_secret,
            ..client("plain")
        })
        .await;
    let ask = async |id: &str, secret: &str, more: &[(&str, &str)]| {
        let mut fields = vec![("grant_type", "client_credentials"), ("client_id", id)];
        fields.push(("client_secret", secret));
        fields.extend(more);
        let reply = house.post("/oauth/token", None, &fields).await;
        let answer = reply.json();
        let text = answer["error_description"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (
            reply.status.as_u16(),
            answer["error"].as_str().unwrap_or_default().to_owned(),
            text,
        )
    };
    let denied = |status, text: &str| (status, "access_denied".to_owned(), text.to_owned());
    assert_eq!(ask("shop", "wrong", &[]).await, denied(401, "Unauthorized"));
    assert_eq!(
        ask("nobody", SECRET, &[]).await,
        denied(401, "Unauthorized")
    );
    assert_eq!(
        ask("shop", SECRET, &[("audience", "https://other/")]).await,
        denied(403, "Service not enabled within domain: https://other/")
    );
    let text = "Client \"plain\" is not authorized to access resource server \
                \"https://id.example/api/v2/\". You need to create a \"client-grant\" associated \
                to this API.";
    assert_eq!(ask("plain", SECRET, &[]).await, denied(403, text));
    assert_eq!(
        ask("shop", SECRET, &[("scope", "delete:users")]).await.1,
        "invalid_scope"
    );
    assert!(house.history_has("feccft").await);
}

#[tokio::test]
async fn one_kind_of_token_is_not_taken_for_another() {
    let house = House::open().await;
    let tokens = house.sign_in(&mut house.browser()).await;
    let check = |token: &str| {
        access_token::check(&house.issuer, token, API, house.issuer.now()).map(|token| token.scopes)
    };
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", "shop"),
        ("client_secret", SECRET),
    ];
    let answer = house.post("/oauth/token", None, &fields).await.json();
    let good = answer["access_token"].as_str().unwrap();
    assert_eq!(check(good).unwrap(), ["read:sessions", "update:sessions"]);
    let id_token = tokens["id_token"].as_str().unwrap();
    assert!(matches!(check(id_token), Err(AccessTokenError::Foreign(_))));
    let users = tokens["access_token"].as_str().unwrap();
    assert_eq!(check(users), Err(AccessTokenError::Audience));
    let stranger = House::open().await;
    let answer = stranger.post("/oauth/token", None, &fields).await.json();
    let theirs = answer["access_token"].as_str().unwrap();
    assert_eq!(check(theirs), Err(AccessTokenError::Signature));
    assert!(matches!(check("a.b.c"), Err(AccessTokenError::Foreign(_))));
    house.clock.advance(Duration::from_hours(24));
    assert_eq!(check(good), Err(AccessTokenError::Expired));
}

#[tokio::test]
async fn a_header_that_is_no_basic_is_no_proof() {
    let house = House::open().await;
    let request = Request::post(house.url("/oauth/token"))
        .header(AUTHORIZATION, "Bearer x")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("grant_type=authorization_code&code=x"))
        .unwrap();
    assert_refused(&house.send(request).await, "invalid_client");
}
