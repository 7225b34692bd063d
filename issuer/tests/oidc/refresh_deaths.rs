//! Which refresh tokens die when sessions end or something happens to their user: one row a test.
//!
//! Ada has the sessions `one` and `two`, in each of them the shop has a refresh token with offline
//! access and one without; of the session `old`, which ended before, it has one with offline access.
//! Bob's are as Ada's `one`, and nothing of what happens to Ada costs him any.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use logout_issuer::domain::client::Client;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use logout_issuer::domain::refresh_token::RefreshToken;
use logout_issuer::login::access_token::{self, AccessToken, management_audience};
use logout_issuer::login::account_changes::{AccountChange, change_account};
use logout_issuer::logout::{
    EndSessionError, LogContext, RevokeAccess, delete_client, revoke_access,
};
use logout_issuer::storage::{DeliveryFilter, StorageError};
use logout_shared::{Secret, SessionId, SigningAlgorithm, Subject};

use crate::house::{House, client};
use crate::refresh::{exchange, refresh_token, sid, sign_in};

const OFFLINE: &str = "openid offline_access";
const ONLINE: &str = "openid online_access";

/// Everything there is, but what cannot be: the tokens of Ada and Bob that live.
const ALL: &str = "old, one, one online, two, two online, bob, bob online";

struct Stage {
    house: House,
    tokens: Vec<(&'static str, String)>,
    old: SessionId,
    one: SessionId,
    two: SessionId,
}

impl Stage {
    async fn set() -> Self {
        let house = House::open().await;
        let mut tokens = Vec::new();
        let ada = house.ada.id.clone();
        let old = enter(&house, &mut tokens, &ada, ["old", ""]).await;
        let sessions = house.issuer.sessions();
        sessions.end(&old, Initiator::RpLogout).await.unwrap();
        let one = enter(&house, &mut tokens, &ada, ["one", "one online"]).await;
        house.clock.advance(Duration::from_hours(71));
        let two = enter(&house, &mut tokens, &ada, ["two", "two online"]).await;
        let bob = house.add_user("bob@example.com", "another").await.id;
        enter(&house, &mut tokens, &bob, ["bob", "bob online"]).await;
        let stage = Self {
            house,
            tokens,
            old,
            one,
            two,
        };
        assert_eq!(stage.alive().await, ALL);
        stage
    }

    /// The tokens whose grants live, as the store has them.
    async fn alive(&self) -> String {
        let mut snapshot = self.house.issuer.store().read().await.unwrap();
        let mut alive = Vec::new();
        for (name, token) in &self.tokens {
            let handle = RefreshToken::parse(token).unwrap().handle_digest();
            let grant = snapshot.find_refresh_grant_by_handle(&handle).await;
            let grant = grant.unwrap().unwrap();
            if grant.is_live(self.house.issuer.now()) {
                alive.push(*name);
            }
        }
        alive.join(", ")
    }

    /// Checks which tokens live, and that these and no others can be exchanged.
    async fn assert_alive(&self, wanted: &str) {
        assert_eq!(self.alive().await, wanted);
        for (name, token) in &self.tokens {
            let reply = exchange(&self.house, token).await;
            let is_wanted = wanted.split(", ").any(|one| one == *name);
            assert_eq!(reply.status == 200, is_wanted, "{name}: {reply:?}");
        }
    }

    async fn ends(&self, sid: &SessionId, why: Initiator) {
        let ended = self.house.issuer.sessions().end(sid, why).await.unwrap();
        assert_eq!(ended.sessions, std::slice::from_ref(sid));
    }

    /// Calls the Management API.
    async fn calls(&self, line: &str, scopes: &str) {
        let scopes_of = scopes.split(' ').map(str::to_owned);
        let operator = Client {
            management_scopes: scopes_of.collect(),
            ..client("operator")
        };
        self.house.add_client(operator).await;
        let issuer = &self.house.issuer;
        let token = AccessToken {
            subject: "operator@clients".into(),
            client: "operator".parse().unwrap(),
            audience: management_audience(issuer.id()),
            scopes: scopes.split(' ').map(str::to_owned).collect(),
            session: None,
            grant: None,
            custom: serde_json::Map::new(),
        };
        let algorithm = SigningAlgorithm::Es256;
        let minted = access_token::mint(issuer, &token, algorithm, issuer.now()).await;
        let (method, path) = line.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(self.house.url(path));
        let request = request.header(AUTHORIZATION, format!("Bearer {}", minted.unwrap()));
        let reply = self.house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, 202, "{reply:?}");
    }

    async fn changes(&self, change: AccountChange) {
        let (issuer, ada) = (&self.house.issuer, &self.house.ada.id);
        let changed = change_account(issuer, ada, change, LogContext::default()).await;
        drop(changed.unwrap());
    }

    /// Takes Ada's access away; gives how many sessions ended.
    async fn revokes_access(&self, session: Option<&SessionId>, preserve: bool) -> usize {
        self.revokes_access_of(&self.house.ada.id, session, preserve)
            .await
    }

    async fn revokes_access_of(
        &self,
        user: &Subject,
        session: Option<&SessionId>,
        preserve_refresh_tokens: bool,
    ) -> usize {
        let issuer = &self.house.issuer;
        let revoke = RevokeAccess {
            user: user.clone(),
            session: session.cloned(),
            preserve_refresh_tokens,
            ending: issuer.ending(Initiator::SessionRevoked, LogContext::default()),
        };
        let (now, random) = (issuer.now(), issuer.random().clone());
        let written = issuer.store().write::<_, EndSessionError, _>(move |tx| {
            Box::pin(async move { revoke_access(tx, revoke, now, &*random).await })
        });
        written.await.unwrap().sessions.len()
    }

    /// Gives the shop a URL for logout tokens, and these initiators.
    async fn subscribes(&self, initiators: Initiators) {
        let url = LogoutUrl::from_stored("http://127.0.0.1:9/".into());
        let settings = LogoutSettings {
            urls: vec![url],
            initiators: Some(initiators),
            ..LogoutSettings::default()
        };
        let write = self.house.issuer.store().write::<_, StorageError, _>(|tx| {
            Box::pin(async move {
                let mut shop = tx.find_client(&"shop".parse().unwrap()).await?.unwrap();
                shop.logout = Some(settings);
                tx.update_client(&shop).await
            })
        });
        assert!(write.await.unwrap());
    }

    /// The sessions that the shop is told of.
    async fn told(&self) -> Vec<SessionId> {
        let mut snapshot = self.house.issuer.store().read().await.unwrap();
        let filter = DeliveryFilter::default();
        let page = snapshot.list_deliveries(&filter, None, 100).await.unwrap();
        let told = page.deliveries.iter();
        let told = told.map(|one| one.about.session().expect("one session").clone());
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    }
}

/// A session of a user, with refresh tokens of these names: offline, online.
async fn enter(
    house: &House,
    tokens: &mut Vec<(&'static str, String)>,
    user: &Subject,
    [offline, online]: [&'static str; 2],
) -> SessionId {
    let mut browser = house.browser();
    let is_ada = *user == house.ada.id;
    let first = if is_ada {
        sign_in(house, &mut browser, OFFLINE).await
    } else {
        crate::refresh::sign_in_as(house, &mut browser, OFFLINE, ("bob@example.com", "another"))
            .await
    };
    tokens.push((offline, refresh_token(&first)));
    if !online.is_empty() {
        let second = sign_in(house, &mut browser, ONLINE).await;
        assert_eq!(sid(&second), sid(&first));
        tokens.push((online, refresh_token(&second)));
    }
    sid(&first)
}

const WITHOUT_ONE_ONLINE: &str = "old, one, two, two online, bob, bob online";
const WITHOUT_ONE: &str = "old, two, two online, bob, bob online";

#[tokio::test]
async fn a_sign_out_costs_the_sessions_tokens_without_offline_access() {
    let stage = Stage::set().await;
    stage.ends(&stage.one, Initiator::RpLogout).await;
    stage.assert_alive(WITHOUT_ONE_ONLINE).await;
}

#[tokio::test]
async fn a_sign_out_above_costs_the_sessions_tokens_without_offline_access() {
    let stage = Stage::set().await;
    stage.ends(&stage.one, Initiator::IdpLogout).await;
    stage.assert_alive(WITHOUT_ONE_ONLINE).await;
}

#[tokio::test]
async fn an_expiry_costs_the_sessions_tokens_without_offline_access() {
    let stage = Stage::set().await;
    stage.house.clock.advance(Duration::from_hours(1));
    let issuer = &stage.house.issuer;
    assert_eq!(issuer.end_expired_sessions().await.unwrap(), 1);
    stage.assert_alive(WITHOUT_ONE_ONLINE).await;
}

#[tokio::test]
async fn deleting_a_session_costs_its_tokens_without_offline_access() {
    let stage = Stage::set().await;
    let line = format!("DELETE /api/v2/sessions/{}", stage.one);
    stage.calls(&line, "delete:sessions").await;
    stage.assert_alive(WITHOUT_ONE_ONLINE).await;
}

#[tokio::test]
async fn revoking_a_session_costs_all_its_tokens() {
    let stage = Stage::set().await;
    let line = format!("POST /api/v2/sessions/{}/revoke", stage.one);
    stage
        .calls(&line, "delete:sessions delete:refresh_tokens")
        .await;
    stage.assert_alive(WITHOUT_ONE).await;
}

#[tokio::test]
async fn an_embedders_revocation_costs_all_tokens_of_the_session() {
    let stage = Stage::set().await;
    stage.ends(&stage.one, Initiator::SessionRevoked).await;
    stage.assert_alive(WITHOUT_ONE).await;
}

#[tokio::test]
async fn deleting_a_users_sessions_costs_all_tokens_of_these() {
    let stage = Stage::set().await;
    let user = stage.house.ada.id.as_str().replace('|', "%7C");
    let line = format!("DELETE /api/v2/users/{user}/sessions");
    stage.calls(&line, "delete:sessions").await;
    stage.assert_alive("old, bob, bob online").await;
}

#[tokio::test]
async fn revoking_access_costs_all_tokens_of_the_user() {
    let stage = Stage::set().await;
    assert_eq!(stage.revokes_access(None, false).await, 2);
    stage.assert_alive("bob, bob online").await;
}

#[tokio::test]
async fn revoking_access_may_spare_what_outlives_the_sessions() {
    let stage = Stage::set().await;
    assert_eq!(stage.revokes_access(None, true).await, 2);
    stage.assert_alive("old, one, two, bob, bob online").await;
}

#[tokio::test]
async fn revoking_access_of_a_session_costs_its_tokens_alone() {
    let stage = Stage::set().await;
    assert_eq!(stage.revokes_access(Some(&stage.one), false).await, 1);
    stage.assert_alive(WITHOUT_ONE).await;
}

#[tokio::test]
async fn revoking_access_of_a_session_may_spare_what_outlives_it() {
    let stage = Stage::set().await;
    assert_eq!(stage.revokes_access(Some(&stage.one), true).await, 1);
    stage.assert_alive(WITHOUT_ONE_ONLINE).await;
}

#[tokio::test]
async fn revoking_access_of_a_session_that_is_over_costs_what_outlived_it() {
    let stage = Stage::set().await;
    assert_eq!(stage.revokes_access(Some(&stage.old), true).await, 0);
    assert_eq!(stage.alive().await, ALL);
    assert_eq!(stage.revokes_access(Some(&stage.old), false).await, 0);
    let wanted = "one, one online, two, two online, bob, bob online";
    stage.assert_alive(wanted).await;
}

#[tokio::test]
async fn revoking_access_of_anothers_session_costs_nothing() {
    let stage = Stage::set().await;
    let mallory = stage.house.add_user("m@example.com", "x").await.id;
    for session in [&stage.one, &stage.old] {
        let ended = stage.revokes_access_of(&mallory, Some(session), false);
        assert_eq!(ended.await, 0);
    }
    stage.assert_alive(ALL).await;
}

#[tokio::test]
async fn another_password_costs_all_tokens_also_of_the_session_that_stays() {
    let stage = Stage::set().await;
    let password = Secret::new("another".to_owned());
    let keep = Some(stage.two.clone());
    stage
        .changes(AccountChange::Password { password, keep })
        .await;
    stage.assert_alive("bob, bob online").await;
}

#[tokio::test]
async fn a_deleted_account_has_no_tokens() {
    let stage = Stage::set().await;
    stage.changes(AccountChange::Delete).await;
    stage.assert_alive("bob, bob online").await;
}

#[tokio::test]
async fn a_blocked_account_has_no_tokens_and_gets_none_back() {
    let stage = Stage::set().await;
    stage.changes(AccountChange::Block).await;
    stage.changes(AccountChange::Unblock).await;
    stage.assert_alive("bob, bob online").await;
}

#[tokio::test]
async fn another_address_costs_the_tokens_without_offline_access() {
    let stage = Stage::set().await;
    let address = AccountChange::Email("countess@example.com".into());
    stage.changes(address).await;
    stage.assert_alive("old, one, two, bob, bob online").await;
}

#[tokio::test]
async fn another_profile_costs_no_tokens() {
    let stage = Stage::set().await;
    let profile = serde_json::Map::from_iter([("name".to_owned(), "Augusta".into())]);
    stage.changes(AccountChange::Profile(profile)).await;
    stage.assert_alive(ALL).await;
}

#[tokio::test]
async fn a_removed_phone_costs_no_tokens() {
    let stage = Stage::set().await;
    stage.changes(AccountChange::UnenrollMfaPhone).await;
    stage.assert_alive(ALL).await;
}

#[tokio::test]
async fn who_takes_the_browser_over_costs_the_former_users_online_tokens() {
    let house = House::open().await;
    let mut browser = house.browser();
    let offline = refresh_token(&sign_in(&house, &mut browser, OFFLINE).await);
    let online = refresh_token(&sign_in(&house, &mut browser, ONLINE).await);
    house.add_user("bob@example.com", "another").await;
    let bob = ("bob@example.com", "another");
    crate::refresh::sign_in_as(&house, &mut browser, OFFLINE, bob).await;
    assert_eq!(exchange(&house, &offline).await.status, 200);
    assert_eq!(exchange(&house, &online).await.status, 400);
}

#[tokio::test]
async fn a_deleted_client_has_no_tokens() {
    let stage = Stage::set().await;
    let (issuer, shop) = (&stage.house.issuer, "shop".parse().unwrap());
    let (now, random) = (issuer.now(), issuer.random().clone());
    let write = issuer.store().write::<_, StorageError, _>(move |tx| {
        Box::pin(async move { delete_client(tx, &shop, now, &*random).await })
    });
    assert!(write.await.unwrap());
    assert_eq!(stage.alive().await, "");
}

/// What happens to the account, of which all tokens die.
fn ends_of_the_account() -> [(Initiator, AccountChange); 3] {
    let password = AccountChange::Password {
        password: Secret::new("another".to_owned()),
        keep: None,
    };
    [
        (Initiator::PasswordChanged, password),
        (Initiator::AccountDeactivated, AccountChange::Block),
        (Initiator::AccountDeleted, AccountChange::Delete),
    ]
}

#[tokio::test]
async fn who_has_nothing_but_an_offline_grant_hears_of_the_accounts_end_once() {
    for (initiator, change) in ends_of_the_account() {
        let stage = Stage::set().await;
        stage.subscribes(Initiators::Custom(vec![initiator])).await;
        stage.changes(change).await;
        let mut wanted = vec![stage.old.clone(), stage.one.clone(), stage.two.clone()];
        wanted.sort();
        assert_eq!(stage.told().await, wanted, "{initiator}");
        if initiator != Initiator::AccountDeleted {
            stage.changes(AccountChange::Block).await;
            assert_eq!(stage.told().await, wanted, "{initiator}");
        }
    }
}

#[tokio::test]
async fn an_offline_grant_is_remembered_longer_than_its_session() {
    let stage = Stage::set().await;
    crate::refresh::set_rules(
        &stage.house,
        serde_json::json!({ "expiration_type": "non-expiring" }),
    )
    .await;
    let mut tokens = Vec::new();
    let ada = stage.house.ada.id.clone();
    let sid = enter(&stage.house, &mut tokens, &ada, ["three", ""]).await;
    stage.ends(&sid, Initiator::RpLogout).await;
    stage.house.clock.advance(Duration::from_hours(31 * 24));
    let issuer = &stage.house.issuer;
    issuer.end_expired_sessions().await.unwrap();
    assert!(issuer.forget_ended_sessions().await.unwrap() >= 2);
    let only = Initiators::Custom(vec![Initiator::AccountDeleted]);
    stage.subscribes(only).await;
    stage.changes(AccountChange::Delete).await;
    let told = stage.told().await;
    assert!(told.contains(&sid), "{told:?}");
    assert!(
        !told.contains(&stage.old),
        "its grant has expired: {told:?}"
    );
}

/// The shop has left the session and holds an offline grant of it; the forum is in it and does not
/// want to hear of another password, but of the account's end.
#[tokio::test]
async fn who_is_not_told_is_remembered_also_where_another_holds_a_grant_alone() {
    let stage = Stage::set().await;
    let url = LogoutUrl::from_stored("http://127.0.0.1:9/".into());
    let initiators = Initiators::Custom(vec![Initiator::AccountDeleted]);
    let settings = LogoutSettings {
        urls: vec![url],
        initiators: Some(initiators),
        ..LogoutSettings::default()
    };
    let forum = Client {
        logout: Some(settings),
        ..client("forum")
    };
    let id = forum.id.clone();
    stage.house.add_client(forum).await;
    let sessions = stage.house.issuer.sessions();
    sessions.join(&stage.one, &id).await.unwrap();
    let left = vec![(stage.one.clone(), "shop".parse().unwrap())];
    let leave = stage
        .house
        .issuer
        .store()
        .write::<_, StorageError, _>(|tx| Box::pin(async move { tx.leave_sessions(&left).await }));
    leave.await.unwrap();
    let only = Initiators::Custom(vec![Initiator::PasswordChanged]);
    stage.subscribes(only).await;
    let [(_, password), ..] = ends_of_the_account();
    stage.changes(password).await;
    let mut wanted = vec![stage.old.clone(), stage.one.clone(), stage.two.clone()];
    wanted.sort();
    assert_eq!(stage.told().await, wanted, "the shop");
    stage.changes(AccountChange::Delete).await;
    wanted.push(stage.one.clone());
    wanted.sort();
    assert_eq!(stage.told().await, wanted, "and the forum");
}

#[tokio::test]
async fn who_gave_its_offline_grant_back_hears_of_nothing() {
    let stage = Stage::set().await;
    stage.revokes_access(Some(&stage.old), false).await;
    // It was told when the session ended.
    let (old, shop) = (stage.old.clone(), "shop".parse().unwrap());
    let write = stage
        .house
        .issuer
        .store()
        .write::<_, StorageError, _>(|tx| {
            Box::pin(async move { tx.mark_untold(&[(old, shop)], false).await })
        });
    write.await.unwrap();
    stage.subscribes(Initiators::All).await;
    stage.changes(AccountChange::Delete).await;
    let mut wanted = vec![stage.one.clone(), stage.two.clone()];
    wanted.sort();
    assert_eq!(stage.told().await, wanted);
}
