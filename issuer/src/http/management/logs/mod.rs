//! `/api/v2/logs`: the event log, searched or read on from a record.

mod get;
mod list;
mod of_user;
mod search;
mod wire;

pub use search::{LogSearchError, read_search};
pub use wire::LogBody;

use crate::http::AppState;
use crate::http::api_error::ApiError;
use crate::http::bearer::Bearer;
use crate::storage::search::{Condition, TextTest};
use crate::storage::{EventField, EventTest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list::handle))
        .routes(routes!(get::handle))
        .routes(routes!(of_user::handle))
}

/// Which records a caller may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// All of them.
    Everything,
    /// Those that are about a user.
    Users,
}

impl Sight {
    fn of(bearer: &Bearer) -> Result<Self, ApiError> {
        bearer.require_any(&["read:logs", "read:logs_users"])?;
        Ok(if bearer.has("read:logs") {
            Self::Everything
        } else {
            Self::Users
        })
    }

    /// What a caller may read of what is meant.
    fn limit(self, condition: Condition<EventTest>) -> Condition<EventTest> {
        match self {
            Self::Everything => condition,
            Self::Users => {
                let has_user = EventTest::Text(EventField::User, TextTest::Present);
                condition.and(Condition::Test(has_user))
            }
        }
    }
}
