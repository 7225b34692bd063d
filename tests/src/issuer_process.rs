//! The real server in a process of its own: started, killed, started again.
//!
//! Runs the `logout-issuer` binary of this build on a free loopback port with its store in a
//! folder of the caller's, so a test can kill it at any instant and see what it remembers. The
//! command line works beside it on the same store.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use crate::http;

/// How long a server may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server of its own process. Killed when dropped.
#[derive(Debug)]
pub struct IssuerProcess {
    child: Child,
    home: IssuerHome,
}

/// Where a server keeps its configuration and store; survives the server.
#[derive(Debug, Clone)]
pub struct IssuerHome {
    folder: PathBuf,
    port: u16,
    tls: bool,
}

/// A client as the command line prints it.
#[derive(Debug, Clone)]
pub struct CreatedClient {
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: String,
}

impl IssuerHome {
    /// Writes a configuration for a free port into a folder; `extra` is appended to it.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn new(folder: &Path, extra: &str) -> io::Result<Self> {
        Self::write(folder, extra, false)
    }

    /// As [`new`](Self::new), for a server that speaks TLS with a certificate of its own making.
    /// Whoever trusts [`authority`](Self::authority) trusts it.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    pub fn with_tls(folder: &Path, extra: &str) -> io::Result<Self> {
        Self::write(folder, extra, true)
    }

    fn write(folder: &Path, extra: &str, tls: bool) -> io::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let home = Self {
            folder: folder.to_owned(),
            port,
            tls,
        };
        let certificate = if tls { "tls = \"self-signed\"\n" } else { "" };
        let text = format!(
            "issuer = \"{}\"\n[http]\nlisten = \"127.0.0.1:{port}\"\n{certificate}\
             [storage]\nurl = \"sqlite:issuer.db\"\n[keys]\nmaster_key_file = \"master.key\"\n{extra}",
            home.issuer()
        );
        std::fs::write(folder.join("issuer.toml"), text)?;
        Ok(home)
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}/", self.port)
    }

    /// The file with the certificate authority to trust, for a server that speaks TLS; it is there
    /// once the server has started. Programs get it as `NODE_EXTRA_CA_CERTS` or `SSL_CERT_FILE`.
    pub fn authority(&self) -> Option<PathBuf> {
        self.tls.then(|| self.folder.join("development-ca.pem"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command
            .arg("--config")
            .arg(self.folder.join("issuer.toml"))
            .current_dir(&self.folder);
        command
    }

    /// Runs a command of the command line and gives what it printed as JSON.
    ///
    /// # Panics
    ///
    /// If the command fails or does not print JSON.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        serde_json::from_slice(&output.stdout).expect("--json prints JSON")
    }

    /// Runs a command of the command line.
    ///
    /// # Panics
    ///
    /// If the binary cannot be run.
    pub async fn run(&self, arguments: &[&str]) -> std::process::Output {
        self.command()
            .args(arguments)
            .output()
            .await
            .expect("the binary runs")
    }

    /// Makes a client that is told of every end at `logout_url`, and may use the whole API.
    ///
    /// # Panics
    ///
    /// If the command fails.
    pub async fn create_client(&self, callback: &str, logout_url: &str) -> CreatedClient {
        let made = self
            .json(&[
                "client",
                "create",
                "--name",
                "app",
                "--callback",
                callback,
                "--backchannel-logout-url",
                logout_url,
                "--initiators",
                "all",
                "--include-session-metadata",
                "--management-scopes",
                "all",
                "--json",
            ])
            .await;
        let member = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        CreatedClient {
            id: member("client_id"),
            secret: member("client_secret"),
        }
    }

    /// Makes a user who signs in with this password and gives the `user_id`.
    ///
    /// # Panics
    ///
    /// If the command fails.
    pub async fn create_user(&self, email: &str, password: &str) -> String {
        let arguments = [
            "user",
            "create",
            "--email",
            email,
            "--password",
            password,
            "--json",
        ];
        let made = self.json(&arguments).await;
        made["user_id"].as_str().unwrap_or_default().to_owned()
    }
}

impl IssuerProcess {
    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If it does not start; what it said is in the message.
    pub async fn start(home: &IssuerHome) -> Self {
        Self::run(home, home.command()).await
    }

    /// As [`start`](Self::start), on a disk that is full: no file of the server may grow beyond
    /// `bytes`.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start), and without the command `prlimit` of util-linux.
    pub async fn start_with_file_limit(home: &IssuerHome, bytes: u64) -> Self {
        let plain = home.command();
        // A write beyond the limit is to fail, not to kill.
        let limited = "trap '' XFSZ; exec prlimit --fsize=\"$0\": \"$@\"";
        let mut command = Command::new("sh");
        command
            .args(["-c", limited, &bytes.to_string()])
            .arg(plain.as_std().get_program())
            .args(plain.as_std().get_args())
            .current_dir(&home.folder);
        Self::run(home, command).await
    }

    /// Gives the disk room again.
    ///
    /// # Panics
    ///
    /// Without the command `prlimit` of util-linux.
    pub async fn lift_file_limit(&self) {
        let pid = self.pid().expect("the server runs").to_string();
        let lifted = Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=unlimited:"])
            .status()
            .await;
        assert!(lifted.expect("prlimit runs").success());
    }

    async fn run(home: &IssuerHome, mut command: Command) -> Self {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(home.folder.join("issuer.log"))
            .expect("the folder can be written");
        let errors = log.try_clone().expect("a file handle can be cloned");
        let child = command
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary runs");
        let mut server = Self {
            child,
            home: home.clone(),
        };
        let ready = format!("{}readyz", home.issuer());
        let waited = tokio::time::timeout(PATIENCE, async {
            while !http::answers_ok(&ready, home.authority().as_deref()).await {
                if let Ok(Some(status)) = server.child.try_wait() {
                    panic!("the server ended with {status}: {}", server.log());
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(
            waited.await.is_ok(),
            "the server is not ready: {}",
            server.log()
        );
        server
    }

    /// What the server wrote to its log so far, also in earlier lives.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.folder.join("issuer.log")).unwrap_or_default()
    }

    /// The server's process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The server's resident memory in KiB, where the operating system tells.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Kills the server with SIGKILL: it has no time for anything.
    pub async fn kill(mut self) {
        let _ = self.child.kill().await;
    }
}

/// The server's binary of this build, beside the test's own.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test
        .ancestors()
        .find(|folder| folder.join("logout-issuer").is_file());
    folder
        .expect("`cargo test --workspace` builds logout-issuer")
        .join("logout-issuer")
}
