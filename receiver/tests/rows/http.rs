//! Rows A: what the endpoint makes of requests, whatever the token.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use logout_receiver::{EndpointSettings, HookError};
use logout_shared::logout_token::request::MAX_BODY_BYTES;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{
    Hook, RelyingParty, builder, claims, exchange, form_request, id_token, manual_clock, post_form,
    serve, signed, with,
};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const PATH: &str = "/backchannel-logout";

/// A relying party with one session that a refused request must leave alone.
async fn relying_party() -> RelyingParty {
    let relying_party = RelyingParty::start().await;
    relying_party
        .log_in(&id_token("alice", "sid-1"), "browser")
        .await;
    relying_party
}

#[tokio::test]
async fn a1_a_valid_form_post_is_answered_200_without_a_body() {
    let relying_party = relying_party().await;
    relying_party.post(&signed(&claims())).await.assert_ok();
    assert!(!relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a2_unknown_form_fields_are_ignored() {
    let relying_party = relying_party().await;
    let body = format!(
        "x=1&logout_token={}&ignored_parameter=%C3%A9",
        signed(&claims())
    );
    exchange(relying_party.address, &form_request(PATH, FORM, &body))
        .await
        .assert_ok();
    assert!(!relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a3_a4_a8_a11_a_form_without_exactly_one_readable_token_is_refused() {
    let relying_party = relying_party().await;
    let token = signed(&claims());
    let bodies = [
        String::new(),
        "token=x".to_owned(),
        "logout_token=".to_owned(),
        "logout_token".to_owned(),
        format!("logout_token={token}&logout_token={token}"),
        format!("logout_token={token}&logout_token=other"),
        format!("logout_token={token}&logout%5Ftoken={token}"),
        format!("logout_token={token}&x=%zz"),
        format!("logout_token={token}%F"),
        format!("logout_token={token}&x=%FF%FE"),
    ];
    for body in bodies {
        let answer = exchange(relying_party.address, &form_request(PATH, FORM, &body)).await;
        answer.assert_refused();
    }
    let mut raw = form_request(PATH, FORM, "logout_token=xx");
    let end = raw.len();
    raw[end - 2..].copy_from_slice(b"\xff\xfe");
    exchange(relying_party.address, &raw).await.assert_refused();
    assert!(relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a5_other_methods_get_405_and_are_told_which_one_works() {
    let relying_party = relying_party().await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] {
        let token = signed(&claims());
        let request = format!(
            "{method} {PATH}?logout_token={token} HTTP/1.1\r\nHost: rp\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(relying_party.address, request.as_bytes()).await;
        assert_eq!(answer.status, 405, "{method}: {answer:?}");
        assert_eq!(answer.header("allow"), Some("POST"), "{method}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{method}");
    }
    assert!(relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a6_other_content_types_are_refused() {
    let relying_party = relying_party().await;
    let body = format!("logout_token={}", signed(&claims()));
    for headers in [
        "",
        "Content-Type: application/json\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencodedx\r\n",
        "Content-Type: application/logout+jwt\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Type: text/plain\r\n",
    ] {
        let answer = exchange(relying_party.address, &form_request(PATH, headers, &body)).await;
        answer.assert_refused();
    }
    assert!(relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a7_a9_a_token_anywhere_but_in_the_form_does_not_count() {
    let relying_party = relying_party().await;
    let token = signed(&claims());
    let in_query = form_request(&format!("{PATH}?logout_token={token}"), FORM, "x=1");
    exchange(relying_party.address, &in_query)
        .await
        .assert_refused();
    let as_bearer = form_request(
        PATH,
        &format!("{FORM}Authorization: Bearer {token}\r\n"),
        "x=1",
    );
    exchange(relying_party.address, &as_bearer)
        .await
        .assert_refused();
    assert!(relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a10_a_body_over_the_limit_is_refused_unread() {
    let relying_party = relying_party().await;
    // Only the head: the answer must come without a byte of the body.
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: rp\r\nConnection: close\r\n{FORM}Content-Length: 10000000\r\n\r\n"
    );
    exchange(relying_party.address, head.as_bytes())
        .await
        .assert_refused();
    // Without a declared length it is cut off at the limit.
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: rp\r\nConnection: close\r\n{FORM}Transfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x1_0000));
    let chunked = format!("{head}{chunk}{chunk}{chunk}");
    let answer = exchange(relying_party.address, chunked.as_bytes()).await;
    answer.assert_refused();
    assert_eq!(answer.json()["error_description"], "body_too_large");
}

#[tokio::test]
async fn a10_a_body_of_exactly_the_limit_is_read() {
    let relying_party = relying_party().await;
    let form = format!("logout_token={}&x=", signed(&claims()));
    for (length, status) in [(MAX_BODY_BYTES + 1, 400), (MAX_BODY_BYTES, 200)] {
        let body = format!("{form}{}", "a".repeat(length - form.len()));
        let answer = exchange(relying_party.address, &form_request(PATH, FORM, &body)).await;
        assert_eq!(answer.status, status, "{length} bytes");
    }
}

#[tokio::test]
async fn a1_a_body_in_pieces_is_put_together() {
    let relying_party = relying_party().await;
    let body = format!("logout_token={}", signed(&claims()));
    let mut request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: rp\r\nConnection: close\r\n{FORM}Transfer-Encoding: chunked\r\n\r\n"
    );
    for piece in body.as_bytes().chunks(100) {
        let piece = str::from_utf8(piece).expect("ASCII");
        write!(request, "{:x}\r\n{piece}\r\n", piece.len()).expect("a text has room");
    }
    request += "0\r\n\r\n";
    exchange(relying_party.address, request.as_bytes())
        .await
        .assert_ok();
    assert!(!relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a12_the_content_type_may_have_parameters_and_any_letter_case() {
    for header in [
        "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n",
        "CONTENT-TYPE: Application/X-WWW-Form-URLEncoded\r\n",
        "content-type: application/x-www-form-urlencoded;charset=utf-8\r\n",
    ] {
        let relying_party = relying_party().await;
        let body = format!("logout_token={}", signed(&claims()));
        let request = form_request(PATH, header, &body);
        exchange(relying_party.address, &request).await.assert_ok();
        assert!(!relying_party.is_live("browser").await);
    }
}

#[tokio::test]
async fn a13_an_app_that_lets_nobody_in_is_told_of_logouts_all_the_same() {
    let relying_party = relying_party().await;
    let nobody = from_fn(
        |_: axum::extract::Request, _: axum::middleware::Next| async { StatusCode::FORBIDDEN },
    );
    let app: Router = Router::new()
        .fallback(|| async { "home" })
        .layer(nobody)
        .merge(relying_party.logout.routes(PATH));
    let address = serve(app).await;
    let home = exchange(
        address,
        b"GET / HTTP/1.1\r\nHost: rp\r\nConnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(home.status, 403);
    post_form(address, PATH, &signed(&claims()))
        .await
        .assert_ok();
    assert!(!relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a14_a15_every_answer_forbids_storing_and_every_error_is_json() {
    let hook = Hook::answering([Err(HookError::failed("the app's database is away"))]);
    let relying_party = RelyingParty::with(builder(&manual_clock()).hook(hook)).await;
    relying_party
        .post(&signed(&claims()))
        .await
        .assert_unavailable("hook_failed");
    relying_party.post(&signed(&claims())).await.assert_ok();
    relying_party.post("not-a-token").await.assert_refused();
}

#[tokio::test]
async fn a16_no_answer_repeats_anything_of_the_token() {
    let relying_party = relying_party().await;
    let spoken = "do-not-repeat-this";
    let wrong = [
        json!({"iss": spoken}),
        json!({"aud": spoken}),
        json!({"sub": format!("{spoken}\u{7}")}),
        json!({"sid": format!("{spoken}\u{7}")}),
        json!({"jti": [spoken]}),
        json!({"events": {spoken: {}}}),
        json!({"nonce": spoken}),
        json!({"azp": spoken}),
        json!({"iat": spoken}),
    ];
    let mut tokens: Vec<String> = wrong
        .iter()
        .map(|change| signed(&with(claims(), change)))
        .collect();
    let header = json!({"alg": spoken, "kid": spoken})
        .as_object()
        .cloned()
        .expect("an object");
    let payload = claims().to_string();
    let key = crate::support::key();
    tokens.push(
        key.sign_with_header(spoken, &header, payload.as_bytes())
            .expect("signs"),
    );
    tokens.push(crate::support::sign(key, spoken, &claims()));
    tokens.push(format!("{spoken}.{spoken}.{spoken}"));
    for token in tokens {
        let answer = relying_party.post(&token).await;
        answer.assert_refused();
        assert!(!answer.body.contains(spoken), "{answer:?}");
        for part in token.split('.').filter(|part| !part.is_empty()) {
            assert!(!answer.body.contains(part), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn a17_a_compressed_body_is_refused() {
    let relying_party = relying_party().await;
    let body = format!("logout_token={}", signed(&claims()));
    for encoding in ["gzip", "deflate", "br", "identity, gzip"] {
        let headers = format!("{FORM}Content-Encoding: {encoding}\r\n");
        let request = form_request(PATH, &headers, &body);
        exchange(relying_party.address, &request)
            .await
            .assert_refused();
    }
    assert!(relying_party.is_live("browser").await);
}

#[tokio::test]
async fn a18_a_sender_that_never_finishes_is_cut_off() {
    let mut settings = EndpointSettings::default();
    settings.body_time_limit = Duration::from_millis(20);
    let set_up = builder(&manual_clock()).endpoint_settings(settings);
    let relying_party = RelyingParty::with(set_up).await;
    let mut stream = TcpStream::connect(relying_party.address)
        .await
        .expect("connects");
    let head =
        format!("POST {PATH} HTTP/1.1\r\nHost: rp\r\n{FORM}Content-Length: 100\r\n\r\nlogout");
    stream.write_all(head.as_bytes()).await.expect("writes");
    // Reading to the end means that the server has closed the connection.
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("body_too_slow"), "{answer}");
}

#[tokio::test]
async fn a19_an_unknown_provider_path_is_404() {
    let relying_party = relying_party().await;
    let path = "/other/backchannel-logout";
    let answer = post_form(relying_party.address, path, &signed(&claims())).await;
    assert_eq!(answer.status, 404);
    assert!(relying_party.is_live("browser").await);
}

#[tokio::test]
async fn the_switch_for_the_specifications_letter_turns_503_into_400() {
    let hook: Arc<Hook> = Hook::answering([Err(HookError::failed("down"))]);
    let set_up = builder(&manual_clock())
        .hook(hook)
        .answer_400_when_unavailable();
    let relying_party = RelyingParty::with(set_up).await;
    let answer = relying_party.post(&signed(&claims())).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
    assert!(answer.header("retry-after").is_some());
}
