//! The JavaScript engine: one fresh runtime for each run, with limits on time, memory and stack.
//!
//! The engine's own limits are the first fence: loops inside native code do not ask whether time
//! is over, so [`Pool`](super::Pool) kills what does not stop. `prelude.js` makes `event` and
//! `api`; the session's metadata, the commands and the output are kept here, outside of the
//! script's reach, and by the same rules as everywhere else.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use logout_shared::{MetadataError, SessionMetadata};
use rquickjs::context::EvalOptions;
use rquickjs::{
    CatchResultExt as _, CaughtError, Context, Ctx, Error, Function, Object, Runtime, Value,
};
use serde_json::json;

use crate::domain::action_run::{
    ActionCommand, ActionError, ActionErrorKind, ActionJob, ActionRun, MAX_COMMAND_BYTES,
    MAX_CONSOLE_CHARS, RESERVED_CLAIMS,
};

const PRELUDE: &str = include_str!("prelude.js");

/// How deep the script may call.
const STACK_BYTES: usize = 512 * 1024;

/// Runs an Action on this thread.
pub(super) fn run(job: &ActionJob) -> ActionRun {
    let begun = Instant::now();
    let output = Rc::new(RefCell::new(Output::of(job)));
    let result = evaluate(job, &output, begun);
    let mut output = output.borrow_mut();
    let result = result.and_then(|()| {
        if output.is_full() {
            let text = "The Action asks for too much at once.";
            return Err(ActionError::new(ActionErrorKind::Output, text));
        }
        output.commands()
    });
    ActionRun {
        result,
        console: std::mem::take(&mut output.console),
        duration: begun.elapsed(),
    }
}

fn evaluate(
    job: &ActionJob,
    output: &Rc<RefCell<Output>>,
    begun: Instant,
) -> Result<(), ActionError> {
    let broken = |error: Error| {
        ActionError::new(
            ActionErrorKind::Crashed,
            format!("The script engine failed: {error}"),
        )
    };
    let runtime = Runtime::new().map_err(broken)?;
    runtime.set_memory_limit(job.limits.memory);
    runtime.set_max_stack_size(STACK_BYTES);
    let is_late = Arc::new(AtomicBool::new(false));
    let (late, limit) = (Arc::clone(&is_late), job.limits.time);
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let over = begun.elapsed() >= limit;
        if over {
            late.store(true, Ordering::Relaxed);
        }
        over
    })));
    let context = Context::full(&runtime).map_err(broken)?;
    context.with(|ctx| {
        let ran = script(&ctx, job, output, &is_late);
        let Err(error) = ran.catch(&ctx) else {
            return Ok(());
        };
        Err(
            if is_late.load(Ordering::Relaxed) || begun.elapsed() >= limit {
                too_late(limit)
            } else {
                explain(&error, job.limits.memory)
            },
        )
    })
}

fn script(
    ctx: &Ctx<'_>,
    job: &ActionJob,
    output: &Rc<RefCell<Output>>,
    is_late: &AtomicBool,
) -> Result<(), Error> {
    let prelude: Function<'_> = ctx.eval(PRELUDE)?;
    let start: Function<'_> = prelude.call((job_text(job), host(ctx, output)?))?;
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(job.name.clone());
    let wrapped = format!("(function (exports, module) {{{}\n}})", job.code);
    let load: Function<'_> = ctx.eval_with_options(wrapped, options)?;
    let begun: Value<'_> = start.call((load,))?;
    let Some(promise) = begun.as_promise() else {
        return Ok(());
    };
    loop {
        if let Some(settled) = promise.result::<Value<'_>>() {
            return settled.map(drop);
        }
        if is_late.load(Ordering::Relaxed) || !ctx.execute_pending_job() {
            return Err(Error::WouldBlock);
        }
    }
}

fn job_text(job: &ActionJob) -> String {
    json!({
        "event": job.event,
        "secrets": job.secrets,
        "cache": job.cache,
        "reserved": RESERVED_CLAIMS.as_slice(),
        "texts": {
            "key": MetadataError::KeyNotString.to_string(),
            "value": MetadataError::ValueNotString.to_string(),
        },
    })
    .to_string()
}

/// What the prelude calls.
fn host<'js>(ctx: &Ctx<'js>, output: &Rc<RefCell<Output>>) -> Result<Object<'js>, Error> {
    let host = Object::new(ctx.clone())?;
    let out = Rc::clone(output);
    let emit = move |text: String| out.borrow_mut().emit(text);
    host.set("emit", Function::new(ctx.clone(), emit)?)?;
    let out = Rc::clone(output);
    let log = move |text: String| {
        out.borrow_mut().print(&text);
    };
    host.set("log", Function::new(ctx.clone(), log)?)?;
    let out = Rc::clone(output);
    let set = move |key: String, value: String| out.borrow_mut().set_metadata(key, value);
    host.set("setMetadata", Function::new(ctx.clone(), set)?)?;
    let out = Rc::clone(output);
    let delete = move |key: String| out.borrow_mut().delete_metadata(&key);
    host.set("deleteMetadata", Function::new(ctx.clone(), delete)?)?;
    let out = Rc::clone(output);
    let evict = move || out.borrow_mut().metadata = Ok(SessionMetadata::new());
    host.set("evictMetadata", Function::new(ctx.clone(), evict)?)?;
    let out = Rc::clone(output);
    let metadata = move || out.borrow().metadata_json();
    host.set("metadata", Function::new(ctx.clone(), metadata)?)?;
    let bytes = |text: String| text.len();
    host.set("bytes", Function::new(ctx.clone(), bytes)?)?;
    Ok(host)
}

/// What a script says and asks for.
struct Output {
    metadata: Result<SessionMetadata, MetadataError>,
    emitted: Vec<String>,
    bytes: usize,
    console: String,
    printed: usize,
}

impl Output {
    fn of(job: &ActionJob) -> Self {
        let metadata = match job
            .event
            .get("session")
            .and_then(|session| session.get("metadata"))
        {
            None | Some(serde_json::Value::Null) => Ok(SessionMetadata::new()),
            Some(known) => SessionMetadata::from_json(known),
        };
        Self {
            metadata,
            emitted: Vec::new(),
            bytes: 0,
            console: String::new(),
            printed: 0,
        }
    }

    /// Takes a command; false if there is no room for it.
    fn emit(&mut self, command: String) -> bool {
        self.bytes = self.bytes.saturating_add(command.len());
        let fits = !self.is_full();
        if fits {
            self.emitted.push(command);
        }
        fits
    }

    fn is_full(&self) -> bool {
        self.bytes > MAX_COMMAND_BYTES
    }

    /// What is wrong, or nothing.
    fn set_metadata(&mut self, key: String, value: String) -> String {
        let set = match &mut self.metadata {
            Ok(metadata) => metadata.set(key, value),
            Err(why) => Err(*why),
        };
        set.err().map_or_else(String::new, |why| why.to_string())
    }

    fn delete_metadata(&mut self, key: &str) -> bool {
        self.metadata.as_mut().is_ok_and(|map| map.remove(key))
    }

    fn metadata_json(&self) -> String {
        let known = self.metadata.as_ref();
        known.map_or_else(|_| "null".to_owned(), |map| json!(map).to_string())
    }

    fn print(&mut self, text: &str) {
        if self.printed > 0 && self.printed < MAX_CONSOLE_CHARS {
            self.console.push('\n');
            self.printed += 1;
        }
        let room = MAX_CONSOLE_CHARS.saturating_sub(self.printed);
        self.console.extend(text.chars().take(room));
        self.printed += text.chars().take(room).count();
    }

    fn commands(&mut self) -> Result<Vec<ActionCommand>, ActionError> {
        let read = self.emitted.iter().map(|text| serde_json::from_str(text));
        let read: Result<_, serde_json::Error> = read.collect();
        read.map_err(|error| {
            let text = format!("The Action asked for something that is not understood: {error}");
            ActionError::new(ActionErrorKind::Output, text)
        })
    }
}

/// What is said of a run whose time is over.
pub(super) fn too_late(limit: Duration) -> ActionError {
    let text = format!("The Action took longer than {} ms.", limit.as_millis());
    ActionError::new(ActionErrorKind::Timeout, text)
}

fn explain(error: &CaughtError<'_>, memory: usize) -> ActionError {
    match error {
        CaughtError::Error(Error::WouldBlock) => {
            let text = "The Action never ends: its promise is not settled by anything.";
            ActionError::new(ActionErrorKind::Timeout, text)
        }
        CaughtError::Error(error) => ActionError::new(
            ActionErrorKind::Thrown,
            format!("The Action failed: {error}"),
        ),
        CaughtError::Exception(exception) => {
            let name: Option<String> = exception.as_object().get("name").ok();
            let name = name.unwrap_or_default();
            let message = exception.message().unwrap_or_default();
            if message == "out of memory" {
                return out_of_memory(memory);
            }
            if name == "SyntaxError" {
                let at = exception.stack().unwrap_or_default();
                let at = at.trim().trim_start_matches("at ");
                let told = format!("SyntaxError: {message} ({at})");
                return ActionError::new(ActionErrorKind::Syntax, told);
            }
            let told = if message.is_empty() {
                format!("The Action threw {name}.")
            } else {
                message
            };
            ActionError::new(ActionErrorKind::Thrown, told)
        }
        CaughtError::Value(value) => {
            let text = value.as_string().and_then(|text| text.to_string().ok());
            let told = text.unwrap_or_else(|| format!("The Action threw {}.", written(value)));
            ActionError::new(ActionErrorKind::Thrown, told)
        }
    }
}

fn written(value: &Value<'_>) -> String {
    let json = value.ctx().json_stringify(value.clone()).ok().flatten();
    let json = json.and_then(|text| text.to_string().ok());
    json.unwrap_or_else(|| value.type_name().to_owned())
}

fn out_of_memory(limit: usize) -> ActionError {
    let text = format!("The Action used more than {} MiB of memory.", limit >> 20);
    ActionError::new(ActionErrorKind::Memory, text)
}
