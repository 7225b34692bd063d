//! What happened to a user, as an identity provider with its own accounts says it.
//!
//! One call for each event: it ends what that event ends and tells the clients that chose to hear
//! of it. Each is one transaction and is durable when it returns; telling goes on by itself. The
//! user need not be known to this issuer's store. For one session, see `sessions.rs`; where the
//! server keeps the accounts itself, `login/` changes them and tells in one write.
//!
//! | event | sessions that end | refresh tokens that die | told besides their clients |
//! |---|---|---|---|
//! | [`password_changed`](Accounts::password_changed) | all, but the one it was changed in | all | remembered clients |
//! | [`deactivated`](Accounts::deactivated), [`deleted`](Accounts::deleted) | all | all | remembered clients |
//! | [`email_identifier_changed`](Accounts::email_identifier_changed) | all | without offline access | |
//! | [`profile_changed`](Accounts::profile_changed), [`mfa_phone_unenrolled`](Accounts::mfa_phone_unenrolled) | none | none | |
//!
//! Remembered are, for 30 days, clients of sessions that ended without their being told: they had
//! not chosen the event that ended it; and as long as it lives, clients that hold an offline grant of
//! a session that is over.

use logout_shared::{SessionId, Subject};

use crate::domain::initiator::Initiator;
use crate::issuer::Issuer;
use crate::logout::{EndSessionError, EndSessionsOfUser, Ended, LogContext, account_changed};

/// What happens to users.
///
/// # Examples
///
/// ```
/// # use logout_issuer::domain::{initiator::Initiator, session::Device};
/// # use logout_issuer::issuer::{Issuer, IssuerConfig};
/// # use logout_shared::{SystemRandom, seal::SealingKey};
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let store = logout_issuer::storage::sqlite::SqliteStore::in_memory().await?;
/// # let config = IssuerConfig::new(
/// #     "https://issuer.example/".parse()?,
/// #     SealingKey::generate(&SystemRandom),
/// # );
/// # let issuer = Issuer::builder(config).store(store).build().await?;
/// let user = "auth0|7".parse()?;
/// let laptop = issuer.sessions().begin(&user, Device::default()).await?;
/// let phone = issuer.sessions().begin(&user, Device::default()).await?;
///
/// // One session: a relying party, the provider above, or an administrator ended it.
/// let end = issuer.sessions().end(&phone, Initiator::IdpLogout).await?;
/// assert_eq!(end.sessions, [phone]);
///
/// // The account: each event ends what it must, and no more.
/// let accounts = issuer.accounts();
/// assert!(accounts.profile_changed(&user).await?.sessions.is_empty());
/// assert!(accounts.mfa_phone_unenrolled(&user).await?.sessions.is_empty());
/// assert!(accounts.password_changed(&user, Some(&laptop)).await?.sessions.is_empty());
/// assert_eq!(accounts.email_identifier_changed(&user).await?.sessions, [laptop]);
/// accounts.deactivated(&user).await?;
/// accounts.deleted(&user).await?;
///
/// // Sessions whose time has come end by themselves once delivery was started, or now:
/// assert_eq!(issuer.end_expired_sessions().await?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Accounts<'i> {
    issuer: &'i Issuer,
}

impl<'i> Accounts<'i> {
    pub(crate) fn new(issuer: &'i Issuer) -> Self {
        Self { issuer }
    }

    /// The password was changed: all sessions end, but `made_in`, the one in which it was changed.
    ///
    /// # Errors
    ///
    /// [`EndSessionError::Storage`] if the store fails.
    ///
    /// # Examples
    ///
    /// See [`Accounts`].
    pub async fn password_changed(
        &self,
        user: &Subject,
        made_in: Option<&SessionId>,
    ) -> Result<Ended, EndSessionError> {
        self.changed(user, Initiator::PasswordChanged, made_in)
            .await
    }

    /// The user was blocked: all sessions end.
    ///
    /// Keeping the user from signing in again is the caller's, unless the user is in this
    /// issuer's store.
    ///
    /// # Errors
    ///
    /// [`EndSessionError::Storage`] if the store fails.
    pub async fn deactivated(&self, user: &Subject) -> Result<Ended, EndSessionError> {
        self.changed(user, Initiator::AccountDeactivated, None)
            .await
    }

    /// The user was deleted: all sessions end.
    ///
    /// # Errors
    ///
    /// [`EndSessionError::Storage`] if the store fails.
    pub async fn deleted(&self, user: &Subject) -> Result<Ended, EndSessionError> {
        self.changed(user, Initiator::AccountDeleted, None).await
    }

    /// The address that the user signs in with was changed: all sessions end.
    ///
    /// # Errors
    ///
    /// [`EndSessionError::Storage`] if the store fails.
    pub async fn email_identifier_changed(&self, user: &Subject) -> Result<Ended, EndSessionError> {
        self.changed(user, Initiator::EmailIdentifierChanged, None)
            .await
    }

    /// Name, nickname, picture or phone was changed: no session ends.
    ///
    /// Clients that name `profile-changed` are told and leave the user's sessions until the person
    /// signs in there again; clients that chose `all` are not meant.
    ///
    /// # Errors
    ///
    /// [`EndSessionError::Storage`] if the store fails.
    pub async fn profile_changed(&self, user: &Subject) -> Result<Ended, EndSessionError> {
        self.changed(user, Initiator::ProfileChanged, None).await
    }

    /// A phone is no second factor any more: no session ends, and clients that name
    /// `mfa-phone-unenrolled` are told as with [`profile_changed`](Self::profile_changed).
    ///
    /// # Errors
    ///
    /// [`EndSessionError::Storage`] if the store fails.
    pub async fn mfa_phone_unenrolled(&self, user: &Subject) -> Result<Ended, EndSessionError> {
        self.changed(user, Initiator::MfaPhoneUnenrolled, None)
            .await
    }

    async fn changed(
        &self,
        user: &Subject,
        initiator: Initiator,
        except: Option<&SessionId>,
    ) -> Result<Ended, EndSessionError> {
        let change = EndSessionsOfUser {
            user: user.clone(),
            except: except.cloned(),
            ending: self.issuer.ending(initiator, LogContext::default()),
        };
        let (now, random) = (self.issuer.now(), self.issuer.random().clone());
        let store = self.issuer.store();
        store
            .write(move |tx| {
                Box::pin(async move { account_changed(tx, change, now, &*random).await })
            })
            .await
    }
}
