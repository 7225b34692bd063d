//! What each initiator ends, and who is told: the whole table, remembered clients included.

use std::collections::HashSet;
use std::time::Duration;

use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::Initiators;
use logout_issuer::domain::session::Device;
use logout_issuer::logout::{Ended, LogContext};
use logout_issuer::storage::DeliveryFilter;
use logout_issuer::storage::sqlite::SqliteStore;
use logout_shared::{ClientId, ManualClock, SessionId, Subject};
use logout_tests::relying_party::TestRelyingParty;

use crate::world::{START, World, master};

/// What one initiator does on the [`Stage`]: sessions that end, clients that are told with the
/// session they are told of, and those of the second session that are left.
struct Row {
    initiator: Initiator,
    ended: &'static str,
    told: &'static str,
    left: &'static str,
}

const EVERYONE: &str = "all default named";

/// Ada has the sessions `one` and `two`; `old` has ended before, and the client `late` was not
/// told of that. In all sessions took part: `all`, which chose all initiators, `named`, which
/// chose the one in question, and `default`, which chose none.
const TABLE: [Row; 10] = [
    Row {
        initiator: Initiator::RpLogout,
        ended: "one",
        told: "all one, default one, named one",
        left: EVERYONE,
    },
    Row {
        initiator: Initiator::IdpLogout,
        ended: "one",
        told: "all one, named one",
        left: EVERYONE,
    },
    Row {
        initiator: Initiator::SessionExpired,
        ended: "one",
        told: "all one, named one",
        left: EVERYONE,
    },
    Row {
        initiator: Initiator::SessionRevoked,
        ended: "one",
        told: "all one, named one",
        left: EVERYONE,
    },
    Row {
        initiator: Initiator::PasswordChanged,
        ended: "one",
        told: "all one, late old, named one",
        left: EVERYONE,
    },
    Row {
        initiator: Initiator::AccountDeleted,
        ended: "one two",
        told: "all one, all two, late old, named one, named two",
        left: EVERYONE,
    },
    Row {
        initiator: Initiator::AccountDeactivated,
        ended: "one two",
        told: "all one, all two, late old, named one, named two",
        left: EVERYONE,
    },
    Row {
        initiator: Initiator::EmailIdentifierChanged,
        ended: "one two",
        told: "all one, all two, named one, named two",
        left: EVERYONE,
    },
    Row {
        initiator: Initiator::ProfileChanged,
        ended: "",
        told: "named one, named two",
        left: "all default",
    },
    Row {
        initiator: Initiator::MfaPhoneUnenrolled,
        ended: "",
        told: "named one, named two",
        left: "all default",
    },
];

/// A world in which nothing is sent, and the sessions of Ada and Bob.
struct Stage {
    world: World,
    ada: Subject,
    one: SessionId,
    two: SessionId,
    bobs: SessionId,
    old: SessionId,
}

impl Stage {
    async fn set(initiator: Initiator) -> Self {
        let store = SqliteStore::in_memory().await.unwrap();
        let world = World::on(store, ManualClock::at(START), master()).await;
        let url = ["http://127.0.0.1:9/"];
        let chosen = |initiators: Option<Initiators>| {
            move |it: &mut logout_issuer::domain::logout_settings::LogoutSettings| {
                it.initiators = initiators;
            }
        };
        let only = || Some(Initiators::Custom(vec![initiator]));
        let everyone = [
            world
                .client_with("all", &url, chosen(Some(Initiators::All)))
                .await,
            world.client_with("named", &url, chosen(only())).await,
            world.client_with("default", &url, chosen(None)).await,
        ];
        let late = world.client_with("late", &url, chosen(only())).await;
        let (ada, bob) = ("auth0|ada".parse().unwrap(), "auth0|bob".parse().unwrap());
        let old = begin(&world, &ada, &[late]).await;
        let before = match initiator {
            Initiator::RpLogout => Initiator::IdpLogout,
            _ => Initiator::RpLogout,
        };
        let ended = world.issuer.sessions().end(&old, before).await.unwrap();
        assert!(ended.deliveries.is_empty(), "it was to be remembered");
        let one = begin(&world, &ada, &everyone).await;
        world.clock.advance(Duration::from_hours(71));
        let two = begin(&world, &ada, &everyone).await;
        let bobs = begin(&world, &bob, &everyone).await;
        Self {
            world,
            ada,
            one,
            two,
            bobs,
            old,
        }
    }

    async fn happens(&self, initiator: Initiator) -> Ended {
        let issuer = &self.world.issuer;
        let (accounts, ada) = (issuer.accounts(), &self.ada);
        match initiator {
            Initiator::RpLogout | Initiator::IdpLogout | Initiator::SessionRevoked => {
                issuer.sessions().end(&self.one, initiator).await
            }
            Initiator::SessionExpired => {
                self.world.clock.advance(Duration::from_hours(1));
                assert_eq!(issuer.end_expired_sessions().await.unwrap(), 1);
                Ok(Ended::default())
            }
            Initiator::PasswordChanged => accounts.password_changed(ada, Some(&self.two)).await,
            Initiator::AccountDeleted => accounts.deleted(ada).await,
            Initiator::AccountDeactivated => accounts.deactivated(ada).await,
            Initiator::EmailIdentifierChanged => accounts.email_identifier_changed(ada).await,
            Initiator::ProfileChanged => accounts.profile_changed(ada).await,
            Initiator::MfaPhoneUnenrolled => accounts.mfa_phone_unenrolled(ada).await,
        }
        .unwrap()
    }

    fn name(&self, sid: &SessionId) -> &'static str {
        let names = [(&self.one, "one"), (&self.two, "two"), (&self.old, "old")];
        let name = names.into_iter().find(|(known, _)| *known == sid);
        name.map_or("a stranger's", |(_, name)| name)
    }

    async fn ended(&self) -> String {
        let mut view = self.world.issuer.store().read().await.unwrap();
        let mut ended = Vec::new();
        for sid in [&self.one, &self.two, &self.bobs] {
            if view.find_session_end(sid).await.unwrap().is_some() {
                ended.push(self.name(sid));
            }
        }
        ended.join(" ")
    }

    async fn told(&self, initiator: Initiator) -> String {
        let mut view = self.world.issuer.store().read().await.unwrap();
        let filter = DeliveryFilter::default();
        let page = view.list_deliveries(&filter, None, 100);
        let deliveries = page.await.unwrap().deliveries;
        let told = deliveries.iter().map(|one| {
            assert_eq!(one.initiator, initiator);
            let sid = one.about.session().expect("each session has its own");
            format!("{} {}", one.client, self.name(sid))
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        told.join(", ")
    }

    async fn participants(&self, sid: &SessionId) -> String {
        let mut view = self.world.issuer.store().read().await.unwrap();
        let participants = view.participants(sid).await.unwrap();
        let mut clients: Vec<_> = participants.iter().map(|it| it.client.as_str()).collect();
        clients.sort_unstable();
        clients.join(" ")
    }
}

async fn begin(world: &World, user: &Subject, clients: &[ClientId]) -> SessionId {
    let sessions = world.issuer.sessions();
    let sid = sessions.begin(user, Device::default()).await.unwrap();
    for client in clients {
        sessions.join(&sid, client).await.unwrap();
    }
    sid
}

#[tokio::test]
async fn g23_g24_each_initiator_ends_what_it_must_and_tells_whom_it_must() {
    for row in &TABLE {
        let stage = Stage::set(row.initiator).await;
        let result = stage.happens(row.initiator).await;
        let name = row.initiator;
        assert_eq!(stage.ended().await, row.ended, "ended by {name}");
        assert_eq!(stage.told(name).await, row.told, "told of {name}");
        assert_eq!(
            stage.participants(&stage.two).await,
            row.left,
            "left by {name}"
        );
        assert_eq!(stage.participants(&stage.bobs).await, EVERYONE, "{name}");
        if name != Initiator::SessionExpired {
            let mut ended: Vec<_> = result.sessions.iter().map(|it| stage.name(it)).collect();
            ended.sort_unstable();
            assert_eq!(ended.join(" "), row.ended, "{name} says what it ended");
            assert_eq!(
                result.deliveries.len(),
                row.told.split(", ").count(),
                "{name}"
            );
        }
    }
    let in_table = TABLE.iter().map(|row| row.initiator);
    assert_eq!(in_table.collect::<HashSet<_>>().len(), Initiator::ALL.len());
}

#[tokio::test]
async fn g28_the_same_event_again_tells_nobody_twice() {
    for row in &TABLE {
        let stage = Stage::set(row.initiator).await;
        stage.happens(row.initiator).await;
        if row.initiator == Initiator::SessionExpired {
            assert_eq!(stage.world.issuer.end_expired_sessions().await.unwrap(), 0);
        } else {
            let again = stage.happens(row.initiator).await;
            assert_eq!(again, Ended::default(), "{}", row.initiator);
        }
        assert_eq!(
            stage.told(row.initiator).await,
            row.told,
            "{}",
            row.initiator
        );
    }
}

#[tokio::test]
async fn who_left_is_told_again_only_after_signing_in_again() {
    let stage = Stage::set(Initiator::ProfileChanged).await;
    stage.happens(Initiator::ProfileChanged).await;
    let named: ClientId = "named".parse().unwrap();
    let sessions = stage.world.issuer.sessions();
    sessions.join(&stage.two, &named).await.unwrap();
    let told = stage.happens(Initiator::ProfileChanged).await.deliveries;
    assert_eq!(told.len(), 1);
    assert_eq!(stage.participants(&stage.two).await, "all default");
}

#[tokio::test]
async fn a_session_whose_time_has_come_is_not_told_of_as_one_that_lives() {
    let stage = Stage::set(Initiator::ProfileChanged).await;
    stage.world.clock.advance(Duration::from_hours(1));
    stage.happens(Initiator::ProfileChanged).await;
    assert_eq!(stage.told(Initiator::ProfileChanged).await, "named two");
    assert_eq!(stage.participants(&stage.one).await, EVERYONE);
}

#[tokio::test]
async fn an_expired_session_at_its_absolute_end_is_told_of_like_an_idle_one() {
    let stage = Stage::set(Initiator::SessionExpired).await;
    let sessions = stage.world.issuer.sessions();
    let renew = |sid: SessionId, now| {
        stage
            .world
            .issuer
            .store()
            .write::<_, logout_issuer::storage::StorageError, _>(move |tx| {
                Box::pin(async move {
                    let mut session = tx.lock_session(&sid).await?.unwrap();
                    session.renew(&Device::default(), Duration::from_hours(72), now);
                    tx.update_session(&session).await
                })
            })
    };
    // Used all the time, `one` lives for a week and not a moment longer.
    renew(stage.one.clone(), stage.world.clock_now())
        .await
        .unwrap();
    stage.world.clock.advance(Duration::from_hours(70));
    renew(stage.one.clone(), stage.world.clock_now())
        .await
        .unwrap();
    stage
        .world
        .clock
        .set(START + Duration::from_hours(168) - Duration::from_millis(1));
    stage.world.issuer.end_expired_sessions().await.unwrap();
    sessions
        .set_metadata(&stage.one, "still", "alive")
        .await
        .unwrap();
    stage.world.clock.advance(Duration::from_millis(1));
    assert_eq!(stage.world.issuer.end_expired_sessions().await.unwrap(), 1);
    assert!(stage.ended().await.starts_with("one"));
}

/// Ends a session of which the client is not told; `after` it, the account is deleted.
async fn told_after(after: Duration, sweep: bool) -> usize {
    let stage = Stage::set(Initiator::AccountDeleted).await;
    let bob = "auth0|carol".parse().unwrap();
    let late: ClientId = "late".parse().unwrap();
    let sid = begin(&stage.world, &bob, &[late]).await;
    let (issuer, why) = (&stage.world.issuer, Initiator::RpLogout);
    issuer.sessions().end(&sid, why).await.unwrap();
    stage.world.clock.advance(after);
    if sweep {
        issuer.forget_ended_sessions().await.unwrap();
    }
    issuer
        .accounts()
        .deleted(&bob)
        .await
        .unwrap()
        .deliveries
        .len()
}

#[tokio::test]
async fn who_was_not_told_is_remembered_for_thirty_days() {
    let days = Duration::from_hours(30 * 24);
    let just_before = days.saturating_sub(Duration::from_millis(1));
    for sweep in [false, true] {
        assert_eq!(told_after(just_before, sweep).await, 1);
        assert_eq!(told_after(days, sweep).await, 0);
    }
}

#[tokio::test]
async fn the_sweep_forgets_sessions_that_ended_thirty_days_ago() {
    let stage = Stage::set(Initiator::AccountDeleted).await;
    let issuer = &stage.world.issuer;
    issuer
        .sessions()
        .end(&stage.one, Initiator::RpLogout)
        .await
        .unwrap();
    stage.world.clock.set(START + Duration::from_hours(30 * 24));
    assert_eq!(
        issuer.forget_ended_sessions().await.unwrap(),
        1,
        "`old` alone"
    );
    assert_eq!(stage.ended().await, "one");
    assert_eq!(stage.participants(&stage.old).await, "");
    stage.world.clock.advance(Duration::from_hours(71));
    assert_eq!(issuer.forget_ended_sessions().await.unwrap(), 1);
    assert_eq!(issuer.forget_ended_sessions().await.unwrap(), 0);
    assert_eq!(stage.ended().await, "");
}

#[tokio::test]
async fn a_remembered_client_that_does_not_want_one_event_may_want_the_next() {
    let stage = Stage::set(Initiator::AccountDeleted).await;
    let accounts = stage.world.issuer.accounts();
    let told = async |told: Ended| told.deliveries.len();
    let all_of_ada = Initiator::SessionRevoked;
    let sessions = stage.world.issuer.sessions();
    let ended = sessions.end_all_of_user(&stage.ada, None, all_of_ada, LogContext::default());
    assert_eq!(told(ended.await.unwrap()).await, 2, "`all` in two sessions");
    assert_eq!(
        told(accounts.password_changed(&stage.ada, None).await.unwrap()).await,
        0
    );
    let deleted = told(accounts.deleted(&stage.ada).await.unwrap()).await;
    assert_eq!(
        deleted, 3,
        "`late` of the old session, `named` of both others"
    );
}

#[tokio::test]
async fn g30_a_remembered_client_hears_the_metadata_that_the_session_ended_with() {
    let stage = Stage::set(Initiator::AccountDeleted).await;
    let world = &stage.world;
    let till = world
        .client_with("till", &["http://127.0.0.1:9/"], |it| {
            it.initiators = Some(Initiators::Custom(vec![Initiator::AccountDeleted]));
            it.include_session_metadata = Some(true);
        })
        .await;
    let user = "auth0|carol".parse().unwrap();
    let sid = begin(world, &user, &[till]).await;
    let sessions = world.issuer.sessions();
    sessions
        .set_metadata(&sid, "deviceName", "kiosk")
        .await
        .unwrap();
    sessions.end(&sid, Initiator::RpLogout).await.unwrap();
    let told = world.issuer.accounts().deleted(&user).await.unwrap();
    let delivery = world.delivery(told.deliveries[0]).await;
    assert_eq!(delivery.about.session(), Some(&sid));
    assert_eq!(delivery.metadata.get("deviceName"), Some("kiosk"));
}

/// What the client is told of two sessions of one user that it loses at once.
async fn told_of_both(initiator: Initiator) -> Vec<serde_json::Value> {
    let (world, shop) = (World::start().await, TestRelyingParty::start().await);
    let only = Some(Initiators::Custom(vec![initiator]));
    let client = world
        .client_with("shop", &[&shop.url()], |it| it.initiators = only)
        .await;
    for _ in 0..2 {
        world.session(&[&client]).await;
    }
    let (accounts, user) = (world.issuer.accounts(), "auth0|7".parse().unwrap());
    let told = match initiator {
        Initiator::ProfileChanged => accounts.profile_changed(&user).await,
        _ => accounts.deleted(&user).await,
    };
    assert_eq!(told.unwrap().deliveries.len(), 2);
    let told = shop.wait_for(2).await;
    told.iter().map(|one| one.claims().clone()).collect()
}

#[tokio::test]
async fn sessions_that_end_together_are_not_alive_to_each_other() {
    for initiator in [Initiator::AccountDeleted, Initiator::ProfileChanged] {
        for claims in told_of_both(initiator).await {
            assert!(
                claims.get("sid").is_some() && claims.get("sub").is_some(),
                "{claims}"
            );
        }
    }
}
