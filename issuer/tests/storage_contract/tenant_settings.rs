//! Settings of the whole issuer, and what is counted of each day.

use std::time::Duration;

use logout_issuer::domain::daily_stats::DayCounts;
use logout_issuer::domain::event_log::{LogCode, LogEvent};
use logout_issuer::domain::session::CookieMode;
use logout_issuer::domain::tenant_settings::TenantSettings;
use logout_issuer::storage::Store;
use logout_shared::Timestamp;
use serde_json::json;

use crate::samples::{at, id};
use crate::{commit, each_store};

each_store! {
    async fn settings_are_the_defaults_until_they_are_replaced(store: &dyn Store) {
        let mut view = store.read().await.unwrap();
        assert_eq!(view.tenant_settings().await.unwrap(), TenantSettings::default());
        drop(view);
        let mut settings = TenantSettings {
            lifetime_secs: Some(60),
            cookie_mode: Some(CookieMode::NonPersistent),
            allowed_logout_urls: vec!["https://own.example/".into()],
            ask_before_sign_out: Some(false),
            ..TenantSettings::default()
        };
        settings.other.insert("friendly_name".into(), json!("A name"));
        for secs in [60, 61] {
            settings.lifetime_secs = Some(secs);
            let saved = settings.clone();
            commit!(store, |tx| tx.save_tenant_settings(&saved, at(1)).await).unwrap();
            let mut view = store.read().await.unwrap();
            assert_eq!(view.tenant_settings().await.unwrap(), settings);
        }
    }

    async fn days_are_counted_from_their_first_to_their_last_moment(store: &dyn Store) {
        let day = Duration::from_hours(24);
        let noon = Timestamp::from_secs(12 * 3_600);
        let events: Vec<_> = [
            (LogCode::LoginSucceeded, "a", noon),
            (LogCode::LoginSucceeded, "a", noon + day),
            (LogCode::LoginSucceeded, "b", noon + day + Duration::from_secs(1)),
            (LogCode::LoginFailed, "c", noon + day),
            (LogCode::LoginSucceeded, "d", Timestamp::from_secs(0) + day * 2),
            (LogCode::LoginSucceeded, "d", noon + day * 2),
        ]
        .into_iter()
        .map(|(code, user, date)| LogEvent {
            user: Some(id(user)),
            ..LogEvent::new(code, "Something", date)
        })
        .collect();
        commit!(store, |tx| tx.append_events(&events).await).unwrap();
        let mut view = store.read().await.unwrap();
        let midnight = Timestamp::from_secs(0);
        let counted = view.count_days(midnight + day, midnight + day * 2).await.unwrap();
        let wanted = DayCounts {
            day: midnight + day,
            logins: 2,
            signups: 0,
            leaked_passwords: 0,
            first: noon + day,
            last: noon + day + Duration::from_secs(1),
        };
        assert_eq!(counted, [wanted]);
        assert_eq!(view.count_active_users(noon).await.unwrap(), 3);
        assert_eq!(view.count_active_users(noon + day * 2).await.unwrap(), 1);
        assert_eq!(view.count_active_users(noon + day * 3).await.unwrap(), 0);
    }
}
