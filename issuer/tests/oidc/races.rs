//! What happens at the same moment: exchanges of one code, an exchange and the session's end.

use axum::http::StatusCode;
use futures_util::future::join_all;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl, UrlPolicy};

use crate::house::{House, SPA_CALLBACK, VERIFIER, client};
use crate::token::code;

#[tokio::test]
async fn of_many_exchanges_at_once_one_succeeds() {
    let house = House::open().await;
    let code = code(&house, &[]).await;
    let replies = join_all((0..8).map(|_| house.redeem(&code))).await;
    let good = replies
        .iter()
        .filter(|reply| reply.status == StatusCode::OK);
    assert_eq!(good.count(), 1);
}

/// A client joins a session and is told of its end, or does not join: never in between.
#[tokio::test]
async fn whoever_joins_a_session_that_ends_at_that_moment_is_told_or_refused() {
    let house = House::open().await;
    let url = LogoutUrl::parse(
        "https://forum.example/logout",
        UrlPolicy {
            danger_allow_http: false,
        },
    )
    .unwrap();
    let settings = LogoutSettings {
        urls: vec![url],
        initiators: Some(Initiators::All),
        ..LogoutSettings::default()
    };
    let callbacks = vec![SPA_CALLBACK.to_owned()];
    house
        .add_client(Client {
            callbacks,
            logout: Some(settings),
            ..client("forum")
        })
        .await;
    for round in 0..10 {
        let changes = [("client_id", "forum"), ("redirect_uri", SPA_CALLBACK)];
        let code = code(&house, &changes).await;
        let mut snapshot = house.issuer.store().read().await.unwrap();
        let now = house.issuer.now();
        let page = snapshot
            .list_sessions_of_user(&house.ada.id, None, 10, now)
            .await
            .unwrap();
        let sid = page.sessions[0].0.id.clone();
        drop(snapshot);
        let fields = [
            ("grant_type", "authorization_code"),
            ("client_id", "forum"),
            ("code", code.as_str()),
            ("redirect_uri", SPA_CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let exchange = house.post("/oauth/token", None, &fields);
        let sessions = house.issuer.sessions();
        let end = sessions.end(&sid, Initiator::SessionRevoked);
        let (reply, ended) = if round % 2 == 0 {
            tokio::join!(exchange, end)
        } else {
            let (ended, reply) = tokio::join!(end, exchange);
            (reply, ended)
        };
        let told = !ended.unwrap().deliveries.is_empty();
        assert_eq!(
            reply.status == StatusCode::OK,
            told,
            "round {round}: {reply:?}"
        );
    }
}
