//! The one cookie of the login: the browser's handle on its session.
//!
//! The handle is a secret of the browser's own, never the `sid`, which every app knows. On https
//! the name has the prefix `__Host-`, so that no neighbouring domain and no plain connection can
//! plant one; on http, which only development uses, it carries the port, because cookies do not
//! keep ports apart.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use logout_shared::{Issuer, Secret, Timestamp};

use crate::domain::session::{CookieMode, Session};

/// The handle that a browser sent, if it sent exactly one.
pub(super) fn handle(headers: &HeaderMap, issuer: &Issuer) -> Option<Secret<String>> {
    let name = name(issuer);
    let lines = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let mut found = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    let handle = found.next().filter(|value| !value.is_empty())?;
    // A second one was planted by somebody; which is which cannot be told.
    if found.next().is_some() {
        return None;
    }
    Some(Secret::new(handle.to_owned()))
}

/// Gives a browser its handle.
pub(super) fn set_handle(
    issuer: &Issuer,
    handle: &Secret<String>,
    session: &Session,
    now: Timestamp,
) -> HeaderValue {
    let lifetime = match session.cookie_mode {
        CookieMode::Persistent => {
            let secs = session.expires_at.saturating_since(now).as_secs();
            format!("; Max-Age={secs}")
        }
        CookieMode::NonPersistent => String::new(),
    };
    cookie(issuer, handle.expose(), &lifetime)
}

/// Takes a browser's handle away.
pub(super) fn clear_handle(issuer: &Issuer) -> HeaderValue {
    cookie(issuer, "", "; Max-Age=0")
}

fn cookie(issuer: &Issuer, value: &str, lifetime: &str) -> HeaderValue {
    let secure = if is_https(issuer) { "; Secure" } else { "" };
    let name = name(issuer);
    // Lax: a link from an app must find the session, a form on a foreign page must not.
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{lifetime}");
    let mut header = HeaderValue::from_str(&cookie).expect("all parts are printable ASCII");
    header.set_sensitive(true);
    header
}

fn name(issuer: &Issuer) -> String {
    if is_https(issuer) {
        return "__Host-issuer".to_owned();
    }
    format!(
        "issuer-{}",
        issuer.url().port_or_known_default().unwrap_or_default()
    )
}

fn is_https(issuer: &Issuer) -> bool {
    issuer.url().scheme() == "https"
}

#[cfg(test)]
mod tests {
    use logout_shared::SessionId;

    use super::*;
    use crate::domain::session::{AuthenticationMethod, Device, SessionLifetimes};

    fn issuer(text: &str) -> Issuer {
        text.parse().expect("an issuer")
    }

    fn session(cookie_mode: CookieMode) -> Session {
        Session::start(
            SessionId::try_from("s1").expect("an id"),
            "u1".parse().expect("a subject"),
            Device::default(),
            AuthenticationMethod::password(Timestamp::from_secs(0)),
            &SessionLifetimes {
                cookie_mode,
                ..SessionLifetimes::default()
            },
        )
    }

    fn sent(lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, line.parse().expect("a header value"));
        }
        headers
    }

    #[test]
    fn on_https_the_cookie_is_bound_to_the_host() {
        let handle = Secret::new(String::from("h"));
        let now = Timestamp::from_secs(3_600);
        let issuer = issuer("https://id.example/tenant/");
        let cookie = set_handle(&issuer, &handle, &session(CookieMode::Persistent), now);
        assert_eq!(
            cookie.to_str().expect("text"),
            "__Host-issuer=h; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=601200"
        );
    }

    #[test]
    fn on_http_the_name_carries_the_port() {
        let handle = Secret::new(String::from("h"));
        let issuer = issuer("http://127.0.0.1:8080/");
        let session = session(CookieMode::NonPersistent);
        let cookie = set_handle(&issuer, &handle, &session, Timestamp::from_secs(0));
        assert_eq!(
            cookie.to_str().expect("text"),
            "issuer-8080=h; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn a_handle_is_found_among_other_cookies_but_not_if_there_are_two() {
        let issuer = issuer("http://127.0.0.1:8080/");
        let found = handle(&sent(&["a=b; issuer-8080=h1", "issuer-8081=h2"]), &issuer);
        assert_eq!(found.expect("one").expose(), "h1");
        assert!(handle(&sent(&["issuer-8080=h1; issuer-8080=h2"]), &issuer).is_none());
        assert!(handle(&sent(&["issuer-8080="]), &issuer).is_none());
        assert!(handle(&sent(&[]), &issuer).is_none());
    }
}
