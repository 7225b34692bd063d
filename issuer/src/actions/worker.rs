//! A worker: a child process that runs Actions one after the other, and nothing else.
//!
//! It confines itself before it reads the first job: no new files, no children, no core, bounded
//! memory, no privileges to win; its environment holds nothing of the server's. The sockets API is
//! out of reach since the engine has no way to it and no descriptor can be opened. It ends when its
//! input ends.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::{engine, frames};
use crate::domain::action_run::ActionJob;

/// The hidden sub-command that makes a process a worker.
pub const COMMAND: &str = "action-worker";

/// Address space beside what the scripts may use: the program itself and its threads.
const OWN_BYTES: u64 = 512 * 1024 * 1024;

/// The largest memory limit that a configuration can name, in bytes.
pub const MAX_MEMORY: usize = 512 * 1024 * 1024;

/// The command that makes a program, `logout-issuer`, a worker; jobs and answers go through its
/// pipes.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg(COMMAND)
        .env_clear()
        // At once mimalloc would reserve as much address space as a worker may have in all, and
        // then not even the stack could grow.
        .env("MIMALLOC_ARENA_RESERVE", "32M")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Works until the input ends.
///
/// # Errors
///
/// [`io::Error`] if the process cannot be confined or a pipe breaks.
pub fn work() -> io::Result<()> {
    confine()?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    while let Some(job) = frames::read::<ActionJob>(&mut input)? {
        allow_processor_time(job.limits.time)?;
        let run = engine::run(&job);
        frames::write(&mut output, &run)?;
    }
    Ok(())
}

fn confine() -> io::Result<()> {
    let never = [Resource::Fsize, Resource::Core, Resource::Nproc];
    for resource in never {
        limit(resource, 0)?;
    }
    // Descriptors 0 to 2 stay; no other can be opened.
    limit(Resource::Nofile, 3)?;
    limit(Resource::As, OWN_BYTES + MAX_MEMORY as u64)?;
    #[cfg(target_os = "linux")]
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource)
        .maximum
        .map_or(most, |now| now.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, limit)?)
}

/// Processor time for one job, so that a worker whose server died does not run on for ever.
fn allow_processor_time(time: Duration) -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
    let used = u64::try_from(used).unwrap_or_default();
    let maximum = getrlimit(Resource::Cpu).maximum;
    let wanted = used + 2 * time.as_secs() + 2;
    let current = Some(maximum.map_or(wanted, |most| most.min(wanted)));
    Ok(setrlimit(Resource::Cpu, Rlimit { current, maximum })?)
}
