//! Requests that an app should not have sent, and where the browser goes then.

use axum::http::StatusCode;
use axum::http::header::LOCATION;

use crate::house::{CALLBACK, EMAIL, House, PASSWORD, SPA_CALLBACK, challenge, shop_request};

#[tokio::test]
async fn nobody_is_sent_where_the_client_has_not_registered() {
    let house = House::open().await;
    let mut browser = house.browser();
    let twice = format!("{}&client_id=shop", shop_request(&[]));
    for request in [
        shop_request(&[("client_id", "nobody")]),
        shop_request(&[("client_id", "")]),
        shop_request(&[("client_id", "sh\u{7}op")]),
        shop_request(&[("redirect_uri", "")]),
        shop_request(&[("redirect_uri", "https://evil.example/")]),
        shop_request(&[("redirect_uri", "https://shop.example/callback")]),
        shop_request(&[("redirect_uri", "https://shop.example/callback?shop=1&x=2")]),
        shop_request(&[("redirect_uri", "https://SHOP.example/callback?shop=1")]),
        shop_request(&[("redirect_uri", "https://shop.example/callback?shop=1#")]),
        shop_request(&[("redirect_uri", SPA_CALLBACK)]),
        twice,
    ] {
        for path in [request.clone(), request.replace("/authorize", "/login")] {
            let reply = browser.get(&house.url(&path)).await;
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{path}");
            assert_eq!(reply.header(LOCATION), "", "{path}");
            assert!(
                reply.body.contains("You cannot sign in from here"),
                "{reply:?}"
            );
        }
    }
}

#[tokio::test]
async fn other_faults_go_back_to_the_app_with_its_state() {
    let house = House::open().await;
    let mut browser = house.browser();
    let short = &challenge()[1..];
    for (changes, error) in [
        (vec![("response_type", "")], "invalid_request"),
        (
            vec![("response_type", "token")],
            "unsupported_response_type",
        ),
        (
            vec![("response_type", "code id_token")],
            "unsupported_response_type",
        ),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge", short)], "invalid_request"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("prompt", "sometimes")], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
        (vec![("max_age", "-1")], "invalid_request"),
        (vec![("max_age", "soon")], "invalid_request"),
        (vec![("request", "e30.e30.")], "request_not_supported"),
        (
            vec![("request_uri", "https://shop.example/r")],
            "request_uri_not_supported",
        ),
    ] {
        let reply = browser.get(&house.url(&shop_request(&changes))).await;
        assert_eq!(reply.parameter("error"), error, "{changes:?}");
        assert!(
            reply.location().starts_with(&format!("{CALLBACK}&error=")),
            "{changes:?}"
        );
        assert_eq!(reply.parameter("state"), "st&te", "{changes:?}");
        assert_eq!(reply.parameter("iss"), "https://id.example/", "{changes:?}");
        assert!(
            !reply.parameter("error_description").is_empty(),
            "{changes:?}"
        );
    }
    let twice = format!("{}&nonce=again", shop_request(&[]));
    let reply = browser.get(&house.url(&twice)).await;
    assert_eq!(reply.parameter("error"), "invalid_request");
}

#[tokio::test]
async fn a_public_client_needs_pkce_and_one_with_a_secret_does_not() {
    let house = House::open().await;
    let mut browser = house.browser();
    let no_pkce = [("code_challenge", ""), ("code_challenge_method", "")];
    let reply = browser.get(&house.url(&shop_request(&no_pkce))).await;
    assert!(reply.location().contains("/login?"), "{reply:?}");
    let mut changes = vec![("client_id", "spa"), ("redirect_uri", SPA_CALLBACK)];
    let reply = browser.get(&house.url(&shop_request(&changes))).await;
    assert!(reply.location().contains("/login?"), "{reply:?}");
    changes.extend(no_pkce);
    let reply = browser.get(&house.url(&shop_request(&changes))).await;
    assert_eq!(reply.parameter("error"), "invalid_request");
}

#[tokio::test]
async fn a_client_without_the_grant_is_refused() {
    let house = House::open().await;
    let mut machine = crate::house::client("machine");
    machine.callbacks = vec!["https://machine.example/".to_owned()];
    machine.grant_types = vec!["client_credentials".to_owned()];
    house.add_client(machine).await;
    let changes = [
        ("client_id", "machine"),
        ("redirect_uri", "https://machine.example/"),
    ];
    let reply = house
        .browser()
        .get(&house.url(&shop_request(&changes)))
        .await;
    assert_eq!(reply.parameter("error"), "unauthorized_client");
}

#[tokio::test]
async fn a_posted_request_comes_again_as_get_with_its_cookie() {
    let house = House::open().await;
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    let request = shop_request(&[("prompt", "none")]);
    let query = request.split_once('?').expect("a query").1;
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let fields: Vec<(&str, &str)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    // A form on a foreign page comes without the Lax cookie.
    let cookie = browser.cookie.take();
    let reply = browser.post(&house.url("/authorize"), &fields, &[]).await;
    assert_eq!(reply.status, StatusCode::SEE_OTHER);
    browser.cookie = cookie;
    let reply = browser.follow(&reply).await;
    assert!(reply.find_parameter("code").is_some(), "{reply:?}");
}

#[tokio::test]
async fn an_answer_can_travel_in_a_form() {
    let house = House::open().await;
    let mut browser = house.browser();
    let page = browser
        .get(&house.url(&shop_request(&[("response_mode", "form_post")])))
        .await;
    let page = browser.follow(&page).await;
    let page = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    assert_eq!(page.status, StatusCode::OK);
    let (action, fields) = page.form();
    assert_eq!(action, CALLBACK);
    let field = |name: &str| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(
        (field("state"), field("iss")),
        ("st&te".into(), "https://id.example/".into())
    );
    assert_eq!(house.redeem(&field("code")).await.status, StatusCode::OK);
}
