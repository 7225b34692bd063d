//! Checks a logout token from its text to a [`LogoutToken`], without HTTP and without sessions.
//!
//! The order is form → algorithm → key → signature → type and claims. Everything before the signature
//! is bounded by the token's length, and nothing in the token decides which algorithm or which
//! keys count. The rules themselves are `shared`'s; keys come from `jwks/`; single use is
//! `backchannel_logout.rs`'s, since it must last until the logout is done.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use logout_shared::jwk::VerificationKey;
use logout_shared::jwks::JwkSet;
use logout_shared::jws::{JwsError, KnownHeader, Payload, UnverifiedJws, Verified};
use logout_shared::logout_token::{Expected, LogoutToken};
use logout_shared::{Clock, Timestamp};

use crate::config::TokenRules;
use crate::error::{Invalid, VerifyError};
use crate::jwks::{KeyCache, KeySource, KeyState, Source};
use crate::session_index::Scope;

/// Checks logout tokens of one issuer for one client.
///
/// # Examples
///
/// ```no_run
/// # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// use logout_receiver::BackchannelLogout;
///
/// let verifier =
///     BackchannelLogout::builder("https://issuer.example/", "client-id").build_verifier()?;
/// let token = verifier.verify(token).await?;
/// println!("{:?} logged out", token.subject());
/// # Ok(())
/// # }
/// ```
pub struct Verifier {
    scope: Scope,
    rules: TokenRules,
    keys: Keys,
    clock: Arc<dyn Clock>,
    /// The header of the newest token with a good signature: that of the next is likely the same.
    known_header: ArcSwapOption<KnownHeader>,
}

/// What a verifier verifies and decrypts with.
pub(crate) struct Keys {
    pub(crate) source: KeySource,
    /// Not empty when encryption was agreed on.
    #[cfg(feature = "jwe")]
    pub(crate) decryption: Vec<logout_shared::jwe::DecryptionKey>,
}

impl Verifier {
    pub(crate) fn new(
        scope: Scope,
        rules: TokenRules,
        keys: Keys,
        clock: Arc<dyn Clock>,
    ) -> Verifier {
        Verifier {
            scope,
            rules,
            keys,
            clock,
            known_header: ArcSwapOption::empty(),
        }
    }

    /// The issuer and the client whose tokens pass.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What the key source holds and is doing.
    pub fn key_state(&self) -> KeyState {
        self.keys.source.state(self.clock.now())
    }

    /// When a token can pass no more: the replay cache may forget it then.
    pub(crate) fn dead_at(&self, token: &LogoutToken) -> Timestamp {
        token.expires_at() + self.rules.leeway
    }

    /// Checks a token, fetching the issuer's keys if need be.
    ///
    /// It does not remember token ids: the same token passes again.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Invalid`] if the token is refused for good, [`VerifyError::Unavailable`] if
    /// the keys to tell are out of reach.
    pub async fn verify(&self, logout_token: &str) -> Result<LogoutToken, VerifyError> {
        #[cfg(feature = "jwe")]
        if !self.keys.decryption.is_empty() {
            let inner = self.decrypt(logout_token)?;
            return self.verify_signed(inner.token()).await;
        }
        self.verify_signed(logout_token).await
    }

    /// Back-Channel Logout §2.6 step 1.
    #[cfg(feature = "jwe")]
    fn decrypt(&self, token: &str) -> Result<logout_shared::jwe::Decrypted, Invalid> {
        let (limit, keys) = (self.rules.max_token_bytes, &self.keys.decryption);
        let inner = logout_shared::jwe::decrypt(token, limit, keys)?;
        if inner.agrees_with(&self.scope.issuer) {
            Ok(inner)
        } else {
            Err(Invalid::IssuerMismatch)
        }
    }

    async fn verify_signed(&self, token: &str) -> Result<LogoutToken, VerifyError> {
        let known = self.known_header.load_full();
        let limit = self.rules.max_token_bytes;
        let jws = UnverifiedJws::parse_knowing(token, limit, known.as_deref());
        let jws = jws.map_err(Invalid::from)?;
        // Back-Channel Logout §2.6 step 3.
        if jws.header().alg != self.rules.algorithm.as_str() {
            return Err(Invalid::from(JwsError::WrongAlgorithm(self.rules.algorithm)).into());
        }
        // Back-Channel Logout §2.6 step 2.
        let verified = self.check_signature(&jws).await?;
        if !known.is_some_and(|known| jws.has(&known)) {
            self.known_header.store(Some(Arc::new(jws.to_known())));
        }
        // Back-Channel Logout §2.6 steps 4 to 7.
        let expected = Expected {
            issuer: &self.scope.issuer,
            client_id: &self.scope.client_id,
            trusted_audiences: &self.rules.trusted_audiences,
            now: self.clock.now(),
            leeway: self.rules.leeway,
            max_lifetime: self.rules.max_lifetime,
            max_age: self.rules.max_age,
            exp_required: self.rules.exp_required,
            sid_required: self.rules.sid_required,
            metadata_strict: self.rules.metadata_strict,
            types: self.rules.types,
        };
        Ok(verified.check(&expected).map_err(Invalid::from)?)
    }

    async fn check_signature(
        &self,
        jws: &UnverifiedJws<'_>,
    ) -> Result<Verified<Payload>, VerifyError> {
        match &self.keys.source.0 {
            Source::Secret(key) => Ok(self.try_keys(jws, &[key])?),
            Source::Given(set) => match self.try_set(jws, set) {
                Tried::Known(result) => Ok(result?),
                Tried::UnknownKey => Err(Invalid::UnknownKey.into()),
            },
            Source::Fetched(cache) => self.try_fetched(jws, cache).await,
        }
    }

    async fn try_fetched(
        &self,
        jws: &UnverifiedJws<'_>,
        cache: &Arc<KeyCache>,
    ) -> Result<Verified<Payload>, VerifyError> {
        let at_arrival = cache.newest_begun();
        let mut snapshot = cache.usable().await?;
        loop {
            let proven = snapshot.number > at_arrival;
            match self.try_set(jws, &snapshot.keys) {
                // Without a `kid` it may be signed with a key published since. That is looked
                // for where nobody has to wait: forgeries without a `kid` cost nothing to make.
                Tried::Known(Err(Invalid::Signature(JwsError::Signature)))
                    if jws.header().kid.is_none() && !proven && cache.may_fetch() => {}
                Tried::Known(result) => return Ok(result?),
                Tried::UnknownKey => {}
            }
            // Only a set asked for after the token came proves that the key is not published.
            if proven {
                return Err(Invalid::UnknownKey.into());
            }
            snapshot = cache.after(snapshot.number).await?;
        }
    }

    fn try_set(&self, jws: &UnverifiedJws<'_>, set: &JwkSet) -> Tried {
        let candidates = set.candidates(self.rules.algorithm, jws.header().kid.as_deref());
        if candidates.is_empty() {
            let named = jws
                .header()
                .kid
                .as_deref()
                .is_some_and(|kid| set.has_kid(kid));
            // A key that is there and does not fit will not fit after another fetch.
            return if named {
                Tried::Known(Err(Invalid::UnknownKey))
            } else {
                Tried::UnknownKey
            };
        }
        Tried::Known(self.try_keys(jws, &candidates))
    }

    fn try_keys(
        &self,
        jws: &UnverifiedJws<'_>,
        keys: &[&VerificationKey],
    ) -> Result<Verified<Payload>, Invalid> {
        Ok(jws.verify(self.rules.algorithm, keys)?)
    }
}

/// Whether a key set could tell anything about a signature.
enum Tried {
    Known(Result<Verified<Payload>, Invalid>),
    UnknownKey,
}
