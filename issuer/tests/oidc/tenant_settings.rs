//! What settings of the whole issuer change for browsers.

use logout_issuer::storage::StorageError;

use crate::house::{Browser, House, form};

/// Whether nobody is asked from now on.
async fn ask(house: &House, ask: bool) {
    let now = house.issuer.now();
    let written = house.issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move {
            let mut settings = tx.tenant_settings().await?;
            settings.ask_before_sign_out = Some(ask);
            tx.save_tenant_settings(&settings, now).await
        })
    });
    written.await.unwrap();
    house.issuer.reload_tenant_settings().await.unwrap();
}

/// What the browser reads after a sign-out with these parameters.
async fn leave(browser: &mut Browser<'_>, house: &House, fields: &[(&str, &str)]) -> String {
    let url = house.url(&format!("/oidc/logout?{}", form(fields)));
    browser.get(&url).await.body
}

#[tokio::test]
async fn nobody_is_asked_where_the_settings_say_so() {
    let house = House::open().await;
    for asks in [true, false] {
        ask(&house, asks).await;
        let mut browser = house.browser();
        house.sign_in(&mut browser).await;
        let read = leave(&mut browser, &house, &[]).await;
        assert_eq!(read.contains("You are signed out"), !asks, "{read}");
    }
}

#[tokio::test]
async fn a_hint_ends_its_session_from_another_browser_where_nobody_is_asked() {
    let house = House::open().await;
    for asks in [true, false] {
        ask(&house, asks).await;
        let tokens = house.sign_in(&mut house.browser()).await;
        let hint = tokens["id_token"].as_str().unwrap().to_owned();
        let read = leave(&mut house.browser(), &house, &[("id_token_hint", &hint)]).await;
        assert_eq!(read.contains("You are signed out"), !asks, "{read}");
    }
}
