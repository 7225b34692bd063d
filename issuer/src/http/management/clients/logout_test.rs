//! `POST /api/v2/clients/{id}/logout-test`: sends a harmless logout token to each URL of a client
//! and says what it answered and what that means.
//!
//! A client is tested once in five seconds, and no more than twenty clients in that time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use logout_shared::{ClientId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::client_id;
use crate::delivery::{Means, meaning, test_client};
use crate::domain::delivery::{Attempt, AttemptError};
use crate::domain::logout_settings::LogoutUrl;
use crate::http::api_error::{ApiError, ErrorBody};
use crate::http::bearer::Bearer;
use crate::http::management::audit::Call;
use crate::http::management::query::Id;
use crate::issuer::Issuer;

/// How long a client is left alone after a test.
const REST: Duration = Duration::from_secs(5);

/// How many clients are tested within that time.
const MAX_AT_ONCE: usize = 20;

/// When clients were tested, as far as it still counts.
#[derive(Debug, Clone, Default)]
pub(in crate::http) struct Tested(Arc<Mutex<HashMap<ClientId, Timestamp>>>);

impl Tested {
    /// Takes a client's turn, if it has one.
    fn take(&self, client: &ClientId, now: Timestamp) -> Result<(), ApiError> {
        let mut tested = self
            .0
            .lock()
            .expect("no code panics while it holds this lock");
        tested.retain(|_, at| *at + REST > now);
        if tested.contains_key(client) || tested.len() >= MAX_AT_ONCE {
            return Err(ApiError::TooManyRequests(REST));
        }
        tested.insert(client.clone(), now);
        Ok(())
    }
}

/// What came of the tests.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogoutTestResults)]
pub(super) struct Results {
    results: Vec<TestResult>,
}

#[derive(Debug, Serialize, ToSchema)]
struct TestResult {
    #[schema(value_type = String)]
    url: LogoutUrl,
    heard: bool,
    status: Option<u16>,
    #[schema(value_type = Option<String>)]
    error: Option<AttemptError>,
    duration_ms: u64,
    oauth_error: Option<String>,
    oauth_error_description: Option<String>,
    jti: String,
    meaning: &'static str,
}

#[utoipa::path(
    post,
    path = "/clients/{id}/logout-test",
    operation_id = "test_client_logout",
    tag = "clients",
    summary = "Sends a harmless logout token to each URL of a client",
    params(
        ("id" = String, Path, description = "The client"),
    ),
    responses(
        (status = 200, description = "Done.", body = Results),
        (status = 409, description = "The client has no URL to be told at.", body = ErrorBody),
    ),
    security(("bearer" = ["update:logout_deliveries"])),
)]
pub(super) async fn handle(
    bearer: Bearer,
    State(issuer): State<Issuer>,
    State(tested): State<Tested>,
    Id(id): Id,
    call: Call,
) -> Result<Json<Results>, ApiError> {
    bearer.require("update:logout_deliveries")?;
    let (id, now) = (client_id(&id)?, issuer.now());
    let client = issuer.store().read().await?.find_client(&id).await?;
    let client = client.ok_or(ApiError::ClientNotFound)?;
    if client
        .logout
        .as_ref()
        .is_none_or(|logout| logout.urls.is_empty())
    {
        return Err(ApiError::Conflict(
            "The client has no back-channel logout URL.",
        ));
    }
    tested.take(&id, now)?;
    let what = "Send a test logout token";
    let event = call.changed(&bearer, what, (StatusCode::OK, Vec::new()), now);
    let written = issuer.store().write::<_, ApiError, _>(move |tx| {
        Box::pin(async move { Ok(tx.append_events(&[event]).await?) })
    });
    written.await?;
    let means = Means {
        issuer: issuer.id(),
        keys: issuer.keys(),
        encrypter: issuer.encrypter(),
        sender: issuer.egress(),
    };
    let attempts = test_client(&client, means, now, &**issuer.random()).await;
    let attempts = attempts.map_err(ApiError::internal)?;
    let results = attempts.into_iter().map(TestResult::new).collect();
    Ok(Json(Results { results }))
}

impl TestResult {
    fn new(test: Attempt) -> Self {
        Self {
            meaning: meaning(&test),
            heard: test
                .status
                .is_some_and(|status| (200..300).contains(&status)),
            url: test.url,
            status: test.status,
            error: test.error,
            duration_ms: u64::try_from(test.duration.as_millis()).unwrap_or(u64::MAX),
            oauth_error: test.oauth_error,
            oauth_error_description: test.oauth_error_description,
            jti: test.jti.as_str().to_owned(),
        }
    }
}
