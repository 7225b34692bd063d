//! The pages, small enough to write by hand. Everything that comes from outside is escaped.

use super::sessions::Session;

/// Nobody is signed in.
pub(crate) fn nobody(issuer: &str) -> String {
    page(
        "Not signed in",
        &format!(
            "<p>Nobody is signed in here.</p>\
             <p class=quiet>Sign-in happens at <b>{}</b>.</p>\
             <p><a class=button href=/login>Sign in</a></p>",
            escape(issuer)
        ),
    )
}

/// Somebody is.
pub(crate) fn signed_in(session: &Session) -> String {
    let claims = session.tokens.as_ref().map(|(claims, _)| claims);
    let name = ["name", "email", "preferred_username"]
        .iter()
        .find_map(|name| claims?.get(name)?.as_str())
        .unwrap_or(&session.sub);
    page(
        "Signed in",
        &format!(
            "<p>Signed in as <b>{}</b>.</p><dl>{}{}</dl>\
             <p><a href=/protected>The protected page</a> · <a href=/session>This session as JSON</a></p>\
             <form method=post action=/sign-out><button>Sign out</button></form>",
            escape(name),
            row("User", &session.sub),
            row(
                "Session",
                session
                    .sid
                    .as_deref()
                    .unwrap_or("not named by the provider")
            ),
        ),
    )
}

/// Somebody was, until a logout came.
pub(crate) fn signed_out(session: &Session) -> String {
    let ended = session.ended.as_ref();
    let why = match ended.map(|ended| ended.by) {
        Some("backchannel-logout") => "The provider ended this session.",
        _ => "You have signed out.",
    };
    let metadata = ended.and_then(|ended| ended.metadata.as_object());
    let rows: String = metadata
        .into_iter()
        .flatten()
        .map(|(key, value)| row(key, value.as_str().unwrap_or_default()))
        .collect();
    let details = if rows.is_empty() {
        String::new()
    } else {
        format!("<p class=quiet>What the provider told about it:</p><dl>{rows}</dl>")
    };
    page(
        "Signed out",
        &format!(
            "<p>{why}</p><dl>{}</dl>{details}<p><a class=button href=/login>Sign in again</a></p>",
            row(
                "Session",
                session
                    .sid
                    .as_deref()
                    .unwrap_or("not named by the provider")
            ),
        ),
    )
}

/// Something went wrong.
pub(crate) fn failed(what: &str) -> String {
    page(
        "That did not work",
        &format!(
            "<p class=error role=alert>{}</p>\
             <p><a class=button href=/login>Try again</a> <a href=/>Back to the start</a></p>",
            escape(what)
        ),
    )
}

/// An address that does not exist.
pub(crate) fn not_found() -> String {
    page(
        "Not found",
        "<p>There is no such page.</p><p><a href=/>Back to the start</a></p>",
    )
}

fn row(name: &str, value: &str) -> String {
    format!(
        "<div><dt>{}</dt><dd>{}</dd></div>",
        escape(name),
        escape(value)
    )
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content='width=device-width, initial-scale=1'>\
         <title>{title} · axum_app</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>"
    )
}

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--accent:#2457c5}\
body{margin:0;font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:100vh}\
main{width:min(34rem,calc(100vw - 4rem));border:1px solid var(--line);border-radius:12px;padding:1.5rem 2rem}\
h1{font-size:1.4rem;margin:.2rem 0 1rem}dl{border-top:1px solid var(--line)}\
dl div{display:flex;gap:1rem;border-bottom:1px solid var(--line);padding:.4rem 0}\
dt{flex:0 0 8rem;opacity:.7}dd{margin:0;overflow-wrap:anywhere}\
.quiet{opacity:.75}.error{border-left:4px solid #c33;padding-left:.8rem;overflow-wrap:anywhere}\
a.button,button{display:inline-block;font:inherit;color:#fff;background:var(--accent);border:0;\
border-radius:8px;padding:.5rem 1rem;text-decoration:none;cursor:pointer}\
a:focus-visible,button:focus-visible{outline:3px solid #79f;outline-offset:2px}";

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
