//! `/api/v2/actions`: Actions, their versions, what is bound, and what runs left.
//!
//! An `{id}` may be an Action's name as well. What is changed here counts from the next login on.
//! An Action is built when it is stored, so nothing here waits for a build. A server without the
//! feature `actions` answers 501 to all of it. The rules are `login/actions/keep`'.

mod change;
mod create;
mod delete;
mod deploy;
mod executions;
mod get;
mod list;
mod refusals;
mod test;
mod triggers;
mod update;
mod versions;
mod wire;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};

pub use test::TrialBody;
pub use wire::{
    ActionBody, ExecutionBody, VersionBody, action_bodies, action_body, version_bodies,
};

use crate::http::AppState;
use crate::http::api_error::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn router() -> OpenApiRouter<AppState> {
    let routes = OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(get::handle, update::handle, delete::handle))
        .routes(routes!(deploy::handle))
        .routes(routes!(test::handle))
        .merge(versions::router())
        .merge(triggers::router())
        .merge(executions::router());
    if cfg!(feature = "actions") {
        routes
    } else {
        routes.route_layer(from_fn(without_engine))
    }
}

/// What a server says that could store Actions and never run one.
async fn without_engine(_request: Request, _next: Next) -> Response {
    ApiError::NotImplemented(
        "This server was built without Actions: build it with the feature \"actions\".",
    )
    .into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;
    use axum::Router;
    use axum::routing::get;

    #[tokio::test]
    async fn a_server_without_actions_says_so() {
        let app: Router = Router::new()
            .route("/", get(|| async { "an Action" }))
            .route_layer(from_fn(without_engine));
        let request = Request::get("/").body(Body::empty()).unwrap();
        let answer = app.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_IMPLEMENTED);
    }
}
