//! What Actions cost: runs in a second, processor time of a login, memory after many runs.
//!
//! `cargo bench -p logout-issuer --bench actions [-- RUNS]`. The Action is the one of the guide:
//! it sets the device's name. Runs go through worker processes as in a server; processor time is
//! that of this process and of its workers together, as the kernel counts it in hundredths of a
//! second. Silent logins have no password to check, which is what other logins spend most on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use logout_issuer::actions::{ActionEngine, InProcess, Pool, PoolSettings};
use logout_issuer::domain::action_run::{ActionJob, RunLimits};
use logout_issuer::domain::client::Client;
use logout_issuer::domain::session::Device;
use logout_issuer::issuer::{Issuer, IssuerConfig};
use logout_issuer::login::actions::keep::{self, ActionChange};
use logout_issuer::login::authorize::{AuthorizationRequest, Parameters, load_request};
use logout_issuer::login::sign_in::{SignIn, sign_in};
use logout_issuer::login::single_sign_on::single_sign_on;
use logout_issuer::login::throttle::Throttle;
use logout_issuer::login::users::{NewUser, create_user};
use logout_issuer::storage::sqlite::{SqliteOptions, SqliteStore};
use logout_shared::seal::SealingKey;
use logout_shared::{Secret, SigningAlgorithm, SystemRandom};
use serde_json::{Map, json};

const CODE: &str = "exports.onExecutePostLogin = async (event, api) => {
  const agent = event.request.user_agent ?? '';
  const device = /Android|iPhone|iPad/.test(agent) ? 'phone' : 'computer';
  api.session.setMetadata('deviceName', device);
};";

const CALLBACK: &str = "https://shop.example/callback";
const LOGINS: u32 = 1_000;
const PASSWORD_LOGINS: u32 = 40;

#[tokio::main]
async fn main() {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let runs: u32 = given.unwrap_or(100_000);
    throughput("one worker", pool(1), 1).await;
    throughput("two workers, two Actions", pool(2), 2).await;
    throughput("in this process", Arc::new(InProcess::default()), 1).await;
    for actions in [0, 1, 5] {
        logins(actions).await;
    }
    memory(runs).await;
}

fn pool(workers: usize) -> Arc<dyn ActionEngine> {
    Arc::new(Pool::new(PoolSettings {
        program: PathBuf::from(env!("CARGO_BIN_EXE_logout-issuer")),
        workers,
        patience: Duration::from_mins(1),
    }))
}

fn job(action: u32) -> ActionJob {
    ActionJob {
        action: action.to_string(),
        name: "device-name".into(),
        code: CODE.into(),
        event: json!({ "session": { "id": "s" }, "request": { "user_agent": "iPhone" } }),
        secrets: Map::new(),
        cache: Map::new(),
        limits: RunLimits::default(),
    }
}

async fn run(engine: &dyn ActionEngine, action: u32) {
    let run = engine.run(job(action)).await;
    assert_eq!(run.result.expect("it runs").len(), 1);
}

async fn throughput(what: &str, engine: Arc<dyn ActionEngine>, at_once: u32) {
    const RUNS: u32 = 4_000;
    for action in 0..at_once {
        run(&*engine, action).await;
    }
    let (begun, before) = (Instant::now(), processor_time());
    let all = (0..at_once).map(|action| {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            for _ in 0..RUNS / at_once {
                run(&*engine, action).await;
            }
        })
    });
    for one in all.collect::<Vec<_>>() {
        one.await.expect("it runs");
    }
    let spent = processor_time().saturating_sub(before);
    println!(
        "{what}: {:.0} runs/s, {:.0} runs per second of processor time",
        f64::from(RUNS) / begun.elapsed().as_secs_f64(),
        f64::from(RUNS) / spent.as_secs_f64(),
    );
}

async fn logins(actions: u32) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let options = SqliteOptions::file(folder.path().join("issuer.db"));
    let store = SqliteStore::open(&options).await.expect("a store");
    let id = "https://issuer.example/".parse().expect("an identifier");
    let config = IssuerConfig {
        signing_algorithms: vec![SigningAlgorithm::Es256],
        ..IssuerConfig::new(id, SealingKey::generate(&SystemRandom))
    };
    let builder = Issuer::builder(config).store(store).actions(pool(2));
    let issuer = builder.build().await.expect("an issuer");
    prepare(&issuer, actions).await;
    let (request, throttle) = (request(&issuer).await, Throttle::default());

    let before = processor_time();
    let mut handle = None;
    for _ in 0..PASSWORD_LOGINS {
        let entry = SignIn {
            request: request.clone(),
            email: "ada@example.com".into(),
            password: Secret::new("a password".into()),
            handle: None,
            device: Device::default(),
            ip: None,
        };
        let signed_in = sign_in(&issuer, &throttle, entry).await.expect("a login");
        handle = Some(signed_in.handle);
    }
    let with_password = (processor_time().saturating_sub(before)) / PASSWORD_LOGINS;
    let (begun, before) = (Instant::now(), processor_time());
    for _ in 0..LOGINS {
        let device = Device::default();
        let code = single_sign_on(&issuer, &request, handle.as_ref(), &device).await;
        assert!(code.expect("a login").is_some());
    }
    println!(
        "{actions} Actions: processor time of a login {:.2} ms, of a silent one {:.2} ms (takes {:.2} ms)",
        with_password.as_secs_f64() * 1e3,
        (processor_time().saturating_sub(before)).as_secs_f64() * 1e3 / f64::from(LOGINS),
        begun.elapsed().as_secs_f64() * 1e3 / f64::from(LOGINS),
    );
}

async fn prepare(issuer: &Issuer, actions: u32) {
    let client = Client {
        callbacks: vec![CALLBACK.into()],
        ..Client::new("shop".parse().expect("an id"), "Shop", issuer.now())
    };
    let write = issuer
        .store()
        .write(move |tx| Box::pin(async move { tx.insert_client(&client).await }));
    assert!(write.await.expect("a client"));
    let ada = NewUser {
        email: "ada@example.com".into(),
        password: Some(Secret::new("a password".into())),
        ..NewUser::default()
    };
    create_user(issuer, ada).await.expect("a user");
    let names: Vec<String> = (0..actions).map(|number| number.to_string()).collect();
    for name in &names {
        let change = ActionChange {
            code: Some(CODE.into()),
            ..ActionChange::default()
        };
        keep::create(issuer, name, change).await.expect("an Action");
        keep::deploy(issuer, name).await.expect("a version");
    }
    keep::bind(issuer, names).await.expect("bindings");
}

async fn request(issuer: &Issuer) -> AuthorizationRequest {
    let parameters = Parameters {
        client_id: Some("shop".into()),
        redirect_uri: Some(CALLBACK.into()),
        response_type: Some("code".into()),
        scope: Some("openid".into()),
        code_challenge: Some("c".repeat(43)),
        code_challenge_method: Some("S256".into()),
        ..Parameters::default()
    };
    load_request(issuer, parameters).await.expect("a request")
}

async fn memory(runs: u32) {
    let engine = pool(1);
    for done in 1..=runs {
        run(&*engine, 1).await;
        if done == 1 || done == runs.min(9_999) || done == runs {
            let workers = children().map(|pid| resident_kib(&pid)).sum::<u64>();
            let own = resident_kib("self");
            println!("after {done} runs: worker {workers} KiB, this process {own} KiB");
        }
    }
}

/// Processor time of this process and its workers, dead ones included.
fn processor_time() -> Duration {
    let ticks = |pid: &str, fields: &[usize]| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let words: Vec<&str> = after_name.split_whitespace().collect();
        let numbers = fields
            .iter()
            .filter_map(|at| words.get(at - 3)?.parse::<u64>().ok());
        numbers.sum::<u64>()
    };
    // Fields 14 to 17 of proc(5): user and system time, own and of children that were waited for.
    let all = ticks("self", &[14, 15, 16, 17])
        + children().map(|pid| ticks(&pid, &[14, 15])).sum::<u64>();
    Duration::from_millis(all * 10)
}

fn children() -> impl Iterator<Item = String> {
    let own = std::process::id();
    let tasks = std::fs::read_dir(format!("/proc/{own}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks.flat_map(|task| {
        let listed = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        listed
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    })
}

fn resident_kib(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.unwrap_or_default()
}
