//! `callbacks` and `allowed_logout_urls`: where a browser may be sent.
//!
//! The addresses are compared letter by letter when a browser comes, so they are kept as written.
//! Schemes of apps (`com.example.app:/cb`) are fine; those that make a browser run what stands
//! behind them are not.

use url::Url;

use crate::http::api_error::ApiError;
use crate::http::management::property::Property;

/// The most URLs of one list.
const MAX_URLS: usize = 500;

/// The longest URL, in characters.
const MAX_CHARS: usize = 2_048;

/// Schemes that a browser acts on instead of going somewhere.
const REFUSED_SCHEMES: [&str; 7] = [
    "javascript",
    "data",
    "vbscript",
    "file",
    "blob",
    "about",
    "view-source",
];

/// Reads a list of URLs.
pub(in crate::http::management) fn read(property: &Property<'_>) -> Result<Vec<String>, ApiError> {
    property.items(MAX_URLS)?.iter().map(one).collect()
}

fn one(item: &Property<'_>) -> Result<String, ApiError> {
    let written = item.text_of(1, MAX_CHARS)?;
    // The parser strips these, which would make two texts one address.
    if written.chars().any(|c| c.is_control() || c == ' ') {
        return Err(item.refuse("URL must not have blanks or control characters"));
    }
    let url = Url::parse(written).map_err(|_| item.refuse("URL must be absolute"))?;
    // RFC 6749 §3.1.2: a redirect URI has no fragment.
    if url.fragment().is_some() {
        return Err(item.refuse("URL must not have a fragment"));
    }
    if REFUSED_SCHEMES.contains(&url.scheme()) {
        return Err(item.refuse(format!("URL must not have the scheme {}", url.scheme())));
    }
    Ok(written.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_of_sites_and_apps_are_kept_as_written() {
        let value = json!([
            "https://A.example/cb?x=1",
            "http://localhost:3000",
            "com.example.app:/cb"
        ]);
        let read = read(&Property::new("callbacks", &value, "")).unwrap();
        assert_eq!(json!(read), value);
    }

    #[test]
    fn what_is_no_address_to_go_to_is_refused() {
        for (written, reason) in [
            ("", "too short"),
            ("/cb", "absolute"),
            ("https://a.example/#x", "fragment"),
            ("JavaScript:alert(1)", "scheme javascript"),
            ("data:text/html,x", "scheme data"),
            ("https://a.example/ b", "blanks"),
            ("java\tscript:alert(1)", "blanks"),
        ] {
            let value = json!([written]);
            let error = read(&Property::new("callbacks", &value, ""))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(reason) && error.contains("callbacks[0]"),
                "{written}: {error}"
            );
        }
    }
}
