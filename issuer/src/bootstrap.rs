//! Makes the clients and users that the configuration asks for.
//!
//! Each is made once and remembered by its name: what an operator changed or deleted since is
//! not touched and never comes back. One that existed before counts as made. Neighbours: the
//! section is `config/bootstrap.rs`; the rules are those of the Management API for clients and
//! `login/users.rs` for users.

use serde_json::{Map, Value, json};

use crate::config::{BootstrapClient, BootstrapUser, Config, ConfigError};
use crate::domain::logout_settings::Initiators;
use crate::http::api_error::ApiError;
use crate::http::management::clients::{Draft, draft};
use crate::issuer::Issuer;
use crate::login::account_history;
use crate::login::users::{CreateUserError, NewUser, prepare_user};
use crate::logout::LogContext;
use crate::storage::StorageError;

/// Something of section `[bootstrap]` that cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// A secret cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A client breaks a rule.
    #[error("bootstrap client \"{id}\" cannot be made")]
    Client {
        /// Its id.
        id: String,
        /// The rule.
        source: ApiError,
    },
    /// A user breaks a rule.
    #[error("bootstrap user \"{email}\" cannot be made")]
    User {
        /// The address.
        email: String,
        /// The rule.
        source: CreateUserError,
    },
    /// The store failed.
    #[error("cannot make what section [bootstrap] asks for")]
    Storage(#[from] StorageError),
}

/// Makes what was not made before.
///
/// # Errors
///
/// [`BootstrapError`] at the first that cannot be made; those before it stay.
pub async fn run(issuer: &Issuer, config: &Config) -> Result<(), BootstrapError> {
    for wanted in &config.bootstrap.clients {
        make_client(issuer, config, wanted).await?;
    }
    for wanted in &config.bootstrap.users {
        make_user(issuer, config, wanted).await?;
    }
    Ok(())
}

async fn make_client(
    issuer: &Issuer,
    config: &Config,
    wanted: &BootstrapClient,
) -> Result<(), BootstrapError> {
    let mark = format!("client:{}", wanted.id);
    if issuer.store().read().await?.was_bootstrapped(&mark).await? {
        return Ok(());
    }
    let mut body = client_body(wanted);
    if let Some(source) = &wanted.secret {
        let secret = source.read(&wanted.secret_key(), config)?;
        body.insert("client_secret".to_owned(), json!(secret.expose()));
    }
    let method = match &wanted.secret {
        _ if wanted.private_key_jwt => Some("private_key_jwt"),
        Some(_) => None,
        None => Some("none"),
    };
    body.extend(method.map(|it| ("token_endpoint_auth_method".to_owned(), json!(it))));
    let drafted = draft(issuer, &body, Some(wanted.id.clone()), issuer.now());
    let Draft { client, .. } = drafted.map_err(|source| BootstrapError::Client {
        id: wanted.id.to_string(),
        source,
    })?;
    let is_new = issuer
        .store()
        .write(move |tx| {
            Box::pin(async move {
                let is_new = tx.insert_client(&client).await?;
                tx.mark_bootstrapped(&mark).await?;
                Ok::<_, StorageError>(is_new)
            })
        })
        .await?;
    if is_new {
        tracing::info!(client.id = %wanted.id, "made bootstrap client \"{}\"", wanted.id);
    }
    Ok(())
}

/// The client as the Management API takes it.
fn client_body(wanted: &BootstrapClient) -> Map<String, Value> {
    let initiators = match &wanted.initiators {
        Initiators::All => json!({"mode": "all"}),
        Initiators::Custom(named) => json!({"mode": "custom", "selected_initiators": named}),
    };
    let name = wanted.name.clone().unwrap_or_else(|| wanted.id.to_string());
    let members = [
        ("name", json!(name)),
        (
            "id_token_encrypted_response_alg",
            json!(wanted.encryption_alg),
        ),
        (
            "id_token_encrypted_response_enc",
            json!(wanted.encryption_enc),
        ),
        ("jwks_uri", json!(wanted.jwks_uri)),
        ("callbacks", json!(wanted.callbacks)),
        ("allowed_logout_urls", json!(wanted.logout_urls)),
        ("management_scopes", json!(wanted.management_scopes)),
        (
            "oidc_logout",
            json!({
                "backchannel_logout_urls": wanted.backchannel_logout_urls,
                "backchannel_logout_initiators": initiators,
                "backchannel_logout_session_metadata":
                    {"include": wanted.include_session_metadata},
            }),
        ),
    ];
    members
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

async fn make_user(
    issuer: &Issuer,
    config: &Config,
    wanted: &BootstrapUser,
) -> Result<(), BootstrapError> {
    let mark = format!("user:{}", wanted.email.to_lowercase());
    if issuer.store().read().await?.was_bootstrapped(&mark).await? {
        return Ok(());
    }
    let new = NewUser {
        id: wanted.id.clone(),
        email: wanted.email.clone(),
        // The operator vouches for the address.
        email_verified: true,
        password: Some(wanted.password.read(&wanted.password_key(), config)?),
        admin: wanted.admin,
        ..NewUser::default()
    };
    let prepared = prepare_user(new, &**issuer.random(), issuer.now()).await;
    let (user, password) = prepared.map_err(|source| BootstrapError::User {
        email: wanted.email.clone(),
        source,
    })?;
    let id = user.id.clone();
    let mut context = LogContext::default();
    let channel = ("channel".to_owned(), "bootstrap".into());
    context.details.extend([channel]);
    let event = account_history::created(&user, &context, issuer.now());
    let is_new = issuer
        .store()
        .write(move |tx| {
            Box::pin(async move {
                let is_new = tx.insert_user(&user, password.as_ref()).await?;
                if is_new {
                    tx.append_events(&[event]).await?;
                }
                tx.mark_bootstrapped(&mark).await?;
                Ok::<_, StorageError>(is_new)
            })
        })
        .await?;
    if is_new {
        tracing::info!(user.id = %id, "made bootstrap user {id}");
    }
    Ok(())
}
