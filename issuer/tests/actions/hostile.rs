//! Scripts that mean harm: each ends within one and a half times its limit, with a message, and
//! the worker pool goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use logout_issuer::actions::ActionEngine as _;
use logout_issuer::domain::action_run::ActionErrorKind as Kind;

use crate::stage::{LIMITS, event, install, job, open, pool, sign_in};

/// Bodies of Actions that mean harm.
const HOSTILE: [&str; 14] = [
    "for (;;) {}",
    "for (;;) { try { for (;;) {} } catch {} finally { continue; } }",
    "await new Promise(() => {});",
    "for (;;) await null;",
    "const again = () => Promise.resolve().then(again); await again();",
    "const all = []; for (;;) all.push(new Uint8Array(1 << 30));",
    "let text = 'x'; for (;;) text += text;",
    "const deep = () => deep() + 1; deep();",
    "for (;;) { try { const all = []; for (;;) all.push(new Array(1000).fill(0)); } catch {} }",
    "new Array(2 ** 28).join('a');",
    "/^(a+)+$/.test('a'.repeat(40) + 'b');",
    "for (;;) new Uint8Array(8e6).fill(1);",
    "let n = 3n; for (;;) n *= n;",
    "console.log(JSON.parse('['.repeat(200000)));",
];

#[tokio::test]
async fn every_hostile_script_ends_in_time_with_a_message_and_the_pool_goes_on() {
    let pool = pool(1);
    for body in HOSTILE {
        let begun = Instant::now();
        let error = pool.run(job(body)).await.result.expect_err(body);
        let took = begun.elapsed();
        assert!(took < LIMITS.time * 3 / 2, "{body}: {took:?}");
        assert!(!error.message.is_empty(), "{body}");
        assert_eq!(pool.run(job("")).await.result, Ok(vec![]), "after {body}");
    }
}

#[tokio::test]
async fn what_is_thrown_is_told_whatever_it_is() {
    for (body, told) in [
        ("throw new Error('too\\nbad');", "too bad"),
        ("throw 'a text';", "a text"),
        ("throw { a: 1 };", "The Action threw {\"a\":1}."),
        ("throw undefined;", "The Action threw undefined."),
        ("throw null;", "The Action threw null."),
        ("throw new TypeError();", "The Action threw TypeError."),
        ("null.x;", "cannot read property 'x' of null"),
    ] {
        let error = pool(1).run(job(body)).await.result.expect_err(body);
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::Thrown, told),
            "{body}"
        );
    }
    let mut one = job("");
    one.code = "exports.onExecutePostLogin = (".into();
    let error = pool(1).run(one).await.result.unwrap_err();
    assert_eq!(error.kind, Kind::Syntax);
    assert!(error.message.starts_with("SyntaxError: "), "{error}");
}

#[tokio::test]
async fn a_program_that_is_no_worker_costs_the_run_alone() {
    use logout_issuer::actions::{Pool, PoolSettings};
    for program in ["/bin/false", "/bin/cat", "/nowhere/at/all"] {
        let pool = Pool::new(PoolSettings {
            program: program.into(),
            workers: 1,
            patience: Duration::from_secs(1),
        });
        for _ in 0..2 {
            let error = pool.run(job("")).await.result.expect_err(program);
            assert_eq!(error.kind, Kind::Crashed, "{program}: {error}");
        }
    }
}

#[tokio::test]
async fn a_hundred_endless_scripts_are_refused_in_time_and_others_get_through() {
    let pool = pool(2);
    let begun = Instant::now();
    let endless: Vec<_> = (0..100)
        .map(|_| {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move { pool.run(job("for (;;) {}")).await.result.unwrap_err().kind })
        })
        .collect();
    let mut other = job("");
    other.action = "another".into();
    assert_eq!(
        pool.run(other).await.result,
        Ok(vec![]),
        "it waits for its own half alone"
    );
    let mut kinds = Vec::new();
    for one in endless {
        kinds.push(one.await.unwrap());
    }
    let refused = kinds
        .iter()
        .filter(|kind| **kind == Kind::RateLimited)
        .count();
    assert!(refused >= 90, "{refused} were refused");
    assert!(kinds.contains(&Kind::Timeout));
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_hostile_action_harms_no_login_but_its_own() {
    let house = open().await;
    install(&house, &[
        "if (event.client.client_id === 'shop' && event.transaction.state === 'bad') new Array(2 ** 28).join('a');
         api.session.setMetadata('ok', 'yes');",
    ])
    .await;
    let mut bad = house.browser();
    let request = crate::house::shop_request(&[("state", "bad")]);
    let page = bad.get(&house.url(&request)).await;
    let page = bad.follow(&page).await;
    let fields = [
        ("email", crate::house::EMAIL),
        ("password", crate::house::PASSWORD),
    ];
    let answer = bad.submit(&page, &fields).await;
    assert_eq!(answer.parameter("error"), "access_denied");
    sign_in(&mut house.browser(), &house)
        .await
        .parameter("code");
}

#[tokio::test]
async fn one_run_leaves_nothing_to_the_next() {
    let pool = pool(1);
    let bend =
        "globalThis.left = 1; Array.prototype.join = () => 'bent'; JSON.stringify = () => 'bent';
        api.session.setMetadata('k', 'v');";
    assert_eq!(pool.run(job(bend)).await.result.unwrap().len(), 1);
    let look = "if (globalThis.left || [1, 2].join('-') !== '1-2') throw 1;";
    assert_eq!(pool.run(job(look)).await.result, Ok(vec![]));
    assert!(event()["session"].is_object());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_worker_has_confined_itself() {
    use std::io::{Read as _, Write as _};
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_logout-issuer"));
    let mut child = logout_issuer::actions::worker::command(program)
        .spawn()
        .unwrap();
    let one = serde_json::to_vec(&job("")).unwrap();
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(&u32::try_from(one.len()).unwrap().to_be_bytes())
        .unwrap();
    input.write_all(&one).unwrap();
    // Its answer says that it has begun to work.
    let mut head = [0; 4];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut head)
        .unwrap();
    let proc = std::path::PathBuf::from(format!("/proc/{}", child.id()));
    let limits = std::fs::read_to_string(proc.join("limits")).unwrap();
    for (name, most) in [
        ("Max open files", "3"),
        ("Max file size", "0"),
        ("Max processes", "0"),
        ("Max core file size", "0"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let words: Vec<_> = line[name.len()..].split_whitespace().collect();
        assert_eq!(&words[..2], [most, most], "{line}");
    }
    let number = |text: &str, name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        let mut words = line[name.len()..].split_whitespace();
        words.next().unwrap().parse().expect("limited")
    };
    let address_space = number(&limits, "Max address space");
    let status = std::fs::read_to_string(proc.join("status")).unwrap();
    assert!(
        status.contains("NoNewPrivs:\t1") && status.contains("Threads:\t1"),
        "{status}"
    );
    // Scripts may have half of it, and the other half is not taken yet.
    let taken = 1024 * number(&status, "VmPeak:");
    assert!(
        4 * taken < address_space,
        "{taken} of {address_space} bytes"
    );
    assert_eq!(
        std::fs::read(proc.join("environ")).unwrap(),
        b"MIMALLOC_ARENA_RESERVE=32M\0"
    );
    drop(input);
    assert!(child.wait().unwrap().success(), "it ends with its input");
}
