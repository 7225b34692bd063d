//! What a logout through HTTP costs the server in processor time.
//!
//! The server is this program again, in a process of its own, with one thread; the driver posts
//! distinct tokens over a few kept connections. `checked` is the real endpoint, `unchecked` an
//! axum route that reads the same form and answers 200. R is what the check may cost (unchecked,
//! plus the raw signature check, plus 6 µs) through what it does cost: 1.0 or more is within.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use logout_receiver::{BackchannelLogout, KeySource, SigningAlgorithm};
use logout_shared::ManualClock;
use logout_shared::jwks::JwkSet;

use crate::tokens::{CLIENT, ISSUER, Tokens, start};

const ALLOWANCE_MICROS: f64 = 6.0;
const CONNECTIONS: usize = 4;
const WARM_UP: usize = 2_000;

/// The program in its other role.
pub(crate) struct Server {
    checked: bool,
    key_set: String,
}

impl Server {
    /// Whether the arguments ask for that role.
    pub(crate) fn asked_for() -> Option<Server> {
        let mut arguments = std::env::args().skip(1);
        if arguments.next()? != "--server" {
            return None;
        }
        Some(Server {
            checked: arguments.next()? == "checked",
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
        let app = if self.checked {
            let keys = JwkSet::parse(self.key_set.as_bytes())?;
            let logout = BackchannelLogout::builder(ISSUER, CLIENT)
                .signing_algorithm(SigningAlgorithm::Rs256)
                .keys(KeySource::given(keys))
                .clock(ManualClock::at(start()))
                .in_memory()
                .build()?;
            logout.routes("/backchannel-logout")
        } else {
            Router::new().route("/backchannel-logout", post(unchecked))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        Ok(axum::serve(listener, app).await?)
    }
}

async fn unchecked(body: Bytes) -> &'static str {
    let form = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&body);
    std::hint::black_box(form.is_ok());
    ""
}

/// Prints the three parts, in microseconds, and the ratio.
pub(crate) fn compare(tokens: &Tokens) -> anyhow::Result<()> {
    let unchecked = cost(tokens, "unchecked")?;
    let checked = cost(tokens, "checked")?;
    let before = processor_micros(std::process::id())?;
    for number in 0..tokens.len() {
        anyhow::ensure!(tokens.verify_raw(number)?);
    }
    let raw = (processor_micros(std::process::id())? - before) / count(tokens.len());
    let allowed = unchecked + raw + ALLOWANCE_MICROS;
    println!(
        "http RS256: checked {checked:.1} us unchecked {unchecked:.1} us raw {raw:.1} us over {:.1} us ratio {:.2}",
        checked - unchecked - raw,
        allowed / checked
    );
    Ok(())
}

fn cost(tokens: &Tokens, role: &str) -> anyhow::Result<f64> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--server", role, &tokens.key_set()])
        .stdout(Stdio::piped());
    let mut server = Running(command.spawn()?);
    let mut line = String::new();
    let output = server.0.stdout.take().expect("piped");
    BufReader::new(output).read_line(&mut line)?;
    let address: SocketAddr = line.trim().parse()?;
    let mut connections: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(address))
        .collect::<Result<_, _>>()?;
    for connection in &connections {
        connection.set_nodelay(true)?;
    }
    drive(&mut connections, tokens, 0..WARM_UP)?;
    let before = processor_micros(server.0.id())?;
    drive(&mut connections, tokens, WARM_UP..tokens.len())?;
    let spent = processor_micros(server.0.id())? - before;
    Ok(spent / count(tokens.len() - WARM_UP))
}

/// Posts these tokens; every one must be answered 200.
fn drive(
    connections: &mut [TcpStream],
    tokens: &Tokens,
    numbers: std::ops::Range<usize>,
) -> anyhow::Result<()> {
    let numbers: Vec<usize> = numbers.collect();
    for batch in numbers.chunks(connections.len()) {
        for (number, connection) in batch.iter().zip(connections.iter_mut()) {
            let body = format!("logout_token={}", tokens.text(*number));
            let request = format!(
                "POST /backchannel-logout HTTP/1.1\r\nHost: rp\r\nContent-Type: \
                 application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            connection.write_all(request.as_bytes())?;
        }
        for (_, connection) in batch.iter().zip(connections.iter_mut()) {
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

/// What the process's threads have run so far.
fn processor_micros(process: u32) -> anyhow::Result<f64> {
    let mut nanos = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += text.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(nanos / 1e3)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("a few thousand"))
}

/// A server that ends with the measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
