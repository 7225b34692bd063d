//! Parameters that several calls have in common.

#![expect(dead_code, reason = "fields are read by the description alone")]

use utoipa::IntoParams;

/// Pages by number.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http::management) struct Numbered {
    /// Which page, counted from 0.
    page: Option<u32>,
    /// How many a page has.
    #[param(maximum = 100)]
    per_page: Option<u32>,
    /// Whether the answer is an object with the total.
    include_totals: Option<bool>,
}

/// Pages by number, in an object.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http::management) struct Pages {
    /// Which page, counted from 0.
    page: Option<u32>,
    /// How many a page has; 20 without it.
    #[param(maximum = 100)]
    per_page: Option<u32>,
}

/// Pages by the place where the one before ended.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http::management) struct Cursor {
    /// The `next` of the page before.
    from: Option<String>,
    /// How many a page has; 50 without it.
    #[param(minimum = 1, maximum = 100)]
    take: Option<u32>,
}

/// Which members of a record are wanted.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::http::management) struct Selected {
    /// Names with commas between them.
    fields: Option<String>,
    /// `false`: all but those.
    include_fields: Option<bool>,
}
