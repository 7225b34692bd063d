//! The provider: its accounts, its own transactions, and the engine that tells apps of logouts.

use std::path::Path;

use axum::routing::get;
use axum::{Json, Router};
use logout_issuer::domain::client::Client;
use logout_issuer::domain::initiator::Initiator;
use logout_issuer::domain::logout_settings::{Initiators, LogoutSettings, LogoutUrl};
use logout_issuer::domain::session::Device;
use logout_issuer::issuer::{Issuer, IssuerConfig};
use logout_issuer::logout::LogContext;
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_issuer::storage::{DeliveryFilter, StorageError};
use logout_shared::seal::SealingKey;
use logout_shared::{ClientId, SessionId, SigningAlgorithm, SystemRandom};
use serde_json::{Value, json};
use sqlx::SqlitePool;
use std::time::Duration;
use tokio::net::TcpListener;

use super::Outcome;

/// The provider's own tables. A real one keeps a hash of the password.
const TABLES: &str = "
    CREATE TABLE accounts (name TEXT PRIMARY KEY, password TEXT NOT NULL) STRICT;
    CREATE TABLE sign_ins (sid TEXT PRIMARY KEY, account TEXT NOT NULL, device TEXT NOT NULL) STRICT;
    INSERT INTO accounts VALUES ('ada', 'secret');";

/// An identity provider.
pub(crate) struct Provider {
    issuer: Issuer,
    /// The provider's own connections to the file that the engine uses as well.
    database: SqlitePool,
}

/// What becomes of a transaction.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    Commit,
    RollBack,
}

/// A person who is signed in at the app.
pub(crate) struct SignedIn {
    pub(crate) sid: SessionId,
    /// The claims of the ID Token; signing and checking it is as in every OpenID Connect provider.
    pub(crate) id_token: Value,
}

impl Provider {
    /// Starts the provider, with the engine's tables and its own in one file.
    pub(crate) async fn start(file: &Path) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let id = format!("http://{}/", listener.local_addr()?).parse()?;
        // A real provider keeps this key where the database is not.
        let mut config = IssuerConfig::new(id, SealingKey::generate(&SystemRandom));
        config.signing_algorithms = vec![SigningAlgorithm::Es256];
        // The app of this example is on this machine, without TLS.
        config.egress.danger_allow_http = true;
        config.egress.danger_allow_private_addresses = true;
        let store = SqliteStore::open(&SqliteOptions::file(file)).await?;
        let issuer = Issuer::builder(config).store(store).build().await?;
        issuer.start_delivery();

        let database = SqlitePool::connect(&format!("sqlite:{}", file.display())).await?;
        sqlx::raw_sql(TABLES).execute(&database).await?;
        let keys = issuer.clone();
        let keys = get(async move || Json(keys.keys().published(keys.now())));
        let router = Router::new().route("/jwks.json", keys);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { issuer, database })
    }

    pub(crate) fn id(&self) -> String {
        self.issuer.id().to_string()
    }

    pub(crate) fn keys_url(&self) -> String {
        format!("{}jwks.json", self.id())
    }

    /// Registers an app that wants to hear of everything, with the session's metadata.
    pub(crate) async fn register(&self, client: &str, logout_url: &str) -> Outcome {
        let policy = self.issuer.egress().url_policy();
        let client = Client {
            signing_algorithm: SigningAlgorithm::Es256,
            logout: Some(LogoutSettings {
                urls: vec![LogoutUrl::parse(logout_url, policy)?],
                initiators: Some(Initiators::All),
                include_session_metadata: Some(true),
                ..LogoutSettings::default()
            }),
            ..Client::new(client.parse()?, client, self.issuer.now())
        };
        let store = self.issuer.store();
        store
            .write(move |tx| Box::pin(async move { tx.insert_client(&client).await }))
            .await
            .map(drop)
            .map_err(|error: StorageError| error.into())
    }

    /// Whether this is the account's password.
    pub(crate) async fn accepts(&self, account: &str, password: &str) -> Outcome<bool> {
        let found = sqlx::query("SELECT 1 FROM accounts WHERE name = ? AND password = ?")
            .bind(account)
            .bind(password)
            .fetch_optional(&self.database);
        Ok(found.await?.is_some())
    }

    /// Signs a person in to the app: a row of the provider's and a session of the engine's, in one
    /// transaction.
    pub(crate) async fn sign_in(
        &self,
        account: &str,
        password: &str,
        device: &str,
    ) -> Outcome<SignedIn> {
        if !self.accepts(account, password).await? {
            return Err("wrong password".into());
        }
        let client: ClientId = super::app::CLIENT.parse()?;
        let mut tx = self.database.begin_with("BEGIN IMMEDIATE").await?;
        let mut sessions = self.issuer.enlist(&mut tx);
        let sid = sessions.begin(&account.parse()?, Device::default()).await?;
        sessions.join(&sid, &client).await?;
        sessions.set_metadata(&sid, "deviceName", device).await?;
        sqlx::query("INSERT INTO sign_ins (sid, account, device) VALUES (?, ?, ?)")
            .bind(sid.as_str())
            .bind(account)
            .bind(device)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        let id_token = json!({
            "iss": self.issuer.id(), "aud": client, "sub": account, "sid": sid,
            "iat": self.issuer.now().as_secs(),
        });
        Ok(SignedIn { sid, id_token })
    }

    /// Changes a password and ends the account's other sessions: both, or neither.
    pub(crate) async fn change_password(
        &self,
        account: &str,
        password: &str,
        keep: &SignedIn,
        fate: Fate,
    ) -> Outcome {
        let mut tx = self.database.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("UPDATE accounts SET password = ? WHERE name = ?")
            .bind(password)
            .bind(account)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM sign_ins WHERE account = ? AND sid <> ?")
            .bind(account)
            .bind(keep.sid.as_str())
            .execute(&mut *tx)
            .await?;
        let (account, keep) = (account.parse()?, Some(&keep.sid));
        let (why, by) = (Initiator::PasswordChanged, LogContext::default());
        let mut sessions = self.issuer.enlist(&mut tx);
        sessions.end_all_of_user(&account, keep, why, by).await?;
        match fate {
            Fate::Commit => tx.commit().await?,
            Fate::RollBack => tx.rollback().await?,
        }
        // Without it the engine sees the commit a quarter of a second later.
        self.issuer.ring();
        Ok(())
    }

    /// Ends one session; with no work of the provider's own beside it, the engine commits itself.
    pub(crate) async fn sign_out(&self, person: &SignedIn) -> Outcome {
        let sessions = self.issuer.sessions();
        sessions.end(&person.sid, Initiator::RpLogout).await?;
        Ok(())
    }

    /// How many deliveries there are, told or not.
    pub(crate) async fn deliveries(&self) -> Outcome<usize> {
        let mut view = self.issuer.store().read().await?;
        let all = DeliveryFilter::default();
        Ok(view
            .list_deliveries(&all, None, 100)
            .await?
            .deliveries
            .len())
    }

    pub(crate) async fn stop(self) {
        self.issuer.shutdown(Duration::from_secs(5)).await;
        self.database.close().await;
        self.issuer.store().close().await;
    }
}
