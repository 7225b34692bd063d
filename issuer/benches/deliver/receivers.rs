//! The relying parties of the bench: this program again, in a process of its own.
//!
//! It listens on one loopback port for each endpoint, reads just enough HTTP to find the end of a
//! request, and answers 200. The parent steers it over one more connection: how many were told, when
//! each session was told, which endpoints hang. One thread serves all, so that it costs little.

use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::{LocalSet, spawn_local};

const ROLE: &str = "--receivers";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A token that came in.
pub(crate) struct Arrival {
    pub(crate) sid: String,
    pub(crate) client: String,
    /// On the clock of [`wall`].
    pub(crate) at: Duration,
}

/// The relying parties, as the parent sees them; they stop with it.
pub(crate) struct Receivers {
    process: Child,
    control: TcpStream,
    endpoints: Vec<SocketAddr>,
}

impl Receivers {
    /// Starts `count` of them.
    pub(crate) fn start(count: usize) -> std::io::Result<Receivers> {
        let mut process = Command::new(std::env::current_exe()?)
            .args([ROLE, &count.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().expect("piped");
        let mut lines = BufReader::new(output).lines();
        let mut address = || -> std::io::Result<SocketAddr> {
            let line = lines.next().transpose()?.unwrap_or_default();
            line.parse().map_err(std::io::Error::other)
        };
        let control = TcpStream::connect(address()?)?;
        control.set_nodelay(true)?;
        let endpoints = (0..count)
            .map(|_| address())
            .collect::<std::io::Result<_>>()?;
        Ok(Receivers {
            process,
            control,
            endpoints,
        })
    }

    /// The URLs at which they are told.
    pub(crate) fn urls(&self) -> Vec<String> {
        let url = |address: &SocketAddr| format!("http://{address}/backchannel-logout");
        self.endpoints.iter().map(url).collect()
    }

    /// How many tokens have come in so far.
    pub(crate) fn told(&mut self) -> u64 {
        self.ask(b'c', 0)
    }

    /// Lets the first `count` endpoints hang: they read and never answer.
    pub(crate) fn hang(&mut self, count: usize) {
        self.ask(b'h', u64::try_from(count).expect("a few"));
    }

    /// Notes from now on when each session was told, or stops to.
    pub(crate) fn note_arrivals(&mut self, on: bool) {
        self.ask(b'n', u64::from(on));
    }

    /// Which sessions were told since the previous call, to which clients, and when.
    pub(crate) fn arrivals(&mut self) -> Vec<Arrival> {
        let length = self.ask(b'a', 0);
        let mut text = vec![0; usize::try_from(length).expect("fits in memory")];
        self.control
            .read_exact(&mut text)
            .expect("the receivers run");
        let text = String::from_utf8(text).expect("our own text");
        let arrival = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            Some(Arrival {
                sid: words.next()?,
                client: words.next()?,
                at: Duration::from_micros(words.next()?.parse().ok()?),
            })
        };
        text.lines().filter_map(arrival).collect()
    }

    /// The processor time that they have used.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    fn ask(&mut self, command: u8, argument: u64) -> u64 {
        let mut message = [command; 9];
        message[1..].copy_from_slice(&argument.to_le_bytes());
        self.control.write_all(&message).expect("the receivers run");
        let mut answer = [0; 8];
        self.control
            .read_exact(&mut answer)
            .expect("the receivers run");
        u64::from_le_bytes(answer)
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Serves if the arguments ask for that role.
pub(crate) fn serve_if_asked() -> bool {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(ROLE) {
        return false;
    }
    let count = arguments.next().and_then(|count| count.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, serve(count.unwrap_or(1)));
    true
}

#[derive(Default)]
struct Shared {
    told: Cell<u64>,
    hanging: Cell<u64>,
    notes: Cell<bool>,
    arrivals: RefCell<String>,
}

async fn serve(count: u64) {
    let shared = Rc::new(Shared::default());
    let control = listen().await;
    for number in 0..count {
        let (listener, shared) = (listen().await, Rc::clone(&shared));
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn_local(endpoint(stream, Rc::clone(&shared), number));
            }
        });
    }
    let (mut parent, _) = control.accept().await.expect("the parent connects");
    let mut message = [0; 9];
    // Ends when the parent does.
    while parent.read_exact(&mut message).await.is_ok() {
        let argument = u64::from_le_bytes(message[1..].try_into().expect("eight bytes"));
        let mut text = String::new();
        let number = match message[0] {
            b'h' => shared.hanging.replace(argument),
            b'n' => u64::from(shared.notes.replace(argument == 1)),
            b'a' => {
                text = shared.arrivals.take();
                text.len() as u64
            }
            _ => shared.told.get(),
        };
        let answered = parent.write_all(&number.to_le_bytes()).await;
        if answered.is_err() || parent.write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("a bound socket"));
    listener
}

async fn endpoint(mut stream: tokio::net::TcpStream, shared: Rc<Shared>, number: u64) {
    let _ = stream.set_nodelay(true);
    let (mut buffer, mut filled) = (vec![0; 128 * 1024], 0);
    loop {
        match stream.read(&mut buffer[filled..]).await {
            Ok(0) | Err(_) => return,
            Ok(length) => filled += length,
        }
        let Some(body) = whole_request(&buffer[..filled]) else {
            continue;
        };
        if shared.notes.get() {
            note(&shared, body);
        }
        filled = 0;
        if number < shared.hanging.get() {
            std::future::pending::<()>().await;
        }
        shared.told.set(shared.told.get() + 1);
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

/// The body of a request that is there as a whole; only one is ever under way on a connection.
fn whole_request(bytes: &[u8]) -> Option<&[u8]> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let lines = bytes[..head].split(|byte| *byte == b'\n');
    let length = lines.rev().find_map(|line| {
        let (name, value) = line.split_at_checked(15)?;
        let value = str::from_utf8(value).ok()?;
        name.eq_ignore_ascii_case(b"content-length:")
            .then(|| value.trim().parse::<usize>().ok())?
    })?;
    let body = &bytes[head + 4..];
    (body.len() >= length).then_some(body)
}

fn note(shared: &Shared, body: &[u8]) {
    use std::fmt::Write as _;
    let claims = str::from_utf8(body)
        .ok()
        .and_then(|body| body.split('.').nth(1))
        .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
        .and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok());
    let Some(claims) = claims else { return };
    let claim = |name: &str| claims[name].as_str().unwrap_or_default();
    let (sid, client, at) = (claim("sid"), claim("aud"), wall().as_micros());
    let _ = writeln!(shared.arrivals.borrow_mut(), "{sid} {client} {at}");
}

/// The wall clock, which both processes share.
#[expect(
    clippy::disallowed_methods,
    reason = "two processes compare their clocks"
)]
pub(crate) fn wall() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
