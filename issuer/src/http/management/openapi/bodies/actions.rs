//! Actions and what runs at each login.

#![expect(dead_code, reason = "fields are read by the description alone")]

use utoipa::ToSchema;

use super::Object;

/// An Action to be made.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "device-name", "supported_triggers": [{"id": "post-login", "version": "v3"}],
    "code": "exports.onExecutePostLogin = async (event, api) => {};",
}))]
pub(in crate::http::management) struct NewAction {
    name: String,
    #[schema(min_items = 1, max_items = 1)]
    supported_triggers: Vec<Object>,
    #[schema(nullable = false)]
    code: Option<String>,
    runtime: Option<String>,
    #[schema(nullable = false)]
    secrets: Option<Vec<ActionSecret>>,
    /// Whether to make a version of it at once.
    #[schema(nullable = false)]
    deploy: Option<bool>,
}

/// Changes of an Action's draft.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::management) struct ActionChange {
    #[schema(nullable = false)]
    name: Option<String>,
    #[schema(nullable = false)]
    code: Option<String>,
    runtime: Option<String>,
    /// All of them: one that is missing is removed.
    #[schema(nullable = false)]
    secrets: Option<Vec<ActionSecret>>,
}

/// A secret of an Action.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct ActionSecret {
    name: String,
    /// Without it the value stays.
    value: Option<String>,
}

/// The event on which an Action is tried.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"payload": {"user": {"user_id": "auth0|7"}}}))]
pub(in crate::http::management) struct Trial {
    payload: Object,
}

/// What runs at each login, in this order.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"bindings": []}))]
pub(in crate::http::management) struct Bindings {
    bindings: Vec<Binding>,
}

/// An Action that runs.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::management) struct Binding {
    r#ref: BindingRef,
    display_name: Option<String>,
}

/// How an Action is named.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct BindingRef {
    /// `action_id`, `action_name` or `binding_id`.
    r#type: String,
    value: String,
}
