//! What changes of an account do to its sessions.

use axum::http::StatusCode;
use logout_issuer::login::account_changes::{AccountChange, AccountChangeError, change_account};
use logout_issuer::login::users::{CreateUserError, NewUser, create_user};
use logout_issuer::logout::LogContext;
use logout_shared::{Secret, SessionId};

use crate::house::{Browser, EMAIL, House, PASSWORD, Reply, claims, shop_request};

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
