//! Queries and the trees that they stand for, written as texts that are easy to compare.

use std::ops::Bound;

use super::*;

/// A tree in brackets: `all(…)`, `any(…)`, `not …`, and a term as `field=value`.
fn shown(condition: &Condition<Term>) -> String {
    let each = |conditions: &[Condition<Term>]| {
        let shown: Vec<String> = conditions.iter().map(shown).collect();
        shown.join(" ")
    };
    match condition {
        Condition::All(all) => format!("all({})", each(all)),
        Condition::Any(any) => format!("any({})", each(any)),
        Condition::Not(not) => format!("not {}", shown(not)),
        Condition::Test(Term { field, test }) => {
            let field = field.as_deref().unwrap_or_default();
            match test {
                TextTest::Is(text) => format!("{field}={text}"),
                TextTest::Like(pieces) => format!("{field}~{}", pieces.join("*")),
                TextTest::Present => format!("{field}?"),
                TextTest::Between(from, to) => {
                    let from = match from {
                        Bound::Included(from) => format!("[{from}"),
                        Bound::Excluded(from) => format!("{{{from}"),
                        Bound::Unbounded => "*".into(),
                    };
                    let to = match to {
                        Bound::Included(to) => format!("{to}]"),
                        Bound::Excluded(to) => format!("{to}}}"),
                        Bound::Unbounded => "*".into(),
                    };
                    format!("{field}{from}..{to}")
                }
            }
        }
    }
}

#[track_caller]
fn means(query: &str, tree: &str) {
    let parsed = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(shown(&parsed), tree, "{query}");
}

#[test]
fn a_term_is_a_whole_text_a_pattern_or_the_question_whether_there_is_one() {
    for (query, tree) in [
        ("", "all()"),
        ("  ", "all()"),
        ("*", "all()"),
        ("*:*", "all()"),
        ("ada", "=ada"),
        ("type:s", "type=s"),
        ("type: s", "type=s"),
        ("user_id:auth0|7", "user_id=auth0|7"),
        ("ip:2001:db8::1", "ip=2001:db8::1"),
        ("description:\"two (words)\"", "description=two (words)"),
        (r#"a:"say \"hi\" \\ *""#, r#"a=say "hi" \ *"#),
        (r"a:b\ c\*\:\(", r"a=b c*:("),
        ("user_name:ada*", "user_name~ada*"),
        ("connection:*pass*", "connection~*pass*"),
        ("user_name:jane**smith", "user_name~jane*smith"),
        ("user_id:*", "user_id?"),
        ("a:-7", "a=-7"),
        ("OReilly ANDY", "any(=OReilly =ANDY)"),
        ("app_metadata.plan:x", "app_metadata.plan=x"),
        ("http://x", "http=//x"),
        ("a@b.c:d", "=a@b.c:d"),
        ("日本:x", "=日本:x"),
    ] {
        means(query, tree);
    }
}

#[test]
fn a_range_has_ends_that_are_in_it_or_not_or_none() {
    for (query, tree) in [
        ("date:[2026-01-01 TO *]", "date[2026-01-01..*"),
        ("date:[* TO 2018-12-19}", "date*..2018-12-19}"),
        ("date:{a TO b]", "date{a..b]"),
        (
            "date:[2019-01-01T01:00:00 TO 2019-01-01T12:23:45}",
            "date[2019-01-01T01:00:00..2019-01-01T12:23:45}",
        ),
        ("a:[\"x y\" TO \"z]\"]", "a[x y..z]]"),
        ("a:[ x TO y ]", "a[x..y]"),
        ("log_id:[9 TO *] AND b", "all(log_id[9..* =b)"),
        ("a:[* TO *]", "a*..*"),
    ] {
        means(query, tree);
    }
}

#[test]
fn and_binds_before_or_and_not_before_both() {
    for (query, tree) in [
        ("a AND b OR c", "any(all(=a =b) =c)"),
        ("a OR b AND c", "any(=a all(=b =c))"),
        ("a && b || c", "any(all(=a =b) =c)"),
        ("a AND NOT b", "all(=a not =b)"),
        ("NOT a OR b", "any(not =a =b)"),
        ("a OR -b", "any(=a not =b)"),
        ("NOT (a OR b)", "not any(=a =b)"),
        ("!a", "not =a"),
        ("NOT NOT a", "=a"),
        ("(a OR b) AND c", "all(any(=a =b) =c)"),
        ("type:(s OR f)", "any(type=s type=f)"),
        ("type:(s -f*)", "all(type=s not type~f*)"),
        ("(((a)))", "=a"),
        ("a and b", "any(=a =and =b)"),
    ] {
        means(query, tree);
    }
}

#[test]
fn side_by_side_is_any_without_the_excluded_and_with_the_required() {
    for (query, tree) in [
        ("a b", "any(=a =b)"),
        ("a -b", "all(=a not =b)"),
        ("a NOT b", "all(=a not =b)"),
        ("a b -c -d", "all(any(=a =b) not =c not =d)"),
        ("-a -b", "all(not =a not =b)"),
        ("+a b", "=a"),
        ("+a +b -c", "all(=a =b not =c)"),
        ("a - b", "any(=a =- =b)"),
    ] {
        means(query, tree);
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    use SearchSyntaxError::{Missing, Unexpected, Unsupported};
    for (query, error) in [
        ("a AND", Missing("a term", 6)),
        ("a OR", Missing("a term", 5)),
        ("AND a", Missing("a term", 1)),
        ("a OR OR b", Missing("a term", 6)),
        ("NOT", Missing("a term", 4)),
        ("type:", Missing("a term", 6)),
        ("type: AND b", Missing("a term", 7)),
        ("(a", Missing("a closing parenthesis", 3)),
        ("()", Missing("a term", 2)),
        ("a)", Unexpected(')', 2)),
        ("\"a", Missing("a closing quotation mark", 3)),
        ("a\\", Missing("a character", 3)),
        ("[a TO b]", Unexpected('[', 1)),
        ("d:[a b]", Missing("TO", 6)),
        ("d:[a TO b", Missing("the end of the range", 10)),
        ("d:[ TO b]", Missing("TO", 8)),
        ("d:[a TO ]", Missing("an end of the range", 9)),
        ("d:[a* TO b]", Unsupported('*', 4)),
        ("jo?n", Unsupported('?', 3)),
        ("roam~", Unsupported('~', 5)),
        ("\"a b\"~2", Unsupported('~', 6)),
        ("a^4", Unsupported('^', 2)),
        ("*:a", Missing("*", 3)),
    ] {
        assert_eq!(parse(query), Err(error), "{query}");
    }
}

#[test]
fn each_limit_holds_at_its_number_and_not_past_it() {
    let ok = |query: &str| parse(query).map(drop);
    assert_eq!(ok(&"a".repeat(MAX_BYTES)), Ok(()));
    let long = "a".repeat(MAX_BYTES + 1);
    assert_eq!(ok(&long), Err(SearchSyntaxError::TooLong));
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(ok(&nested(MAX_DEPTH)), Ok(()));
    assert_eq!(ok(&nested(MAX_DEPTH + 1)), Err(SearchSyntaxError::TooDeep));
    assert_eq!(ok(&"(".repeat(MAX_BYTES)), Err(SearchSyntaxError::TooDeep));
    assert_eq!(ok(&"a ".repeat(MAX_TERMS)), Ok(()));
    let many = "a ".repeat(MAX_TERMS + 1);
    assert_eq!(ok(&many), Err(SearchSyntaxError::TooManyTerms));
    let stars = |count: usize| "a*".repeat(count);
    assert_eq!(ok(&stars(MAX_WILDCARDS)), Ok(()));
    let place = 2 * MAX_WILDCARDS + 2;
    let error = SearchSyntaxError::TooManyWildcards(place);
    assert_eq!(ok(&stars(MAX_WILDCARDS + 1)), Err(error));
}

/// Whatever comes, there is an answer: the parser gets on at every character.
#[test]
fn no_mixture_of_signs_is_too_much() {
    let signs = [
        "(", ")", "\"", "[", "]", "{", "}", ":", "*", "\\", "-", "+", "!", " ", "a", "AND ", "OR ",
        "NOT ", "TO ", "&&", "||", "é",
    ];
    let mut state = 7_u64;
    for _ in 0..20_000 {
        let mut query = String::new();
        for _ in 0..12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = usize::try_from(state >> 33).unwrap_or_default();
            query.push_str(signs[at % signs.len()]);
        }
        let _ = parse(&query);
    }
}
