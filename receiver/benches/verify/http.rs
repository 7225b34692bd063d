//! What a logout through HTTP costs the server in processor time.
//!
//! The server is this program again, in processes of its own with one thread each; the driver posts
//! distinct tokens over a few kept connections. Three of them take turns in windows, so that
//! whatever else the machine does meets all alike, and medians count: `unchecked` is an axum route
//! that reads the form and answers 200, `raw` the same route that also has OpenSSL check the
//! signature on a kept key, `checked` the real endpoint. The raw check is what `raw` costs over
//! `unchecked`, with the signature's base64 in it: between system calls the caches are cold, and
//! OpenSSL takes longer than in the bare loop, which is printed beside it. R is what the check may
//! cost (unchecked, plus raw, plus 6 µs) through what it does cost: 1.0 or more is within.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use logout_receiver::{BackchannelLogout, KeySource, SigningAlgorithm};
use logout_shared::ManualClock;
use logout_shared::jwks::JwkSet;

use crate::tokens::{CLIENT, ISSUER, RawKey, Tokens, start};
use crate::{median, number, own_micros, processor_micros};

const ALLOWANCE_MICROS: f64 = 6.0;
const CONNECTIONS: usize = 4;
const WARM_UP: usize = 2_000;
const WINDOW: usize = 1_000;
const PATH: &str = "/backchannel-logout";

/// The program as a server.
pub(crate) struct Server {
    role: Role,
    key_set: String,
}

/// What a server does with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Unchecked,
    Raw,
    Checked,
}

const ROLES: [Role; 3] = [Role::Unchecked, Role::Raw, Role::Checked];

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Unchecked => "unchecked",
            Role::Raw => "raw",
            Role::Checked => "checked",
        }
    }
}

impl Server {
    /// Whether the arguments ask for a server.
    pub(crate) fn asked_for() -> Option<Server> {
        let mut arguments = std::env::args().skip(1);
        if arguments.next()? != "--server" {
            return None;
        }
        let name = arguments.next()?;
        Some(Server {
            role: ROLES.into_iter().find(|role| role.name() == name)?,
            key_set: arguments.next()?,
        })
    }

    pub(crate) fn run(self) -> anyhow::Result<()> {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(self.serve())
    }

    async fn serve(self) -> anyhow::Result<()> {
        let app = match self.role {
            Role::Unchecked => {
                Router::new().route(PATH, post(|body: Bytes| async move { unchecked(&body) }))
            }
            Role::Raw => {
                let key = Arc::new(RawKey::of_set(SigningAlgorithm::Rs256, &self.key_set)?);
                let answer = move |body: Bytes| {
                    let key = Arc::clone(&key);
                    async move { raw(&key, &body) }
                };
                Router::new().route(PATH, post(answer))
            }
            Role::Checked => {
                let keys = JwkSet::parse(self.key_set.as_bytes())?;
                let logout = BackchannelLogout::builder(ISSUER, CLIENT)
                    .signing_algorithm(SigningAlgorithm::Rs256)
                    .keys(KeySource::given(keys))
                    .clock(ManualClock::at(start()))
                    .in_memory()
                    .build()?;
                logout.routes(PATH)
            }
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        Ok(axum::serve(listener, app).await?)
    }
}

type Form = Vec<(String, String)>;

fn unchecked(body: &[u8]) -> StatusCode {
    let form = serde_urlencoded::from_bytes::<Form>(body);
    answer(std::hint::black_box(form.is_ok()))
}

fn raw(key: &RawKey, body: &[u8]) -> StatusCode {
    let form = serde_urlencoded::from_bytes::<Form>(body);
    let valid = form.is_ok_and(|form| key.verify_compact(&form[0].1).is_ok_and(|valid| valid));
    answer(valid)
}

fn answer(good: bool) -> StatusCode {
    if good {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    }
}

/// Prints the three parts, in microseconds, and the ratio.
pub(crate) fn compare(tokens: &Tokens) -> anyhow::Result<()> {
    let mut servers = ROLES
        .into_iter()
        .map(|role| Running::start(role, tokens))
        .collect::<anyhow::Result<Vec<_>>>()?;
    for server in &mut servers {
        server.drive(tokens, 0..WARM_UP)?;
    }
    let mut costs = [const { Vec::new() }; ROLES.len()];
    for (number, first) in (WARM_UP..tokens.len()).step_by(WINDOW).enumerate() {
        for turn in 0..servers.len() {
            // Each begins as often as the others.
            let whose = (number + turn) % servers.len();
            let window = first..(first + WINDOW).min(tokens.len());
            costs[whose].push(servers[whose].cost(tokens, window)?);
        }
    }
    let [unchecked, with_raw, checked] = costs.map(median);
    let raw = with_raw - unchecked;
    println!(
        "http RS256: checked {checked:.1} us unchecked {unchecked:.1} us raw {raw:.1} us (in a bare loop {:.1} us) over {:.1} us ratio {:.2}",
        bare_loop(tokens)?,
        checked - unchecked - raw,
        (unchecked + raw + ALLOWANCE_MICROS) / checked
    );
    Ok(())
}

fn bare_loop(tokens: &Tokens) -> anyhow::Result<f64> {
    let before = own_micros()?;
    for number in 0..tokens.len() {
        anyhow::ensure!(tokens.verify_raw(number)?);
    }
    Ok((own_micros()? - before) / number(tokens.len()))
}

/// A server that ends with the measurement.
struct Running {
    process: Child,
    connections: Vec<TcpStream>,
}

impl Running {
    fn start(role: Role, tokens: &Tokens) -> anyhow::Result<Running> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--server", role.name(), &tokens.key_set()])
            .stdout(Stdio::piped());
        let mut running = Running {
            process: command.spawn()?,
            connections: Vec::new(),
        };
        let mut line = String::new();
        let output = running.process.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line)?;
        let address: SocketAddr = line.trim().parse()?;
        for _ in 0..CONNECTIONS {
            let connection = TcpStream::connect(address)?;
            connection.set_nodelay(true)?;
            running.connections.push(connection);
        }
        Ok(running)
    }

    /// What one request of the window costs, in microseconds.
    fn cost(&mut self, tokens: &Tokens, window: Range<usize>) -> anyhow::Result<f64> {
        let (length, process) = (window.len(), self.process.id());
        let before = processor_micros(process)?;
        self.drive(tokens, window)?;
        Ok((processor_micros(process)? - before) / number(length))
    }

    /// Posts these tokens; every one must be answered 200.
    fn drive(&mut self, tokens: &Tokens, numbers: Range<usize>) -> anyhow::Result<()> {
        let numbers: Vec<usize> = numbers.collect();
        for batch in numbers.chunks(self.connections.len()) {
            for (number, connection) in batch.iter().zip(&mut self.connections) {
                let body = format!("logout_token={}", tokens.text(*number));
                let request = format!(
                    "POST {PATH} HTTP/1.1\r\nHost: rp\r\nContent-Type: \
                     application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                connection.write_all(request.as_bytes())?;
            }
            for (_, connection) in batch.iter().zip(&mut self.connections) {
                let mut answer = [0; 1024];
                let length = connection.read(&mut answer)?;
                anyhow::ensure!(
                    answer[..length].starts_with(b"HTTP/1.1 200"),
                    "not answered 200"
                );
            }
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
