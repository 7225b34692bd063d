//! `event` and `api`, call by call.

use logout_issuer::actions::ActionEngine as _;
use logout_issuer::domain::action_run::{
    ActionCommand, ActionErrorKind, MAX_COMMAND_BYTES, RESERVED_CLAIMS,
};
use serde_json::json;

use crate::stage::{commands, failure, job, pool, run};

#[tokio::test]
async fn a_change_is_visible_at_once() {
    let run = run("
        api.session.setMetadata('a', '1');
        const before = event.session.metadata;
        before.mine = 'only here';
        api.session.setMetadata('kept', null);
        console.log(event.session.metadata);
        api.session.deleteMetadata('a'); api.session.deleteMetadata('absent');
        api.session.evictMetadata();
        console.log(event.session.metadata);
        api.user.setUserMetadata('x', { y: 1 }).user.setAppMetadata('z', null);
        api.transaction.setMetadata('t', true);
        api.session.setExpiresAt(1000); api.session.setExpiresAt(2000);
        api.session.setCookieMode('persistent');
        console.log(event.user.user_metadata, event.transaction.metadata, event.session.expires_at, event.session.cookie);
    ")
    .await;
    let lines: Vec<_> = run.console.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"a":"1"}"#,
            "{}",
            r#"{"x":{"y":1}} {"t":true} 1970-01-01T00:00:01.000Z {"mode":"persistent"}"#,
        ]
    );
    let commands = run.result.unwrap();
    assert_eq!(
        commands[1],
        ActionCommand::DeleteMetadata { key: "kept".into() }
    );
    assert_eq!(commands[3], ActionCommand::EvictMetadata);
}

#[tokio::test]
async fn a_refused_key_does_not_stay() {
    let made = commands("
        try { api.session.setMetadata('bad key', 'v'); } catch (error) { console.log(error.message); }
        api.session.setMetadata('good', 'v');
    ")
    .await;
    assert_eq!(
        made,
        [ActionCommand::SetMetadata {
            key: "good".into(),
            value: "v".into()
        }]
    );
}

#[tokio::test]
async fn the_limits_of_metadata_hold_at_their_numbers() {
    let made = commands(
        "
        for (let n = 0; n < 24; n++) api.session.setMetadata('k' + n, 'v');
        api.session.setMetadata('kept', '\u{1f600}'.repeat(127) + 'x');
        api.session.setMetadata('k0', 'k'.repeat(255));
    ",
    )
    .await;
    assert_eq!(made.len(), 26);
    let error = failure("api.session.setMetadata('k', '\u{1f600}'.repeat(128));").await;
    assert!(
        error
            .message
            .ends_with("values must be at most 255 characters long"),
        "{error}"
    );
}

#[tokio::test]
async fn calls_with_wrong_arguments_name_what_is_wrong() {
    for (call, told) in [
        (
            "api.session.setExpiresAt(0)",
            "Either inactivity or absolute expiration time must be provided",
        ),
        (
            "api.session.setIdleExpiresAt()",
            "Either inactivity or absolute expiration time must be provided",
        ),
        (
            "api.session.setCookieMode()",
            "Cookie mode must be provided",
        ),
        (
            "api.session.setCookieMode('x')",
            "Invalid cookie mode: x. Valid values are 'persistent' and 'non-persistent'.",
        ),
        (
            "api.accessToken.addScope('two words')",
            "A scope is one word of printable ASCII",
        ),
        (
            "api.idToken.setCustomClaim('sub', 'x')",
            "The claim sub is reserved and cannot be set by an Action.",
        ),
        ("api.access.deny(7)", "The reason must be a string"),
        (
            "api.session.setMetadata('k', '\\ud800')",
            "Failed to set session metadata: Invalid metadata: Metadata must be well-formed Unicode",
        ),
        (
            "api.redirect.sendUserTo('https://a.example')",
            "api.redirect.sendUserTo is not available in this issuer.",
        ),
        (
            "api.multifactor.enable('any')",
            "api.multifactor.enable is not available in this issuer.",
        ),
        (
            "api.refreshToken.setMetadata('a', 'b')",
            "api.refreshToken.setMetadata is not available in this issuer.",
        ),
        (
            "require('axios')",
            "require is not available to Actions in this issuer.",
        ),
        (
            "await fetch('https://a.example')",
            "fetch is not available to Actions in this issuer.",
        ),
    ] {
        assert_eq!(failure(call).await.message, told, "{call}");
    }
    assert_eq!(
        commands("if (api.redirect.canRedirect()) throw 1;").await,
        []
    );
}

#[tokio::test]
async fn every_reserved_claim_is_refused_for_both_tokens() {
    let names = serde_json::to_string(RESERVED_CLAIMS.as_slice()).unwrap();
    let made = commands(&format!(
        "
        for (const name of {names}) for (const token of [api.idToken, api.accessToken]) {{
            let refused = false;
            try {{ token.setCustomClaim(name, 1); }} catch {{ refused = true; }}
            if (!refused) throw new Error(name);
        }}"
    ))
    .await;
    assert_eq!(made, []);
}

#[tokio::test]
async fn what_is_printed_is_kept_up_to_256_characters() {
    let printed = run("console.log('ü'.repeat(200)); console.error({ a: 1 }, new Error('e')); console.log('x'.repeat(100));").await;
    assert_eq!(printed.console.chars().count(), 256);
    assert!(printed.console.contains("{\"a\":1} Error: e\nxxx"));
}

#[tokio::test]
async fn secrets_are_in_the_event_and_the_cache_lasts_between_runs() {
    let mut one = job("
        console.log(event.secrets.KEY, api.cache.get('a').value, api.cache.get('old'));
        const codes = [];
        for (let n = 0; n < 21; n++) codes.push(api.cache.set('k' + n, 'v').code);
        console.log(codes.indexOf('CacheSizeExceeded'));
        console.log(api.cache.set('k0', 'v'.repeat(4096)).type, api.cache.set('k0', 'v'.repeat(4097)).code,
            api.cache.set('k'.repeat(65), 'v').code, api.cache.delete('a').type, api.cache.delete('a').code);
    ");
    one.secrets.insert("KEY".into(), json!("hush"));
    one.cache
        .insert("a".into(), json!({ "value": "b", "expires_at": 1e15 }));
    one.cache
        .insert("old".into(), json!({ "value": "b", "expires_at": 1 }));
    let run = pool(1).run(one).await;
    assert_eq!(
        run.console,
        "hush b \n19\nsuccess ItemSizeExceeded CacheKeySizeExceeded success ItemNotFound"
            .replace("b \n", "b undefined\n")
    );
}

#[tokio::test]
async fn a_script_that_asks_for_too_much_gets_nothing() {
    let most = MAX_COMMAND_BYTES - 100;
    assert_eq!(
        commands(&format!(
            "api.user.setAppMetadata('k', 'x'.repeat({most}));"
        ))
        .await
        .len(),
        1
    );
    let more = MAX_COMMAND_BYTES + 1;
    let error = failure(&format!(
        "try {{ api.user.setAppMetadata('k', 'x'.repeat({more})); }} catch {{}}"
    ))
    .await;
    assert_eq!(error.kind, ActionErrorKind::Output);
}

#[tokio::test]
async fn the_forms_in_which_an_action_can_be_written() {
    for code in [
        "exports.onExecutePostLogin = (event, api) => { api.session.setMetadata('k', 'v'); };",
        "module.exports = { async onExecutePostLogin(event, api) { await null; api.session.setMetadata('k', 'v'); } };",
        "// only a comment at the end\nexports.onExecutePostLogin = async (event, api) => { api.session.setMetadata('k', 'v'); } // here",
    ] {
        let mut one = job("");
        one.code = code.into();
        assert_eq!(pool(1).run(one).await.result.unwrap().len(), 1, "{code}");
    }
    let mut one = job("");
    one.code = "const nothing = 1;".into();
    let error = pool(1).run(one).await.result.unwrap_err();
    assert_eq!(
        error.message,
        "The Action does not export onExecutePostLogin."
    );
}
