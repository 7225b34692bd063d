//! Tests of strict reading, above all that it agrees with `serde_json` where it accepts.

use proptest::prelude::*;

use super::*;

/// Both ways of reading refuse, for the same reason.
fn refused(json: impl AsRef<[u8]>) -> StrictJsonError {
    let error = parse_object(json.as_ref()).expect_err("is refused");
    let lazily = Object::parse(json.as_ref().to_vec());
    assert_eq!(
        lazily.expect_err("is refused"),
        error,
        "{}",
        String::from_utf8_lossy(json.as_ref())
    );
    error
}

fn nested(depth: usize) -> String {
    format!(
        "{{\"a\":{}{}}}",
        "[".repeat(depth - 1),
        "]".repeat(depth - 1)
    )
}

#[test]
fn members_of_the_same_name_are_refused_at_every_depth() {
    for json in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"\u0061":1,"a":2}"#,
        r#"{"a":{"b":1,"b":2}}"#,
        r#"{"a":[{"b":1},{"b":1,"c":2,"b":3}]}"#,
        r#"{"x":{"a":1},"a":2,"y":{"z":3},"a":4}"#,
    ] {
        assert_eq!(refused(json), StrictJsonError::DuplicateMember, "{json}");
    }
    assert!(parse_object(br#"{"a":{"a":1},"A":2,"b":{"a":1}}"#).is_ok());
}

#[test]
fn large_objects_are_searched_for_duplicates_too() {
    let members = |count: usize| {
        (0..count)
            .map(|n| format!("\"m{n}\":0"))
            .collect::<Vec<_>>()
    };
    for count in [15, 16, 17, 18, 5_000] {
        let distinct = members(count);
        let json = format!("{{{}}}", distinct.join(","));
        assert_eq!(
            parse_object(json.as_bytes()).map(|map| map.len()),
            Ok(count)
        );
        for again in [0, count / 2, count - 1] {
            let json = format!("{{{},\"\\u006d{again}\":0}}", distinct.join(","));
            assert_eq!(
                refused(json),
                StrictJsonError::DuplicateMember,
                "{count} {again}"
            );
        }
    }
}

#[test]
fn nesting_stops_at_the_limit() {
    assert!(parse_object(nested(MAX_DEPTH).as_bytes()).is_ok());
    for depth in [MAX_DEPTH + 1, 100_000] {
        assert_eq!(refused(nested(depth)), StrictJsonError::TooDeep);
    }
    assert_eq!(refused("{\"a\":".repeat(100_000)), StrictJsonError::TooDeep);
    assert_eq!(refused("[".repeat(100_000)), StrictJsonError::TooDeep);
}

#[test]
fn what_is_not_json_is_refused() {
    let cases: [&[u8]; 26] = [
        b"",
        b" ",
        b"{",
        b"{}x",
        b"{} {}",
        b"\xEF\xBB\xBF{}",
        b"{\"a\":\"\xFF\"}",
        b"{\"a\":\"\n\"}",
        br#"{"a":"\ud800"}"#,
        br#"{"a":"\ud800\u0061"}"#,
        br#"{"a":"\udc00\ud800"}"#,
        br#"{"a":"\u12"}"#,
        br#"{"a":"\x"}"#,
        br#"{"a":1e400}"#,
        br#"{"a":-1e400}"#,
        br#"{"a":NaN}"#,
        br#"{"a":01}"#,
        br#"{"a":-}"#,
        br#"{"a":1.}"#,
        br#"{"a":.5}"#,
        br#"{"a":1e}"#,
        br#"{"a":tru}"#,
        b"{'a':1}",
        b"{\"a\":1,}",
        b"{\"a\":[1,]}",
        b"{\"a\" 1}",
    ];
    for json in cases {
        assert_eq!(
            refused(json),
            StrictJsonError::Syntax,
            "{}",
            String::from_utf8_lossy(json)
        );
    }
    for json in ["[]", "null", "\"{}\"", "1"] {
        assert_eq!(refused(json), StrictJsonError::NotAnObject, "{json}");
    }
}

#[test]
fn members_are_read_one_by_one() {
    let json = r#" { "t" : "plain" , "e":"a\"\u00e9\ud83d\ude00", "n":-1.5e3,"o":{"t":1}, "\u006e\/":[] } "#;
    let object = Object::parse(json.into()).expect("valid");
    assert_eq!(object.text("t"), Ok(Some("plain".into())));
    assert_eq!(object.text("e"), Ok(Some("a\"é😀".into())));
    assert_eq!(object.text("absent"), Ok(None));
    assert_eq!(object.text("n"), Err(NotAString));
    assert_eq!(object.raw("o"), Some(r#"{"t":1}"#));
    assert_eq!(object.raw("n/"), Some("[]"));
    assert!(!object.contains_key("\\u006e\\/"));
    assert!(
        matches!(object.read::<f64>("n"), Some(Ok(number)) if number.total_cmp(&-1500.0).is_eq())
    );
    assert_eq!(object.get("e").and_then(Value::as_str), Some("a\"é😀"));
    assert_eq!(object.as_map().len(), 5);
}

#[test]
fn strings_of_every_length_end_where_they_end() {
    for length in 0..40 {
        for (stop, good) in [
            ("\"", true),
            ("\\n\"", true),
            ("\n\"", false),
            ("\u{1f}\"", false),
        ] {
            for filler in ["a", "é", "\u{7f}", "!"] {
                let json = format!("{{\"k\":\"{}{stop}}}", filler.repeat(length));
                assert_eq!(parse_object(json.as_bytes()).is_ok(), good, "{json}");
                assert_eq!(serde_json::from_str::<Value>(&json).is_ok(), good, "{json}");
            }
        }
    }
}

#[test]
fn debug_shows_names_and_no_values() {
    let object = Object::parse(br#"{"sub":"personal","x":["personal"]}"#.to_vec()).expect("valid");
    assert_eq!(format!("{object:?}"), r#"{"sub", "x"}"#);
}

/// Texts that are JSON, nearly JSON, or pieces of it in any order.
fn json_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "\\u",
        "0061",
        "d83d",
        "\\ude00",
        "a",
        "b",
        "\"a\"",
        "\"a\":",
        "\"b\":1",
        "-",
        "0",
        "1",
        "18446744073709551616",
        ".5",
        "e9",
        "E+400",
        "true",
        "false",
        "null",
        " ",
        "\n",
        "é",
        "\u{1}",
        "{}",
        "[]",
        "\"\"",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..20)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Has `serde_json` fail on what we fail on, but for what only we refuse.
fn check_against_serde_json(json: &str) -> Result<(), TestCaseError> {
    let ours = Object::parse(json.into()).map(|object| object.as_map().clone());
    prop_assert_eq!(&parse_object(json.as_bytes()), &ours);
    let theirs = serde_json::from_str::<Value>(json);
    match (ours, theirs) {
        (Ok(ours), theirs) => {
            prop_assert_eq!(Some(Value::Object(ours)), theirs.ok());
        }
        (Err(StrictJsonError::Syntax), theirs) => prop_assert!(theirs.is_err(), "{}", json),
        (Err(StrictJsonError::NotAnObject), theirs) => {
            prop_assert!(theirs.is_ok_and(|value| !value.is_object()), "{}", json);
        }
        (Err(_), _) => {}
    }
    Ok(())
}

proptest! {
    #[test]
    fn we_accept_no_more_than_serde_json_and_refuse_only_with_reason(json in json_like()) {
        check_against_serde_json(&json)?;
        check_against_serde_json(&format!("{{\"k\":{json}}}"))?;
    }

    #[test]
    fn whatever_serde_json_writes_reads_back(value in tree()) {
        let object = serde_json::json!({ "k": value });
        let json = object.to_string();
        prop_assert_eq!(parse_object(json.as_bytes()).map(Value::Object), Ok(object));
        let pretty = serde_json::to_string_pretty(&value).expect("writes");
        check_against_serde_json(&pretty)?;
    }
}
