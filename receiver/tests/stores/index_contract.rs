//! What every session index must do, whatever keeps it.
//!
//! Each case uses an issuer and client of its own, so that one store serves them all.

use std::sync::Arc;
use std::time::Duration;

use logout_receiver::session_index::{
    LocalSession, LocalSessionId, Login, LoginIdentity, Logout, LogoutTarget, Recorded, Scope,
    SessionIndex,
};
use logout_shared::{ClientId, SessionId, Subject, Timestamp};

/// An index under test, seen by one client.
struct Case {
    index: Arc<dyn SessionIndex>,
    scope: Scope,
    now: Timestamp,
}

/// Runs every case.
pub(crate) async fn check(index: Arc<dyn SessionIndex>) {
    let case = |name: &str| Case {
        index: Arc::clone(&index),
        scope: Scope {
            issuer: "https://issuer.example/".parse().expect("an issuer"),
            client_id: Arc::new(ClientId::try_from(name).expect("a client id")),
        },
        now: Timestamp::from_secs(1_795_000_000),
    };
    a_recorded_session_lives_and_others_are_unknown(case("lives")).await;
    a_logout_selects_by_sid_by_sub_and_by_both(case("selects")).await;
    a_marked_session_is_listed_until_it_is_removed(case("listed")).await;
    what_began_later_is_spared(case("spared")).await;
    a_mark_meets_a_login_that_comes_after_it(case("meets")).await;
    marks_and_sessions_end_with_their_time(case("time")).await;
    the_later_of_two_marks_counts(case("later")).await;
    a_mark_made_again_is_kept_for_the_longer_time(case("longer")).await;
    renewal_moves_a_living_session_and_revives_none(case("renewal")).await;
    a_second_login_replaces_the_first(case("second login")).await;
    names_with_odd_characters_are_kept_apart(case("odd \"{}:' names")).await;
    scopes_are_kept_apart(case("scope one"), case("scope two")).await;
    a_login_and_a_logout_that_cross_never_miss_each_other(case("crossing")).await;
}

fn sid(text: &str) -> SessionId {
    SessionId::try_from(text).expect("a sid")
}

fn sub(text: &str) -> Subject {
    Subject::try_from(text).expect("a sub")
}

fn by_sid(name: &str) -> LogoutTarget {
    LogoutTarget::Session(sid(name))
}

fn by_sub(name: &str) -> LogoutTarget {
    LogoutTarget::User(sub(name))
}

fn by_both(sid_name: &str, sub_name: &str) -> LogoutTarget {
    LogoutTarget::SessionOf {
        sid: sid(sid_name),
        sub: sub(sub_name),
    }
}

impl Case {
    fn identity(&self, sub_name: &str, sid_name: &str, age_secs: i64) -> LoginIdentity {
        LoginIdentity {
            sub: sub(sub_name),
            sid: Some(sid_name).filter(|name| !name.is_empty()).map(sid),
            issued_at_secs: self.now.as_secs() - age_secs,
        }
    }

    async fn record(&self, local: &str, identity: LoginIdentity) -> Recorded {
        let (scope, expires_at) = (self.scope.clone(), self.now + HOUR);
        let login = Login {
            scope,
            identity,
            local: local.into(),
            expires_at,
        };
        self.index
            .record_login(&login, self.now)
            .await
            .expect("recorded")
    }

    /// A session begun a minute ago.
    async fn begin(&self, local: &str, sub_name: &str, sid_name: &str) {
        let recorded = self
            .record(local, self.identity(sub_name, sid_name, 60))
            .await;
        assert_eq!(recorded, Recorded::Live, "{local}");
    }

    /// Marks what was begun up to `age_secs` ago and lists the local ids in order.
    async fn mark_older(&self, target: LogoutTarget, age_secs: i64) -> (Vec<String>, bool) {
        let logout = Logout {
            scope: self.scope.clone(),
            target,
            not_after_secs: self.now.as_secs() - age_secs,
            keep_until: self.now + HOUR,
        };
        let marked = self.index.mark(&logout, self.now).await.expect("marked");
        let mut locals: Vec<String> = marked
            .ended
            .iter()
            .map(|session| session.local.as_str().to_owned())
            .collect();
        locals.sort_unstable();
        (locals, marked.owner_differs)
    }

    async fn mark(&self, target: LogoutTarget) -> Vec<String> {
        self.mark_older(target, 0).await.0
    }

    async fn find(&self, local: &str) -> LocalSession {
        self.index
            .find(&self.scope, &local.into(), self.now)
            .await
            .expect("asked")
    }

    async fn is_live(&self, local: &str) -> bool {
        matches!(self.find(local).await, LocalSession::Live(_))
    }

    async fn is_logged_out(&self, identity: &LoginIdentity) -> bool {
        self.index
            .is_logged_out(&self.scope, identity, self.now)
            .await
            .expect("asked")
    }

    async fn remove(&self, locals: &[&str]) {
        let locals: Vec<LocalSessionId> = locals.iter().map(|local| (*local).into()).collect();
        self.index
            .remove(&self.scope, &locals)
            .await
            .expect("removed");
    }
}

const HOUR: Duration = Duration::from_hours(1);

/// Local ids must be ones that `tower-sessions` could have made.
const A: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const B: &str = "AQAAAAAAAAAAAAAAAAAAAA";
const C: &str = "AgAAAAAAAAAAAAAAAAAAAA";

async fn a_recorded_session_lives_and_others_are_unknown(case: Case) {
    case.begin(A, "alice", "sid-1").await;
    assert_eq!(
        case.find(A).await,
        LocalSession::Live(case.identity("alice", "sid-1", 60))
    );
    assert_eq!(case.find(B).await, LocalSession::Unknown);
    case.begin(B, "bob", "").await;
    assert_eq!(
        case.find(B).await,
        LocalSession::Live(case.identity("bob", "", 60))
    );
}

async fn a_logout_selects_by_sid_by_sub_and_by_both(case: Case) {
    case.begin(A, "alice", "sid-1").await;
    case.begin(B, "alice", "sid-2").await;
    case.begin(C, "bob", "sid-3").await;
    assert_eq!(
        case.mark_older(by_both("sid-3", "alice"), 0).await,
        (vec![], true)
    );
    assert_eq!(case.mark_older(by_sid("sid-9"), 0).await, (vec![], false));
    assert!(case.is_live(A).await && case.is_live(B).await && case.is_live(C).await);
    assert_eq!(
        case.mark_older(by_both("sid-3", "bob"), 0).await,
        (vec![C.to_owned()], false)
    );
    assert_eq!(case.mark(by_sid("sid-2")).await, [B]);
    assert!(case.is_live(A).await);
    assert_eq!(case.find(B).await, LocalSession::Ended);
    assert_eq!(case.mark(by_sub("alice")).await, [A, B]);
    assert_eq!(case.mark(by_sub("nobody")).await, [""; 0]);
}

async fn a_marked_session_is_listed_until_it_is_removed(case: Case) {
    case.begin(A, "alice", "sid-1").await;
    case.begin(B, "alice", "sid-1").await;
    assert_eq!(case.mark(by_sid("sid-1")).await, [A, B]);
    assert_eq!(case.mark(by_sid("sid-1")).await, [A, B]);
    case.remove(&[B]).await;
    assert_eq!(case.mark(by_sid("sid-1")).await, [A]);
    assert_eq!(
        (case.find(A).await, case.find(B).await),
        (LocalSession::Ended, LocalSession::Unknown)
    );
    case.remove(&[A, B, C]).await;
    assert_eq!(case.mark(by_sub("alice")).await, [""; 0]);
}

async fn what_began_later_is_spared(case: Case) {
    case.begin(A, "alice", "sid-1").await;
    // A second before the session began, then in its very second.
    assert_eq!(case.mark_older(by_sub("alice"), 61).await.0, [""; 0]);
    assert_eq!(case.mark_older(by_sid("sid-1"), 61).await.0, [""; 0]);
    assert!(case.is_live(A).await);
    assert_eq!(case.mark_older(by_sub("alice"), 60).await.0, [A]);
}

async fn a_mark_meets_a_login_that_comes_after_it(case: Case) {
    case.mark(by_sid("sid-1")).await;
    case.mark(by_both("sid-2", "alice")).await;
    case.mark(by_sub("carol")).await;
    let logins = [
        ("alice", "sid-1", true),
        ("alice", "sid-2", true),
        ("bob", "sid-2", false),
        ("carol", "sid-9", true),
        ("carol", "", true),
        ("alice", "", false),
        ("dave", "sid-9", false),
    ];
    for (sub_name, sid_name, ended) in logins {
        let (old, same, new) = (60, 0, -1);
        for (age, met) in [(old, ended), (same, ended), (new, false)] {
            let identity = case.identity(sub_name, sid_name, age);
            assert_eq!(case.is_logged_out(&identity).await, met, "{identity:?}");
            let recorded = case.record(A, identity.clone()).await;
            assert_eq!(recorded == Recorded::Ended, met, "{identity:?}");
            assert_eq!(case.is_live(A).await, !met, "{identity:?}");
            case.remove(&[A]).await;
        }
    }
}

async fn marks_and_sessions_end_with_their_time(case: Case) {
    case.begin(A, "alice", "sid-1").await;
    case.mark(by_sub("bob")).await;
    let bob = case.identity("bob", "sid-2", 60);
    let almost = Case {
        now: case.now + HOUR - Duration::from_millis(1),
        ..case
    };
    assert!(almost.is_live(A).await && almost.is_logged_out(&bob).await);
    let over = Case {
        now: almost.now + Duration::from_millis(1),
        ..almost
    };
    assert_eq!(over.find(A).await, LocalSession::Unknown);
    assert!(!over.is_logged_out(&bob).await);
    assert_eq!(over.mark(by_sid("sid-1")).await, [""; 0]);
}

async fn the_later_of_two_marks_counts(case: Case) {
    case.mark_older(by_sub("alice"), 10).await;
    case.mark_older(by_sub("alice"), 100).await;
    for (age, met) in [(100, true), (10, true), (9, false)] {
        assert_eq!(
            case.is_logged_out(&case.identity("alice", "", age)).await,
            met,
            "{age}"
        );
    }
}

async fn a_mark_made_again_is_kept_for_the_longer_time(case: Case) {
    let alice = case.identity("alice", "", 60);
    let later = |case: &Case, wait: Duration| Case {
        index: Arc::clone(&case.index),
        scope: case.scope.clone(),
        now: case.now + wait,
    };
    let half_way = later(&case, HOUR / 2);
    // The second is kept longer; the third, by a clock that is behind, does not shorten it.
    for marking in [&case, &half_way, &case] {
        marking.mark(by_sub("alice")).await;
    }
    for (wait, kept) in [(HOUR, true), (HOUR + HOUR / 2, false)] {
        let then = later(&case, wait);
        // A logout of somebody else makes the index drop what has expired.
        then.mark(by_sub("bob")).await;
        assert_eq!(then.is_logged_out(&alice).await, kept, "{wait:?}");
    }
}

async fn renewal_moves_a_living_session_and_revives_none(case: Case) {
    let renew = async |old: &str, new: &str| {
        let renewed = case
            .index
            .renew(&case.scope, &old.into(), &new.into(), case.now)
            .await;
        renewed.expect("asked")
    };
    case.begin(A, "alice", "sid-1").await;
    assert!(renew(A, B).await);
    assert_eq!(case.find(A).await, LocalSession::Unknown);
    assert_eq!(
        case.find(B).await,
        LocalSession::Live(case.identity("alice", "sid-1", 60))
    );
    assert_eq!(case.mark(by_sub("alice")).await, [B]);
    assert!(!renew(B, C).await, "it has ended");
    assert_eq!(
        (case.find(B).await, case.find(C).await),
        (LocalSession::Ended, LocalSession::Unknown)
    );
    assert!(!renew(A, C).await, "it is unknown");
}

async fn a_second_login_replaces_the_first(case: Case) {
    case.begin(A, "alice", "sid-1").await;
    case.begin(A, "bob", "sid-2").await;
    assert_eq!(
        case.find(A).await,
        LocalSession::Live(case.identity("bob", "sid-2", 60))
    );
    assert_eq!(case.mark(by_sub("alice")).await, [""; 0]);
    assert_eq!(case.mark(by_sid("sid-1")).await, [""; 0]);
    assert!(case.is_live(A).await);
    assert_eq!(case.mark(by_sid("sid-2")).await, [A]);
    // A login after that logout makes the same local session live again.
    let later = case.identity("bob", "sid-2", -1);
    assert_eq!(case.record(A, later.clone()).await, Recorded::Live);
    assert_eq!(case.find(A).await, LocalSession::Live(later));
}

async fn names_with_odd_characters_are_kept_apart(case: Case) {
    // Joined without care, these two pairs would be the same.
    case.mark(by_both("a:b", "c")).await;
    assert!(case.is_logged_out(&case.identity("c", "a:b", 60)).await);
    assert!(!case.is_logged_out(&case.identity("b:c", "a", 60)).await);
    let name = "O'Brien \"%_*?[x]\\{y}\u{e9}";
    case.begin(A, name, "s*d '?\\").await;
    assert_eq!(case.mark(by_sub("O'Brien")).await, [""; 0]);
    assert_eq!(case.mark(by_sid("s*d '?\\")).await, [A]);
    assert_eq!(case.mark(by_sub(name)).await, [A]);
}

async fn scopes_are_kept_apart(one: Case, two: Case) {
    one.begin(A, "alice", "sid-1").await;
    two.begin(A, "alice", "sid-1").await;
    assert_eq!(one.mark(by_sub("alice")).await, [A]);
    assert_eq!(one.mark(by_sid("sid-1")).await, [A]);
    assert!(two.is_live(A).await && !one.is_live(A).await);
    assert!(!two.is_logged_out(&two.identity("alice", "sid-1", 60)).await);
    one.remove(&[A]).await;
    assert!(two.is_live(A).await);
}

async fn a_login_and_a_logout_that_cross_never_miss_each_other(case: Case) {
    for round in 0..40 {
        let user = format!("user-{round}");
        let target = if round % 2 == 0 {
            by_sub(&user)
        } else {
            by_sid(&user)
        };
        let login = case.record(A, case.identity(&user, &user, 60));
        let (recorded, ended) = tokio::join!(login, case.mark(target));
        let listed = ended == [A];
        let refused = recorded == Recorded::Ended;
        assert!(
            listed != refused,
            "round {round}: listed {listed}, refused {refused}"
        );
        assert!(!case.is_live(A).await, "round {round}");
        case.remove(&[A]).await;
    }
}
