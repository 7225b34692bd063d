//! What changes of an account do to its sessions.

use axum::http::StatusCode;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use logout_issuer::login::account_changes::{AccountChange, AccountChangeError, change_account};
use logout_issuer::login::users::{CreateUserError, NewUser, create_user};
use logout_issuer::logout::LogContext;
use logout_shared::{Secret, SessionId};
use serde_json::json;

use crate::house::{Browser, EMAIL, House, PASSWORD, Reply, claims, client, shop_request};

async fn change(house: &House, change: AccountChange) -> Result<usize, AccountChangeError> {
    let ended = change_account(&house.issuer, &house.ada.id, change, LogContext::default()).await;
    ended.map(|ended| ended.sessions.len())
}

async fn attempt(browser: &mut Browser<'_>, house: &House, email: &str, password: &str) -> Reply {
    let page = browser
        .get(&house.url(&shop_request(&[("prompt", "login")])))
        .await;
    let page = browser.follow(&page).await;
    browser
        .submit(&page, &[("email", email), ("password", password)])
        .await
}

async fn sid(house: &House, browser: &mut Browser<'_>) -> SessionId {
    let tokens = house.sign_in(browser).await;
    claims(tokens["id_token"].as_str().unwrap())["sid"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn password(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_but_the_one_it_was_set_in() {
    let house = House::open().await;
    let keep = sid(&house, &mut house.browser()).await;
    sid(&house, &mut house.browser()).await;
    let change_to = AccountChange::Password {
        password: password("new"),
        keep: Some(keep.clone()),
    };
    assert_eq!(change(&house, change_to).await.unwrap(), 1);
    let mut browser = house.browser();
    assert_eq!(
        attempt(&mut browser, &house, EMAIL, PASSWORD).await.status,
        StatusCode::BAD_REQUEST
    );
    assert!(
        attempt(&mut browser, &house, EMAIL, "new")
            .await
            .find_parameter("code")
            .is_some()
    );
    let mut snapshot = house.issuer.store().read().await.unwrap();
    let kept = snapshot
        .find_session(&keep, house.issuer.now())
        .await
        .unwrap();
    assert!(kept.is_some(), "the session in which it was set has ended");
    assert!(house.history_has("scp").await);
}

#[tokio::test]
async fn blocking_ends_all_sessions_and_unblocking_lets_in_again() {
    let house = House::open().await;
    let mut browser = house.browser();
    sid(&house, &mut browser).await;
    assert_eq!(change(&house, AccountChange::Block).await.unwrap(), 1);
    let answer = browser
        .get(&house.url(&shop_request(&[("prompt", "none")])))
        .await;
    assert_eq!(answer.parameter("error"), "login_required");
    assert_eq!(change(&house, AccountChange::Unblock).await.unwrap(), 0);
    sid(&house, &mut browser).await;
}

#[tokio::test]
async fn a_new_address_must_be_free_and_ends_all_sessions() {
    let house = House::open().await;
    house.add_user("bob@example.com", "bobs password").await;
    sid(&house, &mut house.browser()).await;
    let taken = change(&house, AccountChange::Email("BOB@example.com".to_owned())).await;
    assert!(
        matches!(taken, Err(AccountChangeError::Taken(_))),
        "{taken:?}"
    );
    let broken = change(&house, AccountChange::Email("nowhere".to_owned())).await;
    assert!(
        matches!(broken, Err(AccountChangeError::Email(_))),
        "{broken:?}"
    );
    let moved = change(&house, AccountChange::Email("ada@new.example".to_owned())).await;
    assert_eq!(moved.unwrap(), 1, "a refused change has ended the session");
    let mut browser = house.browser();
    let answer = attempt(&mut browser, &house, "ada@new.example", PASSWORD).await;
    assert!(answer.find_parameter("code").is_some(), "{answer:?}");
}

#[tokio::test]
async fn the_same_address_once_more_ends_nothing() {
    let house = House::open().await;
    sid(&house, &mut house.browser()).await;
    let same = AccountChange::Email(EMAIL.to_owned());
    assert_eq!(change(&house, same).await.unwrap(), 0);
    assert!(!house.history_has("sce").await);
    let spelled = AccountChange::Email(EMAIL.to_uppercase());
    assert_eq!(change(&house, spelled).await.unwrap(), 1);
}

/// Makes the forum hear of one initiator alone, and Ada sign in to it in the session.
async fn forum_names(house: &House, initiator: Initiator, sid: &SessionId) {
    let settings = LogoutSettings {
        urls: vec![LogoutUrl::from_stored("https://forum.example/bcl".into())],
        initiators: Some(Initiators::Custom(vec![initiator])),
        ..LogoutSettings::default()
    };
    let logout = Some(settings);
    house
        .add_client(Client {
            logout,
            ..client("forum")
        })
        .await;
    join_forum(house, sid).await;
}

async fn join_forum(house: &House, sid: &SessionId) {
    let forum = "forum".parse().unwrap();
    house.issuer.sessions().join(sid, &forum).await.unwrap();
}

fn profile(claims: &serde_json::Value) -> AccountChange {
    AccountChange::Profile(claims.as_object().unwrap().clone())
}

#[tokio::test]
async fn a_changed_profile_is_told_to_clients_that_name_it_and_ends_no_session() {
    let house = House::open().await;
    let sid = sid(&house, &mut house.browser()).await;
    forum_names(&house, Initiator::ProfileChanged, &sid).await;
    for (claims, told) in [
        (json!({ "locale": "en" }), 0),
        (json!({ "name": "Ada", "phone_number": "+1" }), 0),
        (json!({ "name": "Ada Lovelace" }), 1),
        (json!({ "nickname": "ada" }), 1),
        (json!({ "picture": "https://ada.example/" }), 1),
        (json!({ "phone_number": null }), 1),
    ] {
        let change = profile(&claims);
        let context = LogContext::default();
        let ended = change_account(&house.issuer, &house.ada.id, change, context).await;
        let ended = ended.unwrap();
        assert_eq!(
            (ended.sessions.len(), ended.deliveries.len()),
            (0, told),
            "{claims}"
        );
        join_forum(&house, &sid).await;
    }
    let mut view = house.issuer.store().read().await.unwrap();
    let ada = view.find_user(&house.ada.id).await.unwrap().unwrap();
    let expected = json!({ "name": "Ada Lovelace", "nickname": "ada",
        "picture": "https://ada.example/", "locale": "en" });
    assert_eq!(serde_json::Value::Object(ada.profile), expected);
}

#[tokio::test]
async fn a_phone_that_is_no_second_factor_any_more_is_told_to_clients_that_name_it() {
    let house = House::open().await;
    let sid = sid(&house, &mut house.browser()).await;
    forum_names(&house, Initiator::MfaPhoneUnenrolled, &sid).await;
    let (id, unenroll) = (&house.ada.id, AccountChange::UnenrollMfaPhone);
    let ended = change_account(&house.issuer, id, unenroll, LogContext::default()).await;
    let ended = ended.unwrap();
    assert_eq!((ended.sessions.len(), ended.deliveries.len()), (0, 1));
}

#[tokio::test]
async fn a_deleted_user_is_unknown_and_out() {
    let house = House::open().await;
    let mut browser = house.browser();
    sid(&house, &mut browser).await;
    assert_eq!(change(&house, AccountChange::Delete).await.unwrap(), 1);
    let answer = attempt(&mut browser, &house, EMAIL, PASSWORD).await;
    assert!(
        answer.body.contains("Wrong e-mail address or password."),
        "{answer:?}"
    );
    let again = change(&house, AccountChange::Delete).await;
    assert!(
        matches!(again, Err(AccountChangeError::NotFound(_))),
        "{again:?}"
    );
}

#[tokio::test]
async fn users_that_cannot_be_are_not_made() {
    let house = House::open().await;
    let new = |email: &str, secret: &str| NewUser {
        email: email.to_owned(),
        password: Some(password(secret)),
        ..NewUser::default()
    };
    let taken = create_user(&house.issuer, new("ADA@example.com", "x")).await;
    assert!(matches!(taken, Err(CreateUserError::Taken(_))), "{taken:?}");
    for (email, secret) in [
        ("ada", "x"),
        ("new@example.com", ""),
        ("new@example.com", &"x".repeat(1_025)),
    ] {
        let made = create_user(&house.issuer, new(email, secret)).await;
        assert!(made.is_err(), "{email}");
    }
}
