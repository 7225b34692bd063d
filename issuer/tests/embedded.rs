//! The example of an embedding provider, played as a test.

#[path = "../examples/embedded/main.rs"]
mod embedded;

#[test]
fn an_embedded_engine_tells_what_the_host_committed_and_nothing_else() {
    embedded::main().expect("the app hears what it must");
}
