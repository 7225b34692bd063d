//! A client's grant as the Management API shows it.

use logout_shared::ClientId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::client::Client;
use crate::http::api_error::ApiError;

/// What the id of a grant begins with; the client's id follows.
const PREFIX: &str = "cgr_";

/// No client has the grant in the path.
pub(super) const NO_GRANT: ApiError = ApiError::Missing(
    "The client grant does not exist.",
    Some("inexistent_client_grant"),
);

/// The JSON form of a grant.
///
/// A caller may want some members only, so none is certain to be there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientGrant)]
pub(in crate::http::management) struct GrantBody {
    #[schema(required = false)]
    id: String,
    #[schema(required = false, value_type = String)]
    client_id: ClientId,
    #[schema(required = false)]
    audience: String,
    #[schema(required = false)]
    scope: Vec<String>,
    #[schema(required = false)]
    subject_type: &'static str,
}

impl GrantBody {
    /// The grant of a client, if it has one.
    pub(super) fn of(client: &Client, audience: &str) -> Option<Self> {
        if client.management_scopes.is_empty() {
            return None;
        }
        Some(Self {
            id: format!("{PREFIX}{}", client.id),
            client_id: client.id.clone(),
            audience: audience.to_owned(),
            scope: client.management_scopes.clone(),
            subject_type: "client",
        })
    }
}

/// The client whose grant has this id.
pub(super) fn client_of(id: &str) -> Result<ClientId, ApiError> {
    let client = id.strip_prefix(PREFIX).and_then(|id| id.parse().ok());
    client.ok_or(NO_GRANT)
}
