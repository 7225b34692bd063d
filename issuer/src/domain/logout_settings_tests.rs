//! Settings of a client's back-channel logout: rules, limits, and what is read back.

use super::*;

const STRICT: UrlPolicy = UrlPolicy {
    danger_allow_http: false,
};

#[test]
fn g19_a_url_that_breaks_a_rule_is_refused_by_name() {
    let long = format!("https://a.example/{}", "x".repeat(MAX_LOGOUT_URL_BYTES));
    for (written, error) in [
        ("/logout", LogoutUrlError::NotAbsolute),
        ("https://", LogoutUrlError::NotAbsolute),
        ("http://a.example/", LogoutUrlError::NotHttps),
        ("ftp://a.example/", LogoutUrlError::NotHttps),
        ("https://a.example/#x", LogoutUrlError::Fragment),
        ("https://a.example/#", LogoutUrlError::Fragment),
        ("https://u@a.example/", LogoutUrlError::Userinfo),
        ("https://u:p@a.example/", LogoutUrlError::Userinfo),
        (long.as_str(), LogoutUrlError::TooLong),
    ] {
        assert_eq!(LogoutUrl::parse(written, STRICT), Err(error), "{written}");
    }
}

#[test]
fn g19_a_url_keeps_its_query_and_its_spelling() {
    let written = "https://A.example/bcl?tenant=1&x=%20";
    assert_eq!(LogoutUrl::parse(written, STRICT).unwrap().as_str(), written);
}

#[test]
fn g19_http_needs_the_danger_switch() {
    let policy = UrlPolicy {
        danger_allow_http: true,
    };
    assert!(LogoutUrl::parse("http://127.0.0.1:1/bcl", policy).is_ok());
}

#[test]
fn without_initiators_only_rp_logout_is_told() {
    let settings = LogoutSettings::default();
    let wanted: Vec<_> = Initiator::ALL
        .into_iter()
        .filter(|i| settings.wants(*i))
        .collect();
    assert_eq!(wanted, [Initiator::RpLogout]);
}

#[test]
fn all_does_not_cover_the_initiators_that_end_no_session() {
    let settings = LogoutSettings {
        initiators: Some(Initiators::All),
        ..LogoutSettings::default()
    };
    assert!(settings.wants(Initiator::SessionRevoked));
    assert!(!settings.wants(Initiator::ProfileChanged));
}

#[test]
fn g8_one_token_for_all_sessions_is_for_clients_that_opted_in_and_need_no_session() {
    let accepts = |session_required, subject_logout, metadata| {
        let settings = LogoutSettings {
            include_session_metadata: metadata,
            delivery: DeliverySettings {
                session_required,
                subject_logout,
                ..DeliverySettings::default()
            },
            ..LogoutSettings::default()
        };
        settings.accepts_subject_logout()
    };
    assert!(!LogoutSettings::default().accepts_subject_logout());
    assert!(accepts(false, true, None) && accepts(false, true, Some(false)));
    assert!(!accepts(true, true, None) && !accepts(false, true, Some(true)));
}

#[test]
fn g11_g27_each_range_holds_at_its_ends_and_not_one_past() {
    let base = DeliverySettings::default();
    for seconds in [30, 120] {
        let settings = DeliverySettings {
            lifetime_seconds: seconds,
            ..base.clone()
        };
        assert!(settings.check().is_ok());
    }
    for seconds in [29, 121] {
        let settings = DeliverySettings {
            lifetime_seconds: seconds,
            ..base.clone()
        };
        assert_eq!(settings.check().unwrap_err().setting, "lifetime_seconds");
    }
    for (wait_ms, ok) in [(0, true), (5_000, true), (5_001, false)] {
        let settings = DeliverySettings {
            wait_ms,
            ..base.clone()
        };
        assert_eq!(settings.check().is_ok(), ok);
    }
    for (timeout_ms, ok) in [(499, false), (500, true), (10_000, true), (10_001, false)] {
        let settings = DeliverySettings {
            timeout_ms,
            ..base.clone()
        };
        assert_eq!(settings.check().is_ok(), ok);
    }
}

#[test]
fn a_wait_is_asked_for_up_to_five_seconds() {
    for (text, wanted) in [
        ("0", Some(0)),
        ("5000", Some(5_000)),
        ("5001", None),
        ("-1", None),
        ("+1", None),
        ("1s", None),
        ("", None),
        ("99999999999999", None),
    ] {
        let read = text.parse::<AskedWait>().ok();
        let read = read.map(|wait| wait.duration().as_millis());
        assert_eq!(read, wanted, "{text}");
    }
}
