//! Refresh tokens: what an app exchanges for new tokens without its user.
//!
//! A [`RefreshGrant`] is what one login gave one client. Its tokens follow one another: each exchange
//! makes a new one, and one that was used before is a sign of theft, at which the whole grant
//! dies. All tokens of a grant share a handle, so a token is known for an earlier one although
//! nothing of it is kept. Which grants die with sessions is said by [`RefreshTokensLost`].

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use logout_shared::{ClientId, RandomSource, Secret, SessionId, Subject, Timestamp, TokenId};

use super::authorization::{TokenDigest, digest};
use super::client::Client;
use super::initiator::Initiator;
use super::session::Device;

/// The scope of tokens that may outlive the session (OpenID Connect Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";

/// The scope of tokens that die with the session.
pub const ONLINE_ACCESS: &str = "online_access";

/// The grant type, as clients register it.
pub const REFRESH_TOKEN_GRANT: &str = "refresh_token";

/// How long a dead grant is remembered, so that the history says whose token it was.
pub const DEAD_GRANTS_ARE_KEPT: Duration = Duration::from_hours(24);

/// The longest time for which the token before the latest can be exchanged again.
pub const MAX_LEEWAY: Duration = Duration::from_hours(1);

/// Random bytes of the part that all tokens of a grant share.
const HANDLE_BYTES: usize = 16;

/// Random bytes of the part that is each token's own.
const SECRET_BYTES: usize = 32;

/// Whether a grant may outlive its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshAccess {
    /// It may.
    Offline,
    /// It dies with it.
    Online,
}

impl RefreshAccess {
    /// What the scopes ask for, if they ask for refresh tokens at all.
    pub fn of_scope(scope: &str) -> Option<Self> {
        let has = |wanted| scope.split(' ').any(|one| one == wanted);
        if has(OFFLINE_ACCESS) {
            return Some(Self::Offline);
        }
        has(ONLINE_ACCESS).then_some(Self::Online)
    }
}

/// The scopes without those for refresh tokens that the client cannot have: it may not use the
/// grant, or has asked for access beyond the session and within it.
pub fn refreshable_scope(scope: &str, client: &Client) -> String {
    let access = RefreshAccess::of_scope(scope);
    let access = access.filter(|_| client.may_use_grant(REFRESH_TOKEN_GRANT));
    let fits = |one: &&str| match *one {
        OFFLINE_ACCESS => access == Some(RefreshAccess::Offline),
        ONLINE_ACCESS => access == Some(RefreshAccess::Online),
        _ => true,
    };
    let kept: Vec<&str> = scope.split(' ').filter(fits).collect();
    kept.join(" ")
}

/// A refresh token, as its client holds it: `<handle>.<secret>`, both base64url.
#[derive(Debug, Clone)]
pub struct RefreshToken(Secret<String>);

impl RefreshToken {
    /// The first token of a grant.
    pub fn first(random: &dyn RandomSource) -> Self {
        let mut handle = [0; HANDLE_BYTES];
        random.fill(&mut handle);
        Self::with_handle(&URL_SAFE_NO_PAD.encode(handle), random)
    }

    /// Another token of the same grant.
    #[must_use]
    pub fn successor(&self, random: &dyn RandomSource) -> Self {
        Self::with_handle(self.handle(), random)
    }

    /// Reads what a client shows; `None` if it cannot be a token of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (handle, secret) = text.split_once('.')?;
        let is = |part: &str, bytes| {
            URL_SAFE_NO_PAD
                .decode(part)
                .is_ok_and(|decoded| decoded.len() == bytes)
        };
        let is_ours = is(handle, HANDLE_BYTES) && is(secret, SECRET_BYTES);
        is_ours.then(|| Self(Secret::new(text.to_owned())))
    }

    /// The digest by which the grant is found.
    pub fn handle_digest(&self) -> TokenDigest {
        digest(self.handle())
    }

    /// The digest by which the token is known.
    pub fn digest(&self) -> TokenDigest {
        digest(self.0.expose())
    }

    /// The token, for its client alone.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    fn with_handle(handle: &str, random: &dyn RandomSource) -> Self {
        let mut secret = [0; SECRET_BYTES];
        random.fill(&mut secret);
        let secret = URL_SAFE_NO_PAD.encode(secret);
        Self(Secret::new(format!("{handle}.{secret}")))
    }

    fn handle(&self) -> &str {
        let text: &str = self.0.expose();
        text.split_once('.').map_or(text, |(handle, _)| handle)
    }
}

/// What one login gave one client to refresh its tokens with.
#[derive(Debug, Clone, PartialEq)]
pub struct RefreshGrant {
    /// Its name in history and for Actions; it opens nothing.
    pub id: TokenId,
    /// The digest of the handle that all its tokens share.
    pub handle: TokenDigest,
    /// The digest of the code that it began with.
    pub code: TokenDigest,
    /// Whose tokens they are.
    pub client: ClientId,
    /// Who signed in.
    pub user: Subject,
    /// The session of that login, which may be over.
    pub session: SessionId,
    /// Whether it may outlive the session.
    pub access: RefreshAccess,
    /// Granted scopes, separated by spaces.
    pub scope: String,
    /// When the person proved who they are.
    pub authenticated_at: Timestamp,
    /// The version of the password at that time; with another one it is worth nothing.
    pub password_version: i64,
    /// Where the exchanges came from.
    pub device: Device,
    /// The number of the latest tokens.
    pub generation: i64,
    /// When the latest tokens took the place of those before.
    pub generation_since: Timestamp,
    /// When the code was exchanged.
    pub created_at: Timestamp,
    /// When a token was exchanged last.
    pub last_exchanged_at: Option<Timestamp>,
    /// When it dies whatever happens.
    pub expires_at: Option<Timestamp>,
    /// When it dies unless it is used.
    pub idle_expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl RefreshGrant {
    /// Whether it is worth something.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && !self.is_expired(now)
    }

    /// Whether its time has come.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        let ends = [self.expires_at, self.idle_expires_at];
        ends.into_iter().flatten().any(|end| now >= end)
    }

    /// Whether a token of this generation can be exchanged. One that cannot has been used before.
    pub fn accepts(&self, generation: i64, leeway: Duration, now: Timestamp) -> bool {
        let in_overlap = now < self.generation_since + leeway.min(MAX_LEEWAY);
        generation == self.generation || (generation + 1 == self.generation && in_overlap)
    }

    /// Notes that a token of this generation was exchanged; gives the generation of the token that
    /// follows it, or `None` if it stays the client's token.
    pub fn exchange(
        &mut self,
        generation: i64,
        rules: &RefreshTokenRules,
        device: &Device,
        now: Timestamp,
    ) -> Option<i64> {
        self.last_exchanged_at = Some(now);
        self.idle_expires_at = rules.idle.map(|idle| now + idle);
        self.device
            .last_user_agent
            .clone_from(&device.last_user_agent);
        self.device.last_ip.clone_from(&device.last_ip);
        self.device.last_asn.clone_from(&device.last_asn);
        if !rules.rotates {
            return None;
        }
        if generation == self.generation {
            self.generation += 1;
            self.generation_since = now;
        }
        Some(self.generation)
    }
}

/// How refresh tokens of a client live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshTokenRules {
    /// Whether each exchange gives another token.
    pub rotates: bool,
    /// How long the token before the latest can be exchanged again: 1 h at most.
    pub leeway: Duration,
    /// From the login to the end, whatever happens; `None`: without end.
    pub absolute: Option<Duration>,
    /// From the latest exchange to the end; `None`: without end.
    pub idle: Option<Duration>,
}

impl Default for RefreshTokenRules {
    fn default() -> Self {
        Self {
            rotates: true,
            leeway: Duration::ZERO,
            absolute: Some(Duration::from_hours(30 * 24)),
            idle: Some(Duration::from_hours(15 * 24)),
        }
    }
}

/// Which refresh grants die when sessions end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshTokensLost {
    /// Those of the sessions that have no offline access. No less can die: they need the session.
    Online,
    /// All of the sessions.
    OfSessions,
    /// All of their users.
    OfUsers,
}

impl RefreshTokensLost {
    /// What dies unless somebody says otherwise.
    pub fn to(initiator: Initiator) -> Self {
        match initiator {
            Initiator::SessionRevoked => Self::OfSessions,
            Initiator::PasswordChanged
            | Initiator::AccountDeleted
            | Initiator::AccountDeactivated => Self::OfUsers,
            Initiator::RpLogout
            | Initiator::IdpLogout
            | Initiator::SessionExpired
            | Initiator::EmailIdentifierChanged
            | Initiator::MfaPhoneUnenrolled
            | Initiator::ProfileChanged => Self::Online,
        }
    }

    /// What dies with sessions that are revoked.
    pub fn to_revocation(preserve_refresh_tokens: bool) -> Self {
        if preserve_refresh_tokens {
            Self::Online
        } else {
            Self::OfSessions
        }
    }
}

#[cfg(test)]
mod tests {
    use logout_shared::SystemRandom;

    use super::*;

    fn grant() -> RefreshGrant {
        let at = Timestamp::from_secs(0);
        RefreshGrant {
            id: "g".parse().unwrap(),
            handle: digest("handle"),
            code: digest("code"),
            client: "app".parse().unwrap(),
            user: "u1".parse().unwrap(),
            session: "s1".parse().unwrap(),
            access: RefreshAccess::Offline,
            scope: OFFLINE_ACCESS.into(),
            authenticated_at: at,
            password_version: 0,
            device: Device::default(),
            generation: 4,
            generation_since: Timestamp::from_secs(100),
            created_at: at,
            last_exchanged_at: None,
            expires_at: Some(Timestamp::from_secs(1_000)),
            idle_expires_at: Some(Timestamp::from_secs(500)),
            revoked_at: None,
        }
    }

    #[test]
    fn tokens_of_one_grant_share_a_handle_and_nothing_else() {
        let first = RefreshToken::first(&SystemRandom);
        let second = first.successor(&SystemRandom);
        let stranger = RefreshToken::first(&SystemRandom);
        assert_eq!(first.handle_digest(), second.handle_digest());
        assert_ne!(first.handle_digest(), stranger.handle_digest());
        assert_ne!(first.digest(), second.digest());
        let read = RefreshToken::parse(second.expose()).unwrap();
        assert_eq!(read.digest(), second.digest());
        assert_eq!(read.handle_digest(), second.handle_digest());
        assert_eq!(format!("{second:?}"), "RefreshToken(Secret(..))");
    }

    #[test]
    fn what_has_another_form_is_no_token() {
        let token = RefreshToken::first(&SystemRandom);
        let text = token.expose();
        assert_eq!(text.len(), 22 + 1 + 43);
        for other in [
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}A"),
            "",
            "a.b",
        ] {
            assert!(RefreshToken::parse(other).is_none(), "{other}");
        }
        assert!(RefreshToken::parse(&text.replace('.', "+")).is_none());
    }

    #[test]
    fn the_latest_token_is_good_and_the_one_before_it_in_the_leeway() {
        let grant = grant();
        let leeway = Duration::from_secs(10);
        let before = Timestamp::from_millis(109_999);
        for (generation, now, leeway, good) in [
            (4, Timestamp::from_secs(9_999), Duration::ZERO, true),
            (3, before, leeway, true),
            (3, Timestamp::from_secs(110), leeway, false),
            (3, Timestamp::from_secs(100), Duration::ZERO, false),
            (2, before, leeway, false),
            (3, Timestamp::from_secs(100 + 3_599), 2 * MAX_LEEWAY, true),
            (3, Timestamp::from_secs(100 + 3_600), 2 * MAX_LEEWAY, false),
        ] {
            let is_good = grant.accepts(generation, leeway, now);
            assert_eq!(is_good, good, "{generation} at {now}");
        }
    }

    #[test]
    fn an_exchange_begins_a_generation_unless_it_repeats_one() {
        let (mut grant, rules) = (grant(), RefreshTokenRules::default());
        let device = Device::first_seen(None, Some("192.0.2.1".into()));
        let now = Timestamp::from_secs(200);
        assert_eq!(grant.exchange(4, &rules, &device, now), Some(5));
        assert_eq!((grant.generation, grant.generation_since), (5, now));
        let later = Timestamp::from_secs(201);
        assert_eq!(grant.exchange(4, &rules, &device, later), Some(5));
        assert_eq!((grant.generation, grant.generation_since), (5, now));
        assert_eq!(grant.last_exchanged_at, Some(later));
        assert_eq!(grant.idle_expires_at, rules.idle.map(|idle| later + idle));
        assert_eq!(grant.device.last_ip.as_deref(), Some("192.0.2.1"));
        let rules = RefreshTokenRules {
            rotates: false,
            idle: None,
            ..rules
        };
        assert_eq!(grant.exchange(5, &rules, &device, later), None);
        assert_eq!((grant.generation, grant.idle_expires_at), (5, None));
    }

    #[test]
    fn a_grant_dies_at_the_first_of_its_ends() {
        let mut grant = grant();
        assert!(grant.is_live(Timestamp::from_millis(499_999)));
        assert!(!grant.is_live(Timestamp::from_secs(500)));
        grant.idle_expires_at = None;
        assert!(grant.is_live(Timestamp::from_millis(999_999)));
        assert!(!grant.is_live(Timestamp::from_secs(1_000)));
        grant.expires_at = None;
        assert!(grant.is_live(Timestamp::from_secs(1_000_000)));
        grant.revoked_at = Some(Timestamp::from_secs(0));
        assert!(!grant.is_live(Timestamp::from_secs(0)));
    }

    #[test]
    fn scopes_say_what_access_is_asked_for() {
        let access = RefreshAccess::of_scope;
        assert_eq!(access("openid"), None);
        assert_eq!(access("openid offline_access_"), None);
        assert_eq!(access("online_access"), Some(RefreshAccess::Online));
        let both = "online_access openid offline_access";
        assert_eq!(access(both), Some(RefreshAccess::Offline));
        let now = Timestamp::from_secs(0);
        let mut client = Client::new("app".parse().unwrap(), "App", now);
        assert_eq!(refreshable_scope(both, &client), "openid offline_access");
        assert_eq!(
            refreshable_scope("openid online_access", &client),
            "openid online_access"
        );
        client.grant_types = vec!["authorization_code".into()];
        assert_eq!(refreshable_scope(both, &client), "openid");
    }
}
