//! `http.admin_listen`: an address of its own for the Management API.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::program::{Program, Serving, run, status_of};

fn get(address: SocketAddr, path: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    status_of(&answer)
}

#[test]
fn the_server_listens_there_and_says_so() {
    let program = Program::new();
    let mut command = program.command(&["serve"]);
    command.env("LOGOUT_ISSUER__HTTP__ADMIN_LISTEN", "127.0.0.1:0");
    let mut server = Serving::start(command);
    let line = server.next_line();
    let admin = line.strip_prefix("the Management API is on http://");
    let admin: SocketAddr = admin.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
    assert_ne!(admin, server.address);
    assert_eq!(get(admin, "/api/v2/clients"), 401);
    assert_eq!(get(server.address, "/api/v2/clients"), 404);
    assert_eq!(get(admin, "/healthz"), 200);
    assert_eq!(get(server.address, "/healthz"), 200);
    server.signal("TERM");
    let (status, error) = server.wait();
    assert_eq!(status.code(), Some(0), "{error}");
    assert!(TcpStream::connect(admin).is_err());
}

#[test]
fn a_taken_address_is_told_with_its_setting() {
    let program = Program::empty();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let mut command = program.command(&["serve"]);
    command.env("LOGOUT_ISSUER__HTTP__ADMIN_LISTEN", &address);
    let run = run(command, "");
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(
        run.err.contains(&address) && run.err.contains("set http.admin_listen"),
        "{}",
        run.err
    );
    assert!(!program.path("issuer.db").exists());
}
