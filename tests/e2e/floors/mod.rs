//! The house keeps its floors: a file uses only what lies below it.
//!
//! Reads the sources of the three libraries and fails with the offending line. Three kinds of
//! rule: rooms of the issuer by floor ([`FLOORS`]), foreign crates by their one door ([`DOORS`]),
//! and the form of a file. Unit tests inside the sources are not held to the first two.
//! Relies on [`source`] to find the paths that a file names.

mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::{Reference, Source};

/// Rooms of the issuer, lowest first. Rooms of one line never use each other, but for [`FACE`].
const FLOORS: &[&[&str]] = &[
    &["domain", "telemetry"],
    &["storage", "actions", "egress"],
    &["keyring"],
    &["logout", "delivery", "key_rotation"],
    // `login` goes through them to `logout`, the one sideways step.
    &["accounts", "issuer", "sessions", "enlisted"],
    &["login", "registration"],
    &["http"],
    &["config"],
    &["bootstrap"],
    &["server"],
    &["cli"],
    &["main"],
];

/// What a program that embeds the issuer holds: one room in several files.
const FACE: &[&str] = &["accounts", "issuer", "sessions", "enlisted"];

/// Where a foreign crate may be named: by the beginnings of paths.
const DOORS: &[(&str, &[&str])] = &[
    ("anyhow", &["issuer/src/main.rs", "issuer/src/cli/"]),
    ("argon2", &["issuer/src/login/password"]),
    ("askama", &["issuer/src/http/"]),
    (
        "axum",
        &[
            "issuer/src/http/",
            "issuer/src/server",
            "receiver/src/http/",
        ],
    ),
    ("clap", &["issuer/src/main.rs", "issuer/src/cli/"]),
    ("figment", &["issuer/src/config/"]),
    ("governor", &["issuer/src/http/rate_limit.rs"]),
    ("josekit", &["shared/src/jw", "shared/src/seal.rs"]),
    ("logout_issuer", &["issuer/src/main.rs"]),
    ("logout_receiver", &[]),
    (
        "metrics",
        &["issuer/src/telemetry.rs", "receiver/src/telemetry.rs"],
    ),
    (
        "metrics_exporter_prometheus",
        &["issuer/src/http/metrics.rs"],
    ),
    ("openssl", &["shared/src/jw"]),
    ("rcgen", &["issuer/src/server/tls/"]),
    (
        "redis",
        &[
            "receiver/src/redis_connection.rs",
            "receiver/src/replay/redis",
            "receiver/src/session_index/redis",
        ],
    ),
    (
        "reqwest",
        &["issuer/src/egress/", "receiver/src/jwks/fetch.rs"],
    ),
    ("rquickjs", &["issuer/src/actions/"]),
    ("rsa", &["shared/src/jw"]),
    ("rustix", &["issuer/src/actions/"]),
    (
        "sqlx",
        &["issuer/src/storage/", "receiver/src/session_index/"],
    ),
    ("tokio_rustls", &["issuer/src/server/"]),
    ("x509_cert", &["issuer/src/server/tls/"]),
];

/// The most lines a file may have without its tests. The house style says 300; this is the wall.
const MAX_LINES: usize = 400;

/// Names that say nothing about what is in the file.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "common", "types", "misc"];

#[test]
fn every_file_uses_only_lower_floors() {
    let exports = Source::read(&root().join("issuer/src/lib.rs")).exports();
    let broken: Vec<String> = sources(&["issuer"])
        .flat_map(|source| climbs(&source, &exports))
        .collect();
    assert_none(&broken);
}

#[test]
fn foreign_crates_are_named_only_behind_their_door() {
    let broken: Vec<String> = sources(&["shared", "issuer", "receiver"])
        .flat_map(|source| smuggled(&source))
        .collect();
    assert_none(&broken);
}

#[test]
fn every_file_has_a_head_a_speaking_name_and_a_bounded_length() {
    let broken: Vec<String> = sources(&["shared", "issuer", "receiver", "tests"])
        .flat_map(|source| shapeless(&source))
        .collect();
    assert_none(&broken);
}

#[test]
fn issuer_and_receiver_do_not_depend_on_each_other() {
    for (package, other) in [
        ("issuer", "logout-receiver"),
        ("receiver", "logout-issuer"),
        ("shared", "logout-issuer"),
        ("shared", "logout-receiver"),
    ] {
        let manifest = root().join(package).join("Cargo.toml");
        let manifest = fs::read_to_string(&manifest).expect("a manifest is readable");
        assert!(
            !depends_on(&manifest, other),
            "{package} depends on {other}"
        );
    }
}

/// Uses of a room that is not below the file's own.
fn climbs(source: &Source, exports: &[(String, String)]) -> Vec<String> {
    let Some(own) = source.room() else {
        return Vec::new();
    };
    let Some(own_floor) = floor(&own) else {
        return vec![format!(
            "{}: the room `{own}` has no floor; give it one in tests/e2e/floors",
            source.path
        )];
    };
    let mut broken = Vec::new();
    for reference in source.references() {
        let Reference::Ours { name, line } = reference else {
            continue;
        };
        let room = exports
            .iter()
            .find_map(|(export, room)| (*export == name).then_some(room.as_str()))
            .unwrap_or(&name);
        let Some(other_floor) = floor(room) else {
            continue;
        };
        let within_face = FACE.contains(&room) && FACE.contains(&own.as_str());
        if room != own && other_floor >= own_floor && !within_face {
            broken.push(format!(
                "{}:{line}: `{own}` uses `{room}`: {}",
                source.path,
                source.line(line)
            ));
        }
    }
    broken
}

/// Foreign crates named where they have no door.
fn smuggled(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    for reference in source.references() {
        let Reference::Foreign { name, line } = reference else {
            continue;
        };
        let Some((_, doors)) = DOORS.iter().find(|(foreign, _)| *foreign == name) else {
            continue;
        };
        if !doors.iter().any(|door| source.path.starts_with(door)) {
            broken.push(format!(
                "{}:{line}: `{name}` has no door here: {}",
                source.path,
                source.line(line)
            ));
        }
    }
    broken
}

/// What is wrong with the form of a file.
fn shapeless(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    if !source.text.starts_with("//!") {
        broken.push(format!(
            "{}:1: has no head: begin with `//!` what this room is for",
            source.path
        ));
    }
    let lines = source.lines_without_tests();
    if lines > MAX_LINES {
        broken.push(format!(
            "{}: {lines} lines without tests, at most {MAX_LINES}: split it",
            source.path
        ));
    }
    let name = Path::new(&source.path)
        .file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if EMPTY_NAMES.contains(&name) {
        broken.push(format!(
            "{}: `{name}` does not say what is inside",
            source.path
        ));
    }
    broken
}

/// The floor of a room, counted from below; `None` for what is no room.
fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Whether the manifest's own dependencies, not those of its tests, name a package.
fn depends_on(manifest: &str, package: &str) -> bool {
    let mut counts = false;
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            counts =
                section.starts_with("dependencies") || section.starts_with("build-dependencies");
        } else if counts && line.split([' ', '.', '=']).next() == Some(package) {
            return true;
        }
    }
    false
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The sources under `src` of the named packages.
fn sources(packages: &[&str]) -> impl Iterator<Item = Source> {
    let mut paths = Vec::new();
    for package in packages {
        let before = paths.len();
        collect(&root().join(package).join("src"), &mut paths);
        assert!(paths.len() > before, "no sources found in {package}");
    }
    paths.sort();
    paths.into_iter().map(|path| Source::read(&path))
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder is readable") {
        let path = entry.expect("an entry is readable").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

/// The rules on sources made to break them: a check that cannot fail checks nothing.
mod can_fail {
    use super::*;

    fn climb(path: &str, text: &str) -> Vec<String> {
        climbs(
            &Source::new(path, text),
            &[("Issuer".into(), "issuer".into())],
        )
    }

    #[test]
    fn a_lower_room_that_uses_a_higher_one_is_told_with_its_line() {
        let found = climb(
            "issuer/src/domain/session.rs",
            "//! Head.\nuse crate::http::oidc::Thing;\n",
        );
        assert_eq!(
            found,
            ["issuer/src/domain/session.rs:2: `domain` uses `http`: use crate::http::oidc::Thing;"]
        );
    }

    #[test]
    fn logout_and_delivery_may_not_use_each_other() {
        assert_eq!(
            climb("issuer/src/logout/mod.rs", "use crate::delivery::mint::x;").len(),
            1
        );
        assert_eq!(
            climb("issuer/src/delivery/mint.rs", "use crate::logout::fan_out;").len(),
            1
        );
    }

    #[test]
    fn the_way_does_not_matter() {
        let path = "issuer/src/storage/mod.rs";
        for text in [
            "use crate::{domain::Session, login::Token};",
            "use crate::{\n    domain::Session,\n    login::{self, Token},\n};",
            "use super::login::Token;",
            "fn f() { let token = crate::login::Token::new(); }",
            "use crate::Issuer;",
            "pub(in crate::http) fn f() {}",
        ] {
            assert_eq!(climb(path, text).len(), 1, "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_not_told() {
        for (path, text) in [
            (
                "issuer/src/login/sign_in.rs",
                "use crate::logout::end_session;",
            ),
            (
                "issuer/src/http/mod.rs",
                "use crate::login; use crate::Issuer;",
            ),
            (
                "issuer/src/delivery/worker.rs",
                "use super::attempt; use crate::delivery::mint;",
            ),
            (
                "issuer/src/domain/user.rs",
                "// use crate::http\nconst A: &str = \"crate::http\";",
            ),
            (
                "issuer/src/domain/user.rs",
                "#[cfg(test)]\nmod tests {\n    use crate::http::x;\n}",
            ),
        ] {
            assert_eq!(climb(path, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_room_without_a_floor_is_told() {
        assert_eq!(climb("issuer/src/attic/mod.rs", "").len(), 1);
    }

    #[test]
    fn a_foreign_crate_outside_its_door_is_told() {
        let told = |path: &str, text: &str| smuggled(&Source::new(path, text)).len();
        assert_eq!(told("receiver/src/verifier.rs", "use josekit::jws;"), 1);
        assert_eq!(
            told("issuer/src/login/mod.rs", "fn f() { sqlx::query(\"\"); }"),
            1
        );
        assert_eq!(
            told(
                "issuer/src/http/mod.rs",
                "use {axum::Router, reqwest::Client};"
            ),
            1
        );
        assert_eq!(told("receiver/src/lib.rs", "use logout_issuer::Issuer;"), 1);
        assert_eq!(told("issuer/src/egress/mod.rs", "use reqwest::Client;"), 0);
        assert_eq!(
            told(
                "issuer/src/login/mod.rs",
                "let rsa = self::rsa::x(); a.sqlx();"
            ),
            0
        );
    }

    #[test]
    fn the_form_of_a_file_is_held() {
        let told = |path: &str, text: &str| shapeless(&Source::new(path, text)).len();
        assert_eq!(told("shared/src/id.rs", "//! Head.\n"), 0);
        assert_eq!(told("shared/src/id.rs", "use std::fmt;\n"), 1);
        assert_eq!(told("shared/src/utils.rs", "//! Head.\n"), 1);
        let long = "//! Head.\n".repeat(MAX_LINES + 1);
        assert_eq!(told("shared/src/id.rs", &long), 1);
        let tests = format!(
            "//! Head.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
            "\n".repeat(MAX_LINES)
        );
        assert_eq!(told("shared/src/id.rs", &tests), 0);
    }

    #[test]
    fn a_dependency_of_the_library_is_told_and_one_of_its_tests_is_not() {
        assert!(depends_on(
            "[dependencies]\nlogout-issuer.workspace = true\n",
            "logout-issuer"
        ));
        assert!(depends_on(
            "[dependencies]\nlogout-issuer = { path = \"x\" }\n",
            "logout-issuer"
        ));
        assert!(!depends_on(
            "[dev-dependencies]\nlogout-issuer.workspace = true\n",
            "logout-issuer"
        ));
    }
}
