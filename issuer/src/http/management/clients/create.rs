//! `POST /api/v2/clients`: registers a client.
//!
//! The answer is the only one that always has the secret.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use logout_shared::{ClientId, RandomSource, Secret, Timestamp};
use serde_json::{Map, Value};

use super::change::{ClientChange, Setting};
use super::wire::{View, client_body};
use super::{generate_secret, require_for_grants, seal_secret};
use crate::domain::client::{Client, TokenEndpointAuthMethod};
use crate::http::api_error::{ApiError, ErrorBody};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::body::UnreadBody;
use crate::http::management::openapi;
use crate::http::management::property::{missing, unknown};
use crate::issuer::Issuer;

#[utoipa::path(
    post,
    path = "/clients",
    operation_id = "create_client",
    tag = "clients",
    summary = "Makes a client",
    request_body = openapi::NewClient,
    responses(
        (status = 201, description = "Made.", body = openapi::Client),
        (status = 409, description = "It is in the way of another.", body = ErrorBody),
    ),
    security(("bearer" = ["create:clients"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    call: Call,
    body: UnreadBody,
) -> Result<(StatusCode, Json<Map<String, Value>>), ApiError> {
    bearer.require("create:clients")?;
    let body = body.object().await?;
    require_for_grants(&bearer, &body)?;
    if body.contains_key("client_secret") {
        return Err(unknown(&["client_secret"]));
    }
    let now = issuer.now();
    let Draft { client, secret } = draft(&issuer, &body, None, now)?;
    let properties = (
        StatusCode::CREATED,
        body.into_iter().map(|(name, _)| name).collect(),
    );
    let event = call.changed(&bearer, "Create a client", properties, now);
    let view = View::of(&bearer).with_secret();
    let answer = client_body(&client, secret.as_ref(), &issuer, view);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move {
            if !tx.insert_client(&client).await? {
                return Err(ApiError::Conflict("A client with this id already exists"));
            }
            Ok(tx.append_events(&[event]).await?)
        })
    });
    written.await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// A client that is not stored yet, with its secret.
#[derive(Debug)]
pub struct Draft {
    /// The client; its secret is sealed inside.
    pub client: Client,
    /// The secret; public clients have none, and none have those that sign.
    pub secret: Option<Secret<String>>,
}

/// Makes a client from a body as `POST /api/v2/clients` takes it.
///
/// `id` is made up where it is `None`, and so is the secret unless the body has `client_secret`.
///
/// # Errors
///
/// [`ApiError`] says which property breaks which rule.
pub fn draft(
    issuer: &Issuer,
    body: &Map<String, Value>,
    id: Option<ClientId>,
    now: Timestamp,
) -> Result<Draft, ApiError> {
    let mut change = ClientChange::read(body, issuer)?;
    let name = change.name.clone().ok_or_else(|| missing("name"))?;
    let given = change.secret.take();
    let id = id.unwrap_or_else(|| generate_id(&**issuer.random()));
    let mut client = Client::new(id, name, now);
    let runs_on_devices = body
        .get("app_type")
        .is_some_and(|it| it == "native" || it == "spa");
    if runs_on_devices && change.auth_method == Setting::Untouched {
        client.token_endpoint_auth_method = Some(TokenEndpointAuthMethod::None);
    }
    change.apply(&mut client)?;
    let wants_one = TokenEndpointAuthMethod::uses_secret(client.token_endpoint_auth_method);
    let secret = given.or_else(|| wants_one.then(|| generate_secret(&**issuer.random())));
    if let Some(secret) = &secret {
        client.sealed_secret = Some(seal_secret(issuer, &client.id, secret)?);
    }
    Ok(Draft { client, secret })
}

/// A new client id: 32 letters and digits.
fn generate_id(random: &dyn RandomSource) -> ClientId {
    const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut id = String::with_capacity(32);
    while id.len() < 32 {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        // 248 = 4 × 62: higher bytes would make the first letters likelier.
        let letters = bytes.into_iter().filter(|byte| *byte < 248);
        let letters = letters.map(|byte| char::from(LETTERS[usize::from(byte) % 62]));
        id.extend(letters.take(32 - id.len()));
    }
    id.try_into().expect("letters and digits make a client id")
}

#[cfg(test)]
mod tests {
    use logout_shared::random::SeededRandom;

    use super::*;

    #[test]
    fn ids_are_32_letters_and_digits_and_differ() {
        let random = SeededRandom::new(1);
        let (a, b) = (generate_id(&random), generate_id(&random));
        assert_ne!(a, b);
        assert_eq!(a.as_str().len(), 32);
        assert!(a.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
