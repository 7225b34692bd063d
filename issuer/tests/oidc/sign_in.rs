//! A person signs in: the way to the code, and what stands in it.

use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{ORIGIN, RETRY_AFTER, SET_COOKIE};
use logout_issuer::domain::session::Device;
use logout_issuer::login::account_changes::{AccountChange, change_account};
use logout_issuer::logout::LogContext;

use crate::house::{
    CALLBACK, EMAIL, House, NOW, PASSWORD, SEC_FETCH_SITE, claims, description, shop_request,
};

#[tokio::test]
async fn g9_an_app_learns_who_signed_in_when_and_in_which_session() {
    let house = House::open().await;
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(
        page.location().starts_with("https://id.example/login?"),
        "{page:?}"
    );
    let page = browser.follow(&page).await;
    assert!(page.body.contains("The shop"), "{page:?}");

    let answer = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    assert!(
        answer.location().starts_with(&format!("{CALLBACK}&code=")),
        "{answer:?}"
    );
    assert_eq!(answer.parameter("state"), "st&te");
    assert_eq!(answer.parameter("iss"), "https://id.example/");
    let cookie = answer.header(SET_COOKIE).to_owned();
    assert!(cookie.starts_with("__Host-issuer="), "{cookie}");
    for part in [
        "; Path=/",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Secure",
        "; Max-Age=604800",
    ] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }

    let tokens = house.redeem(&answer.parameter("code")).await.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert_eq!(tokens["scope"], "openid profile email");
    let claims = claims(tokens["id_token"].as_str().expect("an ID Token"));
    assert_eq!(claims["iss"], "https://id.example/");
    assert_eq!(claims["sub"], house.ada.id.as_str());
    assert_eq!(claims["aud"], "shop");
    assert_eq!(claims["nonce"], "n-0");
    assert_eq!(claims["auth_time"], NOW.as_secs());
    assert_eq!(
        (&claims["email"], &claims["name"]),
        (&EMAIL.into(), &"Ada".into())
    );
    assert!(
        claims.get("phone_number").is_none(),
        "the scope phone was not asked for"
    );
    let sid = claims["sid"].as_str().expect("a sid");
    assert!(!cookie.contains(sid), "the cookie is the sid");
    assert!(house.history_has("s").await && house.history_has("seacft").await);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_read_the_same() {
    let house = House::open().await;
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    let page = browser.follow(&page).await;
    let mut replies = Vec::new();
    for (email, password) in [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD)] {
        let reply = browser
            .submit(&page, &[("email", email), ("password", password)])
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(
            reply.body.contains("Wrong e-mail address or password."),
            "{reply:?}"
        );
        assert_eq!(reply.header(SET_COOKIE), "");
        replies.push(reply.body.replace(email, ""));
    }
    assert_eq!(replies[0], replies[1]);
    let codes: Vec<_> = house
        .history()
        .await
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    assert_eq!(codes, ["fu", "fp", "ss"]);
}

#[tokio::test]
async fn a_blocked_user_is_told_so_only_after_the_right_password() {
    let house = House::open().await;
    let context = LogContext::default();
    change_account(&house.issuer, &house.ada.id, AccountChange::Block, context)
        .await
        .unwrap();
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    let page = browser.follow(&page).await;
    let wrong = browser
        .submit(&page, &[("email", EMAIL), ("password", "wrong")])
        .await;
    assert!(
        wrong.body.contains("Wrong e-mail address or password."),
        "{wrong:?}"
    );
    let right = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    assert_eq!(right.status, StatusCode::FORBIDDEN);
    assert!(right.body.contains("blocked"), "{right:?}");
    assert!(browser.cookie.is_none());
    assert!(house.history_has("f").await);
}

#[tokio::test]
async fn g9_a_session_in_the_browser_needs_no_password_until_it_ends() {
    let house = House::open().await;
    let mut browser = house.browser();
    let first = claims(
        house.sign_in(&mut browser).await["id_token"]
            .as_str()
            .unwrap(),
    );
    house.clock.advance(Duration::from_hours(1));
    let answer = browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await;
    let tokens = house.redeem(&answer.parameter("code")).await.json();
    let second = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(first["sid"], second["sid"]);
    assert_eq!(
        second["auth_time"],
        NOW.as_secs(),
        "nobody proved anything anew"
    );

    // Used at hour 1, so idle until hour 73.
    house
        .clock
        .set(NOW + Duration::from_hours(72) + Duration::from_mins(59));
    let answer = browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await;
    assert!(answer.find_parameter("code").is_some(), "{answer:?}");
    house.clock.set(NOW + Duration::from_hours(168));
    let answer = browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await;
    assert_eq!(answer.parameter("error"), "login_required");
    assert_eq!(answer.parameter("state"), "st&te");
}

#[tokio::test]
async fn g9_a_fresh_login_can_be_demanded_and_keeps_the_session_under_a_new_handle() {
    let house = House::open().await;
    let mut browser = house.browser();
    let first = claims(
        house.sign_in(&mut browser).await["id_token"]
            .as_str()
            .unwrap(),
    );
    let handle = browser.cookie.clone();
    house.clock.advance(Duration::from_mins(10));
    for change in [("prompt", "login"), ("max_age", "599"), ("max_age", "0")] {
        let answer = browser.get(&house.url(&shop_request(&[change]))).await;
        assert!(
            answer.location().contains("/login?"),
            "{change:?}: {answer:?}"
        );
    }
    let answer = browser
        .get(&house.url(&shop_request(&[("max_age", "600")])))
        .await;
    assert!(answer.find_parameter("code").is_some(), "{answer:?}");

    let page = browser
        .get(&house.url(&shop_request(&[("prompt", "login")])))
        .await;
    let page = browser.follow(&page).await;
    let answer = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    let tokens = house.redeem(&answer.parameter("code")).await.json();
    let second = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(first["sid"], second["sid"]);
    assert_eq!(second["auth_time"], NOW.as_secs() + 600);
    assert_ne!(browser.cookie, handle);

    browser.cookie = handle;
    let answer = browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await;
    assert_eq!(
        answer.parameter("error"),
        "login_required",
        "the old handle still works"
    );
}

#[tokio::test]
async fn another_person_in_the_same_browser_ends_the_session_before() {
    let house = House::open().await;
    house.add_user("bob@example.com", "bobs password").await;
    let mut browser = house.browser();
    let adas = claims(
        house.sign_in(&mut browser).await["id_token"]
            .as_str()
            .unwrap(),
    );
    let page = browser
        .get(&house.url(&shop_request(&[("prompt", "login")])))
        .await;
    let page = browser.follow(&page).await;
    let fields = [("email", "Bob@Example.com"), ("password", "bobs password")];
    let answer = browser.submit(&page, &fields).await;
    let tokens = house.redeem(&answer.parameter("code")).await.json();
    let bobs = claims(tokens["id_token"].as_str().unwrap());
    assert_ne!(adas["sid"], bobs["sid"]);
    let ended = adas["sid"].as_str().unwrap().parse().unwrap();
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let (initiator, _) = snapshot
        .find_session_end(&ended)
        .await
        .unwrap()
        .expect("it has ended");
    assert_eq!(initiator.as_str(), "rp-logout");
}

#[tokio::test]
async fn somebody_else_than_the_hint_names_has_to_sign_in() {
    let house = House::open().await;
    house.add_user("bob@example.com", "bobs password").await;
    let adas = house.sign_in(&mut house.browser()).await;
    let hint = [
        ("id_token_hint", adas["id_token"].as_str().unwrap()),
        ("prompt", "none"),
    ];
    let mut browser = house.browser();
    house.sign_in(&mut browser).await;
    let answer = browser.get(&house.url(&shop_request(&hint))).await;
    assert!(answer.find_parameter("code").is_some(), "{answer:?}");

    let mut bobs = house.browser();
    let page = bobs.get(&house.url(&shop_request(&[]))).await;
    let page = bobs.follow(&page).await;
    let fields = [("email", "bob@example.com"), ("password", "bobs password")];
    bobs.submit(&page, &fields).await;
    let answer = bobs.get(&house.url(&shop_request(&hint))).await;
    assert_eq!(answer.parameter("error"), "login_required");
    let forged = [("id_token_hint", "a.b.c"), ("prompt", "none")];
    let answer = bobs.get(&house.url(&shop_request(&forged))).await;
    assert_eq!(answer.parameter("error"), "invalid_request");
}

#[tokio::test]
async fn a_form_from_a_foreign_page_signs_nobody_in() {
    let house = House::open().await;
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    let page = browser.follow(&page).await;
    let (action, _) = page.form();
    let fields = [("email", EMAIL), ("password", PASSWORD)];
    for foreign in [
        vec![
            (SEC_FETCH_SITE, "cross-site"),
            (ORIGIN, "https://evil.example"),
        ],
        vec![
            (SEC_FETCH_SITE, "same-site"),
            (ORIGIN, "https://shop.example"),
        ],
        vec![(ORIGIN, "https://evil.example")],
        vec![(ORIGIN, "null")],
    ] {
        let reply = browser.post(&action, &fields, &foreign).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{foreign:?}");
        assert!(browser.cookie.is_none());
    }
}

#[tokio::test]
async fn ten_failures_in_a_row_make_the_eleventh_wait() {
    let house = House::open().await;
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    let page = browser.follow(&page).await;
    for _ in 0..10 {
        let reply = browser
            .submit(&page, &[("email", EMAIL), ("password", "guess")])
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    }
    let reply = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.header(RETRY_AFTER), "31");
    assert!(reply.body.contains("try again in 31 seconds"), "{reply:?}");
    house.clock.advance(Duration::from_secs(31));
    let reply = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    assert!(reply.find_parameter("code").is_some(), "{reply:?}");
}

#[tokio::test]
async fn an_issuer_with_a_path_keeps_to_it() {
    let house = House::open_at("http://127.0.0.1:8080/tenant").await;
    let mut browser = house.browser();
    let page = browser.get(&house.url(&shop_request(&[]))).await;
    assert!(
        page.location()
            .starts_with("http://127.0.0.1:8080/tenant/login?"),
        "{page:?}"
    );
    let page = browser.follow(&page).await;
    let (action, _) = page.form();
    assert!(
        action.starts_with("http://127.0.0.1:8080/tenant/login?"),
        "{action}"
    );
    assert!(
        page.body
            .contains("\"http://127.0.0.1:8080/tenant/assets/issuer.css?"),
        "{page:?}"
    );
    let answer = browser
        .submit(&page, &[("email", EMAIL), ("password", PASSWORD)])
        .await;
    assert_eq!(answer.parameter("iss"), "http://127.0.0.1:8080/tenant");
    assert!(
        browser
            .cookie
            .as_deref()
            .unwrap()
            .starts_with("issuer-8080=")
    );
    let tokens = house.redeem(&answer.parameter("code")).await.json();
    let claims = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(claims["iss"], "http://127.0.0.1:8080/tenant");
}

#[tokio::test]
async fn a_login_remembers_the_browser_and_counts() {
    let house = House::open().await;
    house.sign_in(&mut house.browser()).await;
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let ada = snapshot
        .find_user(&house.ada.id)
        .await
        .unwrap()
        .expect("Ada");
    assert_eq!((ada.logins_count, ada.last_login), (1, Some(NOW)));
    let page = snapshot
        .list_sessions_of_user(&ada.id, None, 10, NOW)
        .await
        .unwrap();
    let (session, participants) = &page.sessions[0];
    assert_eq!(
        session.device,
        Device::first_seen(Some("a browser".to_owned()), None)
    );
    assert_eq!(participants[0].client.as_str(), "shop");
    assert_eq!(session.methods[0].name, "pwd");
    let history = house.history().await;
    assert!(history.iter().any(|(code, event)| code == "s"
        && description(event) == "Successful login."
        && event["details"]["session_id"] == session.id.as_str()));
}
