//! The Management API as one of the APIs that tokens are made for.

use logout_shared::SigningAlgorithm;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::management_scope;
use crate::domain::signing_key::TOKENS_LIVE_AT_MOST;
use crate::http::management::derived_id;
use crate::issuer::Issuer;
use crate::login::access_token::management_audience;

/// The JSON form of a resource server.
///
/// A caller may want some members only, so none is certain to be there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResourceServer)]
pub(in crate::http::management) struct ResourceServerBody {
    #[schema(required = false)]
    pub(super) id: String,
    #[schema(required = false)]
    pub(super) identifier: String,
    #[schema(required = false)]
    name: &'static str,
    #[schema(required = false)]
    is_system: bool,
    #[schema(required = false)]
    scopes: Vec<Scope>,
    #[schema(required = false, value_type = String)]
    signing_alg: SigningAlgorithm,
    #[schema(required = false)]
    token_lifetime: u64,
    #[schema(required = false)]
    allow_offline_access: bool,
    #[schema(required = false)]
    skip_consent_for_verifiable_first_party_clients: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiScope)]
struct Scope {
    value: &'static str,
    description: String,
}

impl ResourceServerBody {
    /// The one that there is.
    pub(super) fn of(issuer: &Issuer) -> Self {
        let identifier = management_audience(issuer.id());
        let scopes = management_scope::ALL.into_iter().map(|value| Scope {
            value,
            description: description(value),
        });
        Self {
            id: derived_id("", &identifier),
            identifier,
            name: "Management API",
            is_system: true,
            scopes: scopes.collect(),
            signing_alg: SigningAlgorithm::Rs256,
            token_lifetime: TOKENS_LIVE_AT_MOST.as_secs(),
            allow_offline_access: false,
            skip_consent_for_verifiable_first_party_clients: false,
        }
    }
}

/// `read:signing_keys` in words.
fn description(scope: &str) -> String {
    let words = scope.replace([':', '_'], " ");
    let (first, rest) = words.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}
