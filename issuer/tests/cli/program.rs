//! Runs the program in a folder of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a configuration, a master key and a store that has its keys.
pub(crate) struct Program {
    folder: TempDir,
}

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Program {
    /// A folder in which the first start has happened. Making keys takes time, so it happens
    /// once for all tests.
    pub(crate) fn new() -> Self {
        static STARTED: OnceLock<Program> = OnceLock::new();
        let started = STARTED.get_or_init(|| {
            let program = Self::empty();
            program.ok(&["keys", "list"]);
            program
        });
        let program = Self::empty();
        for file in ["issuer.db", "master.key"] {
            std::fs::copy(started.path(file), program.path(file)).unwrap();
        }
        program
    }

    /// A folder with a configuration only.
    pub(crate) fn empty() -> Self {
        let program = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        program.configure("");
        program
    }

    /// Writes the configuration: a free port, one algorithm, and what is given here.
    pub(crate) fn configure(&self, extra: &str) {
        let text = format!(
            "{}\n{extra}",
            "[http]\nlisten = \"127.0.0.1:0\"\n\
             [storage]\nurl = \"sqlite:issuer.db\"\n\
             [keys]\nmaster_key_file = \"master.key\"\nsigning_algorithms = [\"RS256\"]"
        );
        std::fs::write(self.path("issuer.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The program with its configuration, ready for arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(self.folder.path());
        command
            .args(arguments)
            .env("LOGOUT_ISSUER_CONFIG", self.path("issuer.toml"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        run(self.command(arguments), "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Run {
        run(self.command(arguments), input)
    }

    /// Runs a command that must succeed and gives what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        assert_eq!(run.err, "", "{arguments:?}");
        run.out
    }

    /// Runs a command that must succeed and gives the JSON that it printed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let out = self.ok(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
    }

    /// Runs a command that must be refused, and gives the reason.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let run = self.run(arguments);
        assert_eq!(
            (run.code, run.out.as_str()),
            (1, ""),
            "{arguments:?}: {}",
            run.err
        );
        assert!(run.err.starts_with("error: "), "{}", run.err);
        run.err
    }

    /// Starts the server and waits for the line with its address.
    pub(crate) fn serve(&self) -> Serving {
        Serving::start(self.command(&["serve"]))
    }

    /// Starts the server for a test that has no other use for the folder.
    pub(crate) fn serve_forever(self) -> Serving {
        let mut server = self.serve();
        server.program = Some(self);
        server
    }
}

/// The program without a configuration file, and without settings from the environment of the
/// tests.
pub(crate) fn bare(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logout-issuer"));
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("LOGOUT_ISSUER")) {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

pub(crate) fn run(mut command: Command, input: &str) -> Run {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A program that refuses at once does not read; that is not this test's concern.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let done = child.wait_with_output().unwrap();
    Run {
        code: done.status.code().unwrap_or(-1),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}

/// A running server; killed when dropped.
pub(crate) struct Serving {
    child: Child,
    out: BufReader<ChildStdout>,
    program: Option<Program>,
    pub(crate) address: SocketAddr,
    pub(crate) issuer: String,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let Some((address, issuer)) = parse(&line) else {
            let mut error = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut error)
                .unwrap();
            panic!("the server did not start: {line}{error}");
        };
        Self {
            child,
            out,
            program: None,
            address,
            issuer,
        }
    }

    /// The next line that it prints.
    pub(crate) fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The lines that it writes to standard error from now on.
    pub(crate) fn listen_to_errors(&mut self) -> Receiver<String> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let errors = BufReader::new(self.child.stderr.take().unwrap());
        std::thread::spawn(move || {
            // It ends with the process, or with the test.
            let mut lines = errors.lines().map_while(Result::ok);
            lines.all(|line| sender.send(line).is_ok());
        });
        receiver
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end of the process; gives what it had written to standard error.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut error = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut error)
            .unwrap();
        (self.child.wait().unwrap(), error)
    }

    /// Sends a request and gives the whole answer, head and body.
    pub(crate) fn request(&self, head: &str, body: &str) -> String {
        let request = format!(
            "{head} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.exchange(request.as_bytes())
    }

    /// Sends bytes and reads until the server closes.
    pub(crate) fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of a request without a body.
    pub(crate) fn status(&self, head: &str) -> u16 {
        status_of(&self.request(head, ""))
    }
}

pub(crate) fn status_of(answer: &str) -> u16 {
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no status in {answer:?}"))
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It fails only where the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads `listening on http://ADDRESS as issuer ISSUER`, or https.
fn parse(line: &str) -> Option<(SocketAddr, String)> {
    let (listening, issuer) = line.trim_end().split_once(" as issuer ")?;
    let (scheme, address) = listening.strip_prefix("listening on ")?.split_once("://")?;
    assert!(["http", "https"].contains(&scheme), "{line}");
    Some((address.parse().ok()?, issuer.to_owned()))
}

/// Tries until something is there.
pub(crate) fn until<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{what} did not happen within {PATIENCE:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
