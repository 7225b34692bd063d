//! The parameters in the query and the path of a call.
//!
//! Where Auth0 has the endpoint too, parameters that it does not know are ignored: callers add
//! their own to what their SDK sends. Endpoints of our own refuse them ([`Query::only`]), since a
//! misspelt filter would find everything. Those known are checked, and a wrong one is told by
//! name. Of a parameter that comes more than once the first counts.

use std::collections::HashMap;
use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::http::api_error::{ApiError, Invalid, Place};

/// How many records a page has unless the caller says otherwise.
const DEFAULT_PAGE: u32 = 50;

/// What a parameter that is a time must be.
pub(super) const A_TIME: &str = "a time such as 2026-11-23T06:00:00Z";

/// How many records a page has at most.
const MAX_PAGE: u32 = 100;

/// The query's parameters.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(HashMap<String, String>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Query {
    fn parse(query: &str) -> Self {
        let mut parameters = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            parameters
                .entry(name.into_owned())
                .or_insert_with(|| value.into_owned());
        }
        Self(parameters)
    }

    /// Refuses parameters other than these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ApiError> {
        let unknown = self.0.keys().filter(|name| !known.contains(&name.as_str()));
        // The lowest, so that the same query is always told the same.
        let Some(name) = unknown.min() else {
            return Ok(());
        };
        let name: String = name.chars().take(64).collect();
        let reason = format!("Additional properties not allowed: {name}");
        Err(Invalid::whole(Place::Query, reason).into())
    }

    /// A parameter that reads itself from its text.
    pub(super) fn parsed<T: FromStr>(
        &self,
        name: &str,
        wanted: &'static str,
    ) -> Result<Option<T>, ApiError> {
        let refuse = |_| self.refuse(name, wanted);
        self.text(name)
            .map(|text| text.parse().map_err(refuse))
            .transpose()
    }

    /// A parameter that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The refusal of a parameter.
    pub(super) fn refuse(&self, name: &str, wanted: &'static str) -> ApiError {
        let value: String = self
            .text(name)
            .unwrap_or_default()
            .chars()
            .take(64)
            .collect();
        let reason = format!("{wanted} expected, found: {value}");
        Invalid::property(Place::Query, reason, name, "").into()
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(self.refuse(name, "true or false")),
        }
    }

    fn number(&self, name: &str) -> Result<Option<u32>, ApiError> {
        self.parsed(name, "a whole number from 0")
    }

    /// `take`: how many records to give after the cursor.
    pub(super) fn take(&self) -> Result<u32, ApiError> {
        match self.number("take")?.unwrap_or(DEFAULT_PAGE) {
            take @ 1..=MAX_PAGE => Ok(take),
            _ => Err(self.refuse("take", "a number from 1 to 100")),
        }
    }

    /// `page`, `per_page` and `include_totals`.
    pub(super) fn page(&self) -> Result<Page, ApiError> {
        self.page_of(DEFAULT_PAGE)
    }

    /// The same where a page has another length unless the caller says otherwise.
    pub(super) fn page_of(&self, length: u32) -> Result<Page, ApiError> {
        let per_page = self.number("per_page")?.unwrap_or(length);
        if per_page > MAX_PAGE {
            return Err(self.refuse("per_page", "a number from 0 to 100"));
        }
        let number = self.number("page")?.unwrap_or(0);
        let totals = self.flag("include_totals")?.unwrap_or(false);
        // A page past the last number is as empty as any page past the end.
        Ok(Page {
            number,
            start: number.saturating_mul(per_page),
            limit: per_page,
            totals,
        })
    }

    /// `fields` and `include_fields`.
    pub(super) fn fields(&self) -> Result<Fields, ApiError> {
        let include = self.flag("include_fields")?.unwrap_or(true);
        let names = self.text("fields").map(|text| {
            let names = text
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        });
        Ok(Fields { names, include })
    }
}

/// One page of a list that is paged by numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// Which one, counted from 0.
    pub(super) number: u32,
    /// How many records come before it.
    pub(super) start: u32,
    /// How many it has at most.
    pub(super) limit: u32,
    /// Whether it is told how many there are in all.
    pub(super) totals: bool,
}

impl Page {
    /// The part of a whole list that is on this page.
    pub(super) fn of<T>(&self, all: Vec<T>) -> Vec<T> {
        let items = all.into_iter().skip(self.start as usize);
        items.take(self.limit as usize).collect()
    }
}

/// Which fields of a record the caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    names: Option<Vec<String>>,
    include: bool,
}

impl Fields {
    /// Leaves in a record what the caller wants.
    pub(super) fn select(&self, record: &mut serde_json::Map<String, serde_json::Value>) {
        if let Some(names) = &self.names {
            record.retain(|field, _| names.contains(field) == self.include);
        }
    }
}

/// The one id in the path.
#[derive(Debug, Clone)]
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(id))
            .map_err(|_| Invalid::property(Place::Path, "The path is not UTF-8", "id", "").into())
    }
}

/// The two ids in the path, the outer one first.
#[derive(Debug, Clone)]
pub(super) struct Ids(pub(super) String, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        path.map(|Path((outer, inner))| Self(outer, inner))
            .map_err(|_| Invalid::property(Place::Path, "The path is not UTF-8", "id", "").into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pages_hold_at_the_ends_of_their_ranges() {
        for (query, good) in [
            ("per_page=0", true),
            ("per_page=100", true),
            ("per_page=101", false),
            ("page=-1", false),
            ("page=x", false),
            ("page=4294967295&per_page=100", true),
            ("include_totals=yes", false),
        ] {
            assert_eq!(Query::parse(query).page().is_ok(), good, "{query}");
        }
        for (query, good) in [
            ("take=0", false),
            ("take=1", true),
            ("take=100", true),
            ("take=101", false),
        ] {
            assert_eq!(Query::parse(query).take().is_ok(), good, "{query}");
        }
    }

    #[test]
    fn without_parameters_a_page_has_fifty() {
        let page = Query::parse("").page().unwrap();
        assert_eq!(
            page,
            Page {
                number: 0,
                start: 0,
                limit: 50,
                totals: false
            }
        );
        assert_eq!(Query::parse("page=2&per_page=10").page().unwrap().start, 20);
    }

    #[test]
    fn a_wrong_parameter_is_told_by_name() {
        let text = Query::parse("take=1000").take().unwrap_err().to_string();
        let wanted = "Query validation error: 'a number from 1 to 100 expected, found: 1000' \
                      on property take.";
        assert_eq!(text, wanted);
    }

    #[test]
    fn fields_are_kept_or_left_out() {
        let selected = |query: &str| {
            let mut record = json!({"a": 1, "b": 2, "c": 3});
            Query::parse(query)
                .fields()
                .unwrap()
                .select(record.as_object_mut().unwrap());
            record
        };
        assert_eq!(selected("fields=a,%20b,x"), json!({"a": 1, "b": 2}));
        assert_eq!(
            selected("fields=a&include_fields=false"),
            json!({"b": 2, "c": 3})
        );
        assert_eq!(
            selected("include_fields=false"),
            json!({"a": 1, "b": 2, "c": 3})
        );
    }
}
