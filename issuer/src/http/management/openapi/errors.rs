//! What every call can be refused with.

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{PartialSchema as _, ToSchema as _};

use crate::http::api_error::ErrorBody;

/// A status, what it means, and whether an operation can have it.
type Refusal = (&'static str, &'static str, fn(&Operation) -> bool);

const REFUSALS: [Refusal; 8] = [
    ("400", "Something in the request breaks a rule.", |it| {
        it.request_body.is_some() || has_parameters(it, &ParameterIn::Query)
    }),
    ("401", "There is no token, or it is worth nothing.", |_| {
        true
    }),
    ("403", "The token lacks the scope.", |_| true),
    ("404", "There is nothing with the id in the path.", |it| {
        has_parameters(it, &ParameterIn::Path)
    }),
    ("413", "The body is too large.", |it| {
        it.request_body.is_some()
    }),
    ("415", "The body is not of a type that is read.", |it| {
        it.request_body.is_some()
    }),
    ("429", "There were too many calls.", |_| true),
    ("500", "The server failed; its log says why.", |_| true),
];

/// Adds to each operation what it can be refused with.
pub(super) fn add(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let each = [
            &mut item.get,
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in each.into_iter().flatten() {
            for (status, text, can_be) in REFUSALS {
                if can_be(operation) {
                    let refusal = || RefOr::T(refusal(text));
                    let responses = &mut operation.responses.responses;
                    responses.entry(status.to_owned()).or_insert_with(refusal);
                }
            }
        }
    }
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .insert(ErrorBody::name().into_owned(), ErrorBody::schema());
}

fn refusal(text: &str) -> Response {
    let schema = Ref::from_schema_name(ErrorBody::name());
    ResponseBuilder::new()
        .description(text)
        .content("application/json", Content::new(Some(RefOr::Ref(schema))))
        .build()
}

fn has_parameters(operation: &Operation, place: &ParameterIn) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters.into_iter().any(|one| match one {
        RefOr::T(one) => one.parameter_in == *place,
        RefOr::Ref(_) => false,
    })
}
